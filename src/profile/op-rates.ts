// How long an operation takes for each unit that a cost model predicts of it, from what traced runs took. Pure arithmetic.
import type { OpStats } from './op-profile.ts';

export interface OpRate {
  readonly msPerUnit: number;
  /** What the rate is made of. */
  readonly milliseconds: number;
  readonly units: number;
}

/**
 * Milliseconds for each predicted unit (a floating-point operation, a byte: whatever `predictedPerRun` counts), per operation type.
 * @param ops of an OpProfile whose runs all had the sizes that the prediction is for.
 * @param predictedPerRun units of all nodes of a type in one run; types that are not in both, and those that are predicted to cost nothing, get no rate.
 */
export function opRates(
  ops: ReadonlyMap<string, OpStats>,
  predictedPerRun: ReadonlyMap<string, number>,
): ReadonlyMap<string, OpRate> {
  const rates = new Map<string, OpRate>();
  for (const [op, { runs, totalUs }] of ops) {
    const units = (predictedPerRun.get(op) ?? 0) * runs;
    if (!(units > 0) || !Number.isFinite(units)) continue;
    const milliseconds = totalUs / 1000;
    rates.set(op, { msPerUnit: milliseconds / units, milliseconds, units });
  }
  return rates;
}
