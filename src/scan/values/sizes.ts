// Sizes as formulas of what a request chooses: sums of products of variables, and of what cannot be written so (a division that rounds, a maximum) as a
// variable of its own. Equal formulas are equal texts, so that what was multiplied can be divided again. Formulas that grow too large are given up.
import type { CostExpression } from '../../cost/index.ts';

/** A variable, or a part that is no sum of products. Its value is never below 0. */
export interface SizeAtom {
  readonly key: string;
  readonly expression: CostExpression;
  evaluate(values: SizeValues): number;
}

export type SizeValues = (variable: string) => number;

interface SizeTerm {
  readonly key: string;
  readonly factor: number;
  /** In the order of their keys. */
  readonly atoms: readonly SizeAtom[];
}

/** A formula. Terms are in the order of their keys, none has the factor 0. */
export interface Size {
  readonly key: string;
  readonly terms: readonly SizeTerm[];
}

/** Terms of one formula, and letters of its text. A formula of a part that is kept as one counts with its whole text. */
const maxTerms = 96;
const maxKeyLength = 4000;
const maxDegree = 12;

const keyOf = (atoms: readonly SizeAtom[]): string => atoms.map(({ key }) => key).join('*');

function sizeOfTerms(terms: Iterable<SizeTerm>): Size | undefined {
  const kept = [...terms].filter(({ factor }) => factor !== 0);
  if (kept.length > maxTerms) return undefined;
  kept.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const key = kept.map((term) => `${term.factor}*${term.key}`).join('+');
  return key.length > maxKeyLength || kept.some(({ factor }) => !Number.isFinite(factor)) ? undefined : { key, terms: kept };
}

export const zeroSize: Size = { key: '', terms: [] };

export function constantSize(value: number): Size {
  return value === 0 ? zeroSize : { key: `${value}*`, terms: [{ key: '', factor: value, atoms: [] }] };
}

function sizeOfAtom(atom: SizeAtom): Size {
  return { key: `1*${atom.key}`, terms: [{ key: atom.key, factor: 1, atoms: [atom] }] };
}

/** @param name As CostVariable has it; it must hold none of `*`, `+`, `(`, `)` and `,`, or formulas that differ could have one text. */
export function variableSize(name: string, key: string = name): Size {
  return sizeOfAtom({ key, expression: name, evaluate: (values) => values(name) });
}

/** The number that it is; undefined when it has a variable. */
export function constantOf(size: Size): number | undefined {
  if (size.terms.length === 0) return 0;
  return size.terms.length === 1 && size.terms[0].atoms.length === 0 ? size.terms[0].factor : undefined;
}

/** Undefined when either is, or when the sum is too large; so for all that follow. */
export function addSizes(a: Size | undefined, b: Size | undefined): Size | undefined {
  if (a === undefined || b === undefined) return undefined;
  if (a.terms.length === 0) return b;
  if (b.terms.length === 0) return a;
  const sum = new Map(a.terms.map((term) => [term.key, term]));
  for (const term of b.terms) {
    const known = sum.get(term.key);
    sum.set(term.key, known === undefined ? term : { ...known, factor: known.factor + term.factor });
  }
  return sizeOfTerms(sum.values());
}

export function scaleSize(size: Size | undefined, factor: number): Size | undefined {
  if (size === undefined || factor === 1) return size;
  return sizeOfTerms(size.terms.map((term) => ({ ...term, factor: term.factor * factor })));
}

export function multiplySizes(a: Size | undefined, b: Size | undefined): Size | undefined {
  if (a === undefined || b === undefined || a.terms.length * b.terms.length > maxTerms * 8) return undefined;
  // Most factors are plain numbers.
  const [x, y] = [constantOf(a), constantOf(b)];
  if (x !== undefined) return scaleSize(b, x);
  if (y !== undefined) return scaleSize(a, y);
  const product = new Map<string, SizeTerm>();
  for (const x of a.terms) {
    for (const y of b.terms) {
      const atoms = [...x.atoms, ...y.atoms].sort((p, q) => (p.key < q.key ? -1 : p.key > q.key ? 1 : 0));
      if (atoms.length > maxDegree) return undefined;
      const key = keyOf(atoms);
      product.set(key, { key, atoms, factor: (product.get(key)?.factor ?? 0) + x.factor * y.factor });
    }
  }
  return sizeOfTerms(product.values());
}

/** The atoms of `all` without those of `some`; undefined when one is missing. */
function withoutAtoms(all: readonly SizeAtom[], some: readonly SizeAtom[]): readonly SizeAtom[] | undefined {
  const left = [...all];
  for (const { key } of some) {
    const at = left.findIndex((atom) => atom.key === key);
    if (at < 0) return undefined;
    left.splice(at, 1);
  }
  return left;
}

const maxDivisionSteps = 64;

/** The quotient when `b` divides `a` without a rest; undefined otherwise. */
function exactQuotient(a: Size, b: Size): Size | undefined {
  const lead = b.terms.reduce<SizeTerm | undefined>(
    (best, term) => (best === undefined || term.atoms.length > best.atoms.length ? term : best),
    undefined,
  );
  if (lead === undefined) return undefined;
  let [rest, quotient]: [Size | undefined, Size | undefined] = [a, zeroSize];
  for (let step = 0; step < maxDivisionSteps && rest !== undefined && rest.terms.length > 0; step++) {
    let found: SizeTerm | undefined;
    for (const term of rest.terms) {
      const atoms = withoutAtoms(term.atoms, lead.atoms);
      const isLarger = found === undefined || (atoms?.length ?? 0) > found.atoms.length;
      if (atoms !== undefined && isLarger) found = { key: keyOf(atoms), atoms, factor: term.factor / lead.factor };
    }
    const part = found === undefined ? undefined : sizeOfTerms([found]);
    if (part === undefined) return undefined;
    quotient = addSizes(quotient, part);
    rest = addSizes(rest, scaleSize(multiplySizes(part, b), -1));
  }
  return rest?.terms.length === 0 ? quotient : undefined;
}

