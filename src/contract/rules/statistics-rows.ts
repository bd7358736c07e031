// Sums and norms of each slice along the last dimension. A loop computes the numbers of many rows, a second one compares them: both are
// short, and neither calls anything per row. Changes nothing.
import type { NumericTensor } from '../../tensor/index.ts';
import type { CheckContext } from '../check-types.ts';
import { blockNumbers, type NumberView, visitRows } from './element-access.ts';
import { firstOutside } from './numeric-scan.ts';
import { type Band, isOutside } from './statistics-band.ts';

export interface RowBands {
  readonly sum: Band | undefined;
  readonly l1: Band | undefined;
  readonly l2: Band | undefined;
  readonly linf: Band | undefined;
}

/** Puts one number per row into `results`. */
type RowKernel = (values: Float64Array, rows: number, rowLength: number, results: Float64Array) => void;

const kernels: Readonly<Record<keyof RowBands, RowKernel>> = { sum: rowSums, l1: l1Norms, l2: l2Norms, linf: maximumNorms };
const results = new Float64Array(blockNumbers);

/** Each band reports at most `maxReports` rows, at the place of their first element. */
export function checkRows(
  tensor: NumericTensor,
  view: NumberView,
  bands: RowBands,
  maxReports: number,
  check: CheckContext,
): void {
  const rowLength = tensor.shape.at(-1) ?? 1;
  const { findings, path } = check;
  const wanted = Object.entries(kernels).flatMap(([name, kernel]) => {
    const band = bands[name as keyof RowBands];
    return band === undefined ? [] : [{ band, kernel, left: maxReports }];
  });
  if (rowLength === 0) {
    // A shape like [3, 0] has rows, and each of them sums to 0.
    const hasRows = tensor.shape.slice(0, -1).every((size) => size > 0);
    for (const { band } of wanted)
      if (hasRows && isOutside(0, band))
        findings.report(
          band.rule,
          () => path(),
          band.expected,
          () => '0',
        );
    return;
  }
  visitRows(view, rowLength, (values, rows, firstRow) => {
    for (const row of wanted) {
      if (row.left === 0) continue;
      const { band, kernel } = row;
      kernel(values, rows, rowLength, results);
      let at = firstOutside(results, 0, rows, band.min, band.max);
      while (at < rows && row.left > 0) {
        const place = (firstRow + at) * rowLength;
        const value = results[at];
        findings.report(
          band.rule,
          () => path(place),
          band.expected,
          () => String(value),
        );
        row.left--;
        at = firstOutside(results, at + 1, rows, band.min, band.max);
      }
    }
    return wanted.some(({ left }) => left > 0);
  });
}

function rowSums(values: Float64Array, rows: number, rowLength: number, sums: Float64Array): void {
  for (let row = 0, at = 0; row < rows; row++) {
    let sum = 0;
    for (const end = at + rowLength; at < end; at++) sum += values[at];
    sums[row] = sum;
  }
}

function l1Norms(values: Float64Array, rows: number, rowLength: number, norms: Float64Array): void {
  for (let row = 0, at = 0; row < rows; row++) {
    let sum = 0;
    for (const end = at + rowLength; at < end; at++) sum += Math.abs(values[at]);
    norms[row] = sum;
  }
}

function maximumNorms(values: Float64Array, rows: number, rowLength: number, norms: Float64Array): void {
  for (let row = 0, at = 0; row < rows; row++) {
    let largest = 0;
    for (const end = at + rowLength; at < end; at++) largest = Math.max(largest, Math.abs(values[at]));
    norms[row] = largest;
  }
}

function l2Norms(values: Float64Array, rows: number, rowLength: number, norms: Float64Array): void {
  for (let row = 0, at = 0; row < rows; row++) {
    let squares = 0;
    for (const end = at + rowLength; at < end; at++) squares += values[at] * values[at];
    // Squares of very large or very small numbers leave the doubles before the norm does.
    norms[row] = squares > 1e-280 && squares < 1e300 ? Math.sqrt(squares) : scaledL2(values, at - rowLength, rowLength);
  }
}

function scaledL2(values: Float64Array, start: number, length: number): number {
  let scale = 0;
  for (let i = start; i < start + length; i++) scale = Math.max(scale, Math.abs(values[i]));
  if (scale === 0 || !Number.isFinite(scale)) return scale;
  let squares = 0;
  for (let i = start; i < start + length; i++) squares += (values[i] / scale) ** 2;
  return scale * Math.sqrt(squares);
}
