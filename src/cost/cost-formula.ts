// A bound as people read it: `2.3e6·x[0] + 4.1e3·x[0]·x[1]²`. For eyes only; nothing is computed from it.
import type { CostBound, CostExpression } from './cost-model.ts';

/** A product: how often each factor is in it, by its text. */
interface Term {
  readonly factor: number;
  readonly powers: ReadonlyMap<string, number>;
}

/** Products that a sum is multiplied out into. */
const maxTerms = 64;
const maxShownTerms = 8;
const maxTextChars = 160;
const superscripts = '⁰¹²³⁴⁵⁶⁷⁸⁹';

/** @param nameOf how a variable is shown; what it gives must be printable. */
export function costFormula(bound: CostBound, nameOf: (variable: string) => string): string {
  if (bound === null) return 'not bounded';
  const terms = termsOf(bound, nameOf);
  const sorted = [...terms].sort((a, b) => degree(b) - degree(a));
  const shown = sorted.slice(0, maxShownTerms).map(termText);
  const more = sorted.length > maxShownTerms ? ` + ${sorted.length - maxShownTerms} more` : '';
  return (shown.length === 0 ? '0' : shown.join(' + ')) + more;
}

function termsOf(expression: CostExpression, nameOf: (variable: string) => string): readonly Term[] {
  if (typeof expression === 'number') return expression === 0 ? [] : [{ factor: expression, powers: new Map() }];
  if (typeof expression === 'string') return [single(nameOf(expression))];
  const operands = expression.of.map((operand) => termsOf(operand, nameOf));
  if (expression.op === '+') return collected(operands.flat());
  if (expression.op === '*') {
    let product: readonly Term[] = [{ factor: 1, powers: new Map() }];
    for (const terms of operands) {
      // A product of long sums stays one: nobody would read what it comes to.
      if (product.length * terms.length > maxTerms) return [single(cut(operands.map(sumText).join('·')))];
      product = collected(product.flatMap((a) => terms.map((b) => multiplied(a, b))));
    }
    return product;
  }
  if (expression.op === 'max' || expression.op === 'min')
    return [single(cut(`${expression.op}(${operands.map((terms) => joined(terms)).join(', ')})`))];
  const [dividend, divisor] = operands.map(sumText);
  return [single(cut(expression.op === 'floor/' ? `⌊${dividend}/${divisor}⌋` : `⌈${dividend}/${divisor}⌉`))];
}

function single(text: string): Term {
  return { factor: 1, powers: new Map([[text, 1]]) };
}

function multiplied(a: Term, b: Term): Term {
  const powers = new Map(a.powers);
  for (const [text, power] of b.powers) powers.set(text, (powers.get(text) ?? 0) + power);
  return { factor: a.factor * b.factor, powers };
}

/** Terms of the same powers are one. */
function collected(terms: readonly Term[]): readonly Term[] {
  const byPowers = new Map<string, Term>();
  for (const term of terms) {
    const key = JSON.stringify([...term.powers].sort(([a], [b]) => (a < b ? -1 : 1)));
    const before = byPowers.get(key);
    byPowers.set(key, before === undefined ? term : { ...term, factor: before.factor + term.factor });
  }
  return [...byPowers.values()];
}

function degree({ powers }: Term): number {
  let sum = 0;
  for (const power of powers.values()) sum += power;
  return sum;
}

function termText({ factor, powers }: Term): string {
  const factors = [...powers].sort(([a], [b]) => (a < b ? -1 : 1)).map(([text, power]) => text + raised(power));
  if (factors.length === 0) return numberText(factor);
  return factor === 1 ? factors.join('·') : [numberText(factor), ...factors].join('·');
}

function joined(terms: readonly Term[]): string {
  return terms.length === 0 ? '0' : terms.map(termText).join(' + ');
}

function sumText(terms: readonly Term[]): string {
  return terms.length === 1 ? joined(terms) : `(${joined(terms)})`;
}

function raised(power: number): string {
  return power === 1 ? '' : Array.from(String(power), (digit) => superscripts[Number(digit)] ?? digit).join('');
}

function cut(text: string): string {
  return text.length > maxTextChars ? `${text.slice(0, maxTextChars)}…` : text;
}

/** Three digits: `8.1e9`, `640`, `0.25`. */
export function numberText(value: number): string {
  if (!Number.isFinite(value)) return 'more than can be said';
  if (value !== 0 && (Math.abs(value) >= 10_000 || Math.abs(value) < 0.01))
    return value
      .toExponential(2)
      .replace(/\.?0+e/, 'e')
      .replace('e+', 'e');
  return String(Number(value.toPrecision(4)));
}
