// Fits time = overhead + operations × rate + bytes × rate to measured runs, none of the three below zero. With three unknowns every choice of those that are not zero is
// tried, which is exact.

export interface CostSample {
  readonly flops: number;
  readonly bytes: number;
  readonly milliseconds: number;
}

export interface FittedRates {
  readonly overheadMs: number;
  readonly msPerFlop: number;
  readonly msPerByte: number;
  /** The largest factor by which a sample is off. */
  readonly spread: number;
}

/** The simple ones first: a richer one has to be better to be taken, so that what is not seen in the runs is not made up. */
const choices: readonly (readonly number[])[] = [[0], [0, 1], [0, 2], [0, 1, 2], [1], [2], [1, 2]];
/** By how much, as a share of the error. */
const worthwhile = 0.9;
/** Errors below this, as a share of the time, are noise of the clock. */
const noise = 1e-6;

/** Undefined when there is nothing to fit. Each sample counts alike, however long it took. */
export function fitRates(samples: readonly CostSample[]): FittedRates | undefined {
  const usable = samples.filter(
    ({ flops, bytes, milliseconds }) => milliseconds > 0 && Number.isFinite(flops + bytes + milliseconds),
  );
  if (usable.length === 0) return undefined;
  // Numbers of about one, or the equations lose their digits.
  const scales = [1, Math.max(...usable.map(({ flops }) => flops), 1), Math.max(...usable.map(({ bytes }) => bytes), 1)];
  const rows = usable.map(({ flops, bytes, milliseconds }) =>
    [1, flops / scales[1], bytes / scales[2]].map((value) => value / milliseconds),
  );
  let best: { readonly error: number; readonly rates: readonly number[] } | undefined;
  for (const columns of choices) {
    const rates = leastSquares(rows, columns);
    if (rates === undefined || rates.some((rate) => rate < 0)) continue;
    const error = rows.reduce((sum, row) => sum + (dot(row, rates) - 1) ** 2, 0) / rows.length;
    if (best === undefined || error < best.error * worthwhile - noise) best = { error, rates };
  }
  if (best === undefined) return undefined;
  const { rates } = best;
  const spread = Math.max(...rows.map((row) => dot(row, rates)).map((ratio) => Math.max(ratio, 1 / ratio)));
  return { overheadMs: rates[0], msPerFlop: rates[1] / scales[1], msPerByte: rates[2] / scales[2], spread };
}

/** The solution of rows × rates ≈ 1 in which only the given columns are not zero; undefined where they do not tell it. */
function leastSquares(rows: readonly (readonly number[])[], columns: readonly number[]): number[] | undefined {
  const matrix = columns.map((i) => [
    ...columns.map((j) => rows.reduce((sum, row) => sum + row[i] * row[j], 0)),
    rows.reduce((sum, row) => sum + row[i], 0),
  ]);
  const size = columns.length;
  for (let column = 0; column < size; column++) {
    const pivot = matrix.slice(column).reduce((most, row) => (Math.abs(row[column]) > Math.abs(most[column]) ? row : most));
    if (!(Math.abs(pivot[column]) > 1e-12)) return undefined;
    const at = matrix.indexOf(pivot);
    [matrix[column], matrix[at]] = [matrix[at], matrix[column]];
    for (let row = 0; row < size; row++) {
      if (row === column) continue;
      const factor = matrix[row][column] / matrix[column][column];
      for (let i = column; i <= size; i++) matrix[row][i] -= factor * matrix[column][i];
    }
  }
  const rates = [0, 0, 0];
  columns.forEach((column, index) => {
    rates[column] = matrix[index][size] / matrix[index][index];
  });
  return rates.every(Number.isFinite) ? rates : undefined;
}

function dot(row: readonly number[], rates: readonly number[]): number {
  return row.reduce((sum, value, at) => sum + value * rates[at], 0);
}
