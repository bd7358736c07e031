// The rules of token ids: where padding stands, how a row begins and ends, how often special tokens come, how long one token repeats, how
// long a row is. Rows are slices along the last dimension. Endless repeats are how text models are driven out of what they were trained
// on (the "repeat a word forever" extraction of training data, Nasr et al. 2023). Changes nothing.
import { dtypes, elementCount, type Tensor } from '../../tensor/index.ts';
import type { CheckContext, TensorCheck } from '../check-types.ts';
import type { EngineContext } from '../compile-context.ts';
import type { ContractNumber, TokenRules } from '../contract-types.ts';
import type { BoundRule } from '../findings.ts';
import { numberView, visitRows } from './element-access.ts';
import { intervalText } from './statistics-band.ts';

interface Bound {
  readonly padding: BoundRule | undefined;
  readonly startsWith: BoundRule | undefined;
  readonly endsWith: BoundRule | undefined;
  readonly maxSpecialTokens: BoundRule | undefined;
  readonly maxRepeatRun: BoundRule | undefined;
  readonly length: BoundRule | undefined;
}

export function compileTokens(context: EngineContext): TensorCheck | undefined {
  const { tokens, dtype } = context.rules;
  if (tokens === undefined || dtypes[dtype].kind !== 'int') return undefined;
  const bindIf = (isWanted: boolean, name: Parameters<typeof context.bind>[0]): BoundRule | undefined =>
    isWanted ? context.bind(name) : undefined;
  const bound: Bound = {
    padding: bindIf(tokens.padId !== undefined, 'tokens.padding'),
    startsWith: bindIf(tokens.startsWith !== undefined, 'tokens.startsWith'),
    endsWith: bindIf(tokens.endsWith !== undefined, 'tokens.endsWith'),
    maxSpecialTokens: bindIf(tokens.maxSpecialTokens !== undefined, 'tokens.maxSpecialTokens'),
    maxRepeatRun: bindIf(tokens.maxRepeatRun !== undefined, 'tokens.maxRepeatRun'),
    length: bindIf(tokens.length !== undefined, 'tokens.length'),
  };
  if (Object.values(bound).every((rule) => rule === undefined)) return undefined;
  const special = new Set(tokens.specialIds.map(keyOf));
  return (tensor, check) => {
    checkTokens(tensor, tokens, bound, special, context.maxReports, check);
    return tensor;
  };
}

type Key = number | bigint;

/** One key per integer, whether the contract has it as number or bigint. */
function keyOf(value: ContractNumber): Key {
  return typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function checkTokens(
  tensor: Tensor,
  tokens: TokenRules,
  bound: Bound,
  special: ReadonlySet<Key>,
  maxReports: number,
  check: CheckContext,
): void {
  const rowLength = tensor.shape.at(-1) ?? 1;
  if (tensor.dtype === 'DT_STRING') return;
  const view = numberView(tensor);
  const pad = tokens.padId === undefined ? undefined : keyOf(tokens.padId);
  const reports = new Map<BoundRule, number>();
  const report: TokenReport = (rule, index, expected, got) => {
    const before = reports.get(rule) ?? 0;
    if (before === maxReports) return;
    reports.set(rule, before + 1);
    check.findings.report(rule, () => check.path(index), expected, got);
  };
  if (rowLength === 0) {
    // Rows without a token are all alike: what one of them breaks, all do, and there may be far more of them than bytes were sent.
    const rows = Math.min(elementCount(tensor.shape.slice(0, -1)), maxReports);
    const row: Row = { at: () => 0, length: 0, base: undefined };
    for (let i = 0; i < rows; i++) checkRow(row, pad, tokens, bound, special, report);
    return;
  }
  visitRows(view, rowLength, (values, rows, firstRow) => {
    for (let row = 0; row < rows; row++) {
      const base = (firstRow + row) * rowLength;
      const at = (i: number): Key => {
        const value = values[row * rowLength + i];
        return Math.abs(value) < 2 ** 53 ? value : view.exact(base + i);
      };
      checkRow({ at, length: rowLength, base }, pad, tokens, bound, special, report);
    }
    return true;
  });
}

interface Row {
  readonly at: (index: number) => Key;
  readonly length: number;
  /** Index of its first element in the tensor; undefined for a row that has none. */
  readonly base: number | undefined;
}

type TokenReport = (rule: BoundRule, index: number | undefined, expected: string, got: () => string) => void;

function checkRow(
  { at, length, base }: Row,
  pad: Key | undefined,
  tokens: TokenRules,
  bound: Bound,
  special: ReadonlySet<Key>,
  report: TokenReport,
): void {
  let start = 0;
  let end = length;
  if (pad !== undefined && tokens.padSide === 'left') while (start < end && at(start) === pad) start++;
  if (pad !== undefined && tokens.padSide === 'right') while (end > start && at(end - 1) === pad) end--;
  let specials = 0;
  let run = 0;
  let longest = 0;
  let longestEnd = start;
  let firstPad = -1;
  for (let i = start; i < end; i++) {
    const token = at(i);
    if (token === pad) {
      if (firstPad === -1) firstPad = i;
      run = 0;
      continue;
    }
    if (special.has(token)) specials++;
    run = run > 0 && token === at(i - 1) ? run + 1 : 1;
    if (run <= longest) continue;
    longest = run;
    longestEnd = i;
  }
  const place = (index: number): number | undefined => (base === undefined ? undefined : base + index);
  const { padding, startsWith, endsWith, maxSpecialTokens, maxRepeatRun, length: lengthRule } = bound;
  if (padding !== undefined && firstPad !== -1) {
    report(padding, place(firstPad), `padding (${tokens.padId}) only at the ${tokens.padSide}`, () => 'padding between tokens');
  }
  const count = end - start;
  const token =
    (i: number): (() => string) =>
    () =>
      count > 0 ? String(at(i)) : length > 0 ? 'only padding' : 'no token';
  if (startsWith !== undefined && tokens.startsWith !== undefined && (count === 0 || at(start) !== keyOf(tokens.startsWith))) {
    report(startsWith, place(count === 0 ? 0 : start), `${tokens.startsWith} as the first token`, token(start));
  }
  if (endsWith !== undefined && tokens.endsWith !== undefined && (count === 0 || at(end - 1) !== keyOf(tokens.endsWith))) {
    report(endsWith, place(count === 0 ? 0 : end - 1), `${tokens.endsWith} as the last token`, token(end - 1));
  }
  if (maxSpecialTokens !== undefined && specials > (tokens.maxSpecialTokens ?? 0)) {
    report(maxSpecialTokens, place(0), `at most ${tokens.maxSpecialTokens} special tokens in a row`, () => String(specials));
  }
  if (maxRepeatRun !== undefined && longest > (tokens.maxRepeatRun ?? 0)) {
    report(maxRepeatRun, place(longestEnd), `one token at most ${tokens.maxRepeatRun} times in a row`, () => `${longest} times`);
  }
  const { min = 0, max = Number.POSITIVE_INFINITY } = tokens.length ?? {};
  if (lengthRule !== undefined && tokens.length !== undefined && !(count >= min && count <= max)) {
    report(lengthRule, place(0), `${intervalText(tokens.length)} tokens without padding`, () => String(count));
  }
}
