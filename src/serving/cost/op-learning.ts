// Learns from traced runs how long each type of operation takes for what the cost model predicts of it, so that limits of time are judged by what this model took on this machine.
import { type PredictedCost, RequestCost } from '../../cost/index.ts';
import type { RunProfile } from '../../profile/index.ts';

interface Sums {
  milliseconds: number;
  units: number;
}

/** Past runs count less and less: half after so many. */
const halfLifeRuns = 200;
const fading = 0.5 ** (1 / halfLifeRuns);

export class OpLearning {
  readonly #sums = new Map<string, Sums>();

  /** Counts a traced run; one whose cost is not that of a single request teaches nothing. */
  add(profile: RunProfile, cost: PredictedCost | undefined): void {
    if (!(cost instanceof RequestCost)) return;
    const took = new Map<string, number>();
    for (const { op, selfUs } of profile.nodes) took.set(op, (took.get(op) ?? 0) + selfUs / 1000);
    for (const [op, units] of cost.unitsByOp()) {
      const milliseconds = took.get(op);
      // What the optimizer folded away or fused took no time of its own.
      if (milliseconds === undefined || !(units > 0) || !Number.isFinite(units)) continue;
      const sums = this.#sums.get(op) ?? { milliseconds: 0, units: 0 };
      sums.milliseconds = sums.milliseconds * fading + milliseconds;
      sums.units = sums.units * fading + units;
      this.#sums.set(op, sums);
    }
  }

  /** Milliseconds for each unit, by the type of the operation; see CostRates.opFactors. */
  get factors(): ReadonlyMap<string, number> {
    return new Map([...this.#sums].map(([op, { milliseconds, units }]) => [op, milliseconds / units]));
  }
}
