// Rules about all numbers of a tensor or of a row together: sums, norms, mean, spread, share of zeros. Computed in doubles, in one more
// pass over the numbers (two for the spread). A NaN that is allowed to be there makes every such rule fail. It changes nothing.
import { dtypes, type NumericTensor } from '../../tensor/index.ts';
import type { CheckContext, TensorCheck } from '../check-types.ts';
import type { EngineContext } from '../compile-context.ts';
import type { Interval } from '../contract-types.ts';
import type { BoundRule } from '../findings.ts';
import type { RuleName } from '../rule-table.ts';
import { type NumberView, numberView, visitRows } from './element-access.ts';

interface Band {
  readonly rule: BoundRule;
  readonly min: number;
  readonly max: number;
  readonly expected: string;
}

/** `between 1 and 3`, `at least 1`, `at most 3`, with what it is about in front of it. */
export function intervalText({ min, max }: Interval): string {
  if (min === undefined) return `at most ${max}`;
  if (max === undefined) return `at least ${min}`;
  return min === max ? `exactly ${min}` : `between ${min} and ${max}`;
}

/** sum, mean, standardDeviation, zeroFraction of the tensor; rowSum and norms of each slice along the last dimension. */
export function compileStatistics(context: EngineContext): TensorCheck | undefined {
  const { rules } = context;
  if (rules.dtype === 'DT_STRING' || dtypes[rules.dtype].kind === 'complex') return undefined;
  const band = (name: RuleName, interval: Interval | undefined, what: string): Band | undefined => {
    const rule = interval === undefined ? undefined : context.bind(name);
    if (interval === undefined || rule === undefined) return undefined;
    const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = interval;
    return { rule, min, max, expected: `${what} ${intervalText(interval)}` };
  };
  const rows: RowBands = {
    sum: band('rowSum', rules.rowSum, 'a row sum of'),
    l1: band('norm.l1', rules.norm?.l1, 'an L1 norm of'),
    l2: band('norm.l2', rules.norm?.l2, 'an L2 norm of'),
    linf: band('norm.linf', rules.norm?.linf, 'a maximum norm of'),
  };
  const whole: WholeBands = {
    sum: band('sum', rules.sum, 'a sum of'),
    mean: band('mean', rules.mean, 'a mean of'),
    deviation: band('standardDeviation', rules.standardDeviation, 'a standard deviation of'),
    zeros: band('zeroFraction', rules.zeroFraction, 'a share of zeros of'),
  };
  const hasRows = Object.values(rows).some((rule) => rule !== undefined);
  const hasWhole = Object.values(whole).some((rule) => rule !== undefined);
  if (!hasRows && !hasWhole) return undefined;
  return (tensor, check) => {
    if (tensor.dtype === 'DT_STRING') return tensor;
    const view = numberView(tensor);
    if (hasWhole) checkWhole(view, whole, check);
    if (hasRows) checkRows(tensor, view, rows, context.maxReports, check);
    return tensor;
  };
}

interface RowBands {
  readonly sum: Band | undefined;
  readonly l1: Band | undefined;
  readonly l2: Band | undefined;
  readonly linf: Band | undefined;
}

interface WholeBands {
  readonly sum: Band | undefined;
  readonly mean: Band | undefined;
  readonly deviation: Band | undefined;
  readonly zeros: Band | undefined;
}

const outside = (value: number, { min, max }: Band): boolean => !(value >= min && value <= max);

function checkWhole(view: NumberView, bands: WholeBands, { findings, path }: CheckContext): void {
  let sum = 0;
  let zeros = 0;
  visitRows(view, 1, (values, count) => {
    sum += sumOf(values, count);
    if (bands.zeros !== undefined) zeros += zerosOf(values, count);
    return true;
  });
  const judge = (band: Band | undefined, value: number): void => {
    if (band !== undefined && outside(value, band))
      findings.report(
        band.rule,
        () => path(),
        band.expected,
        () => String(value),
      );
  };
  judge(bands.sum, sum);
  // Nothing has no mean, no spread and no share of zeros.
  if (view.length === 0) return;
  const mean = sum / view.length;
  judge(bands.mean, mean);
  judge(bands.zeros, zeros / view.length);
  if (bands.deviation === undefined) return;
  let squares = 0;
  visitRows(view, 1, (values, count) => {
    squares += squaredDistances(values, count, mean);
    return true;
  });
  judge(bands.deviation, Math.sqrt(squares / view.length));
}