const isWhole = (size: Size): boolean => size.terms.every(({ factor }) => Number.isInteger(factor));

/** Rounded down. */
export function divideSizes(a: Size | undefined, b: Size | undefined): Size | undefined {
  if (a === undefined || b === undefined || b.terms.length === 0) return undefined;
  const divisor = constantOf(b);
  if (divisor !== undefined) return divideByNumber(a, divisor);
  const quotient = exactQuotient(a, b);
  if (quotient === undefined) return undefined;
  return isWhole(quotient) ? quotient : divideByNumber(scaleSize(quotient, denominator(quotient)), denominator(quotient));
}

function denominator(size: Size): number {
  for (let factor = 2; factor <= 4096; factor++)
    if (size.terms.every((term) => Number.isInteger(term.factor * factor))) return factor;
  return 1;
}

function divideByNumber(a: Size | undefined, divisor: number): Size | undefined {
  if (a === undefined || !(divisor > 0)) return undefined;
  if (divisor === 1) return a;
  const whole: SizeTerm[] = [];
  const rest: SizeTerm[] = [];
  for (const term of a.terms) {
    const quotient = term.atoms.length === 0 ? Math.floor(term.factor / divisor) : term.factor / divisor;
    if (!Number.isInteger(quotient)) rest.push(term);
    else {
      whole.push({ ...term, factor: quotient });
      if (term.factor !== quotient * divisor) rest.push({ ...term, factor: term.factor - quotient * divisor });
    }
  }
  const left = sizeOfTerms(rest);
  if (left === undefined) return undefined;
  const constant = constantOf(left);
  // What is left of numbers alone is below the divisor.
  if (constant !== undefined) return sizeOfTerms(whole);
  const atom: SizeAtom = {
    key: `floor(${left.key},${divisor})`,
    expression: { op: 'floor/', of: [expressionOf(left), divisor] },
    evaluate: (values) => Math.max(0, Math.floor(evaluateSize(left, values) / divisor)),
  };
  return addSizes(sizeOfTerms(whole), sizeOfAtom(atom));
}

/** True when `a` is never below `b`, as far as the factors tell. */
export function isAtLeast(a: Size, b: Size): boolean {
  const rest = addSizes(a, scaleSize(b, -1));
  return rest?.terms.every(({ factor }) => factor > 0) ?? false;
}

export function largerSize(a: Size | undefined, b: Size | undefined): Size | undefined {
  return chooseSize(a, b, 'max');
}

export function smallerSize(a: Size | undefined, b: Size | undefined): Size | undefined {
  return chooseSize(a, b, 'min');
}

function chooseSize(a: Size | undefined, b: Size | undefined, op: 'max' | 'min'): Size | undefined {
  if (a === undefined || b === undefined || a.key === b.key) return a === undefined ? undefined : b;
  const [x, y] = [constantOf(a), constantOf(b)];
  if (x !== undefined && y !== undefined) return constantSize(Math[op](x, y));
  if (isAtLeast(a, b)) return op === 'max' ? a : b;
  if (isAtLeast(b, a)) return op === 'max' ? b : a;
  const [first, second] = a.key < b.key ? [a, b] : [b, a];
  const key = `${op}(${first.key},${second.key})`;
  if (key.length > maxKeyLength) return undefined;
  return sizeOfAtom({
    key,
    expression: { op, of: [expressionOf(first), expressionOf(second)] },
    evaluate: (values) => Math.max(0, Math[op](evaluateSize(first, values), evaluateSize(second, values))),
  });
}

/** Without what is subtracted: never below it, and never below 0. */
export function withoutNegative(size: Size | undefined): Size | undefined {
  if (size === undefined || size.terms.every(({ factor }) => factor > 0)) return size;
  return sizeOfTerms(size.terms.filter(({ factor }) => factor > 0));
}

/** Never below any of them: of each product the largest factor. Both must be free of what is subtracted. */
export function coveringSize(a: Size | undefined, b: Size | undefined): Size | undefined {
  if (a === undefined || b === undefined) return undefined;
  const all = new Map(a.terms.map((term) => [term.key, term]));
  for (const term of b.terms) {
    const known = all.get(term.key);
    if (known === undefined || known.factor < term.factor) all.set(term.key, term);
  }
  return sizeOfTerms(all.values());
}

export function evaluateSize(size: Size, values: SizeValues): number {
  let sum = 0;
  for (const { factor, atoms } of size.terms) {
    let product = factor;
    for (const atom of atoms) product *= atom.evaluate(values);
    sum += product;
  }
  return sum;
}

export function expressionOf(size: Size): CostExpression {
  const terms = size.terms.map(({ factor, atoms }): CostExpression => {
    const parts: readonly CostExpression[] = atoms.map(({ expression }) => expression);
    if (parts.length === 0) return factor;
    if (factor !== 1) return { op: '*', of: [factor, ...parts] };
    return parts.length === 1 ? parts[0] : { op: '*', of: parts };
  });
  if (terms.length === 0) return 0;
  return terms.length === 1 ? terms[0] : { op: '+', of: terms };
}
