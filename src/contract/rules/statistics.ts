// Rules about all numbers of a tensor together: sum, mean, spread, share of zeros. Computed in doubles, in one more pass over the numbers
// (two for the spread). A NaN that is allowed to be there makes every such rule fail. It changes nothing.
import { dtypes } from '../../tensor/index.ts';
import type { CheckContext, TensorCheck } from '../check-types.ts';
import type { EngineContext } from '../compile-context.ts';
import { type NumberView, numberView, visitRows } from './element-access.ts';
import { type Band, bandOf, isOutside } from './statistics-band.ts';
import { checkRows, type RowBands } from './statistics-rows.ts';

/** sum, mean, standardDeviation, zeroFraction of the tensor; rowSum and norms of each slice along the last dimension. */
export function compileStatistics(context: EngineContext): TensorCheck | undefined {
  const { rules } = context;
  if (rules.dtype === 'DT_STRING' || dtypes[rules.dtype].kind === 'complex') return undefined;
  const rows: RowBands = {
    sum: bandOf(context, 'rowSum', rules.rowSum, 'a row sum of'),
    l1: bandOf(context, 'norm.l1', rules.norm?.l1, 'an L1 norm of'),
    l2: bandOf(context, 'norm.l2', rules.norm?.l2, 'an L2 norm of'),
    linf: bandOf(context, 'norm.linf', rules.norm?.linf, 'a maximum norm of'),
  };
  const whole: WholeBands = {
    sum: bandOf(context, 'sum', rules.sum, 'a sum of'),
    mean: bandOf(context, 'mean', rules.mean, 'a mean of'),
    deviation: bandOf(context, 'standardDeviation', rules.standardDeviation, 'a standard deviation of'),
    zeros: bandOf(context, 'zeroFraction', rules.zeroFraction, 'a share of zeros of'),
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

interface WholeBands {
  readonly sum: Band | undefined;
  readonly mean: Band | undefined;
  readonly deviation: Band | undefined;
  readonly zeros: Band | undefined;
}

function checkWhole(view: NumberView, bands: WholeBands, { findings, path }: CheckContext): void {
  let sum = 0;
  let zeros = 0;
  visitRows(view, 1, (values, count) => {
    sum += sumOf(values, count);
    if (bands.zeros !== undefined) zeros += zerosOf(values, count);
    return true;
  });
  const judge = (band: Band | undefined, value: number): void => {
    if (band !== undefined && isOutside(value, band))
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