function sumOf(values: Float64Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += values[i];
  return sum;
}

function zerosOf(values: Float64Array, count: number): number {
  let zeros = 0;
  for (let i = 0; i < count; i++) if (values[i] === 0) zeros++;
  return zeros;
}

function squaredDistances(values: Float64Array, count: number, mean: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += (values[i] - mean) * (values[i] - mean);
  return sum;
}

function checkRows(tensor: NumericTensor, view: NumberView, bands: RowBands, maxReports: number, check: CheckContext): void {
  const rowLength = tensor.shape.at(-1) ?? 1;
  const { sum, l1, l2, linf } = bands;
  const reports = new Map<Band, number>();
  const { findings, path } = check;
  /** False when the rule has said all that it may say. */
  const judge = (band: Band, value: number, row: number): boolean => {
    if (!outside(value, band)) return true;
    const before = reports.get(band) ?? 0;
    if (before === maxReports) return false;
    reports.set(band, before + 1);
    findings.report(
      band.rule,
      () => path(row * rowLength),
      band.expected,
      () => String(value),
    );
    return true;
  };
  if (rowLength === 0) {
    // A shape like [3, 0] has rows, and each of them sums to 0.
    const rows = Math.min(
      tensor.shape.slice(0, -1).reduce((product, size) => product * size, 1),
      1,
    );
    for (const band of [sum, l1, l2, linf])
      if (rows > 0 && band !== undefined && outside(0, band)) {
        findings.report(
          band.rule,
          () => path(),
          band.expected,
          () => '0',
        );
      }
    return;
  }
  visitRows(view, rowLength, (values, rows, firstRow) => {
    let goOn = 0;
    for (let row = 0; row < rows; row++) {
      const start = row * rowLength;
      if (sum !== undefined) goOn |= Number(judge(sum, rowSumOf(values, start, rowLength), firstRow + row));
      if (l1 !== undefined) goOn |= Number(judge(l1, l1Of(values, start, rowLength), firstRow + row));
      if (l2 !== undefined) goOn |= Number(judge(l2, l2Of(values, start, rowLength), firstRow + row));
      if (linf !== undefined) goOn |= Number(judge(linf, linfOf(values, start, rowLength), firstRow + row));
      if (goOn === 0) return false;
    }
    return true;
  });
}

function rowSumOf(values: Float64Array, start: number, length: number): number {
  let sum = 0;
  for (let i = start; i < start + length; i++) sum += values[i];
  return sum;
}

function l1Of(values: Float64Array, start: number, length: number): number {
  let sum = 0;
  for (let i = start; i < start + length; i++) sum += Math.abs(values[i]);
  return sum;
}

function linfOf(values: Float64Array, start: number, length: number): number {
  let largest = 0;
  for (let i = start; i < start + length; i++) largest = Math.max(largest, Math.abs(values[i]));
  return largest;
}

function l2Of(values: Float64Array, start: number, length: number): number {
  let squares = 0;
  for (let i = start; i < start + length; i++) squares += values[i] * values[i];
  // Squares of very large or very small numbers leave the doubles before the norm does.
  return squares > 1e-280 && squares < 1e300 ? Math.sqrt(squares) : scaledL2(values, start, length);
}

function scaledL2(values: Float64Array, start: number, length: number): number {
  const scale = linfOf(values, start, length);
  if (scale === 0 || !Number.isFinite(scale)) return scale;
  let squares = 0;
  for (let i = start; i < start + length; i++) squares += (values[i] / scale) ** 2;
  return scale * Math.sqrt(squares);
}
