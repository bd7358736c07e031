// Watches, directly before the worker, what some requests really take, so that predictions of time become better with use. Only requests that had the worker to
// themselves tell something; of those each eighth is looked at. It changes nothing about any request.
import { RequestCost } from '../../cost/index.ts';
import { Histogram, type HistogramValues } from '../../telemetry/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { RunContext, Runner, SeatRunner } from '../runner.ts';

/** The first of these are all looked at. */
const eagerRuns = 32;
const everyRun = 8;
/** Of measured by predicted time. */
const ratioBounds = [0.1, 0.25, 0.5, 0.75, 0.9, 1.1, 1.25, 1.5, 2, 4, 10];

export class CostMeter implements Runner {
  readonly #next: SeatRunner;
  #begun = 0;
  #seen = 0;
  readonly #ratios = new Histogram(ratioBounds);

  constructor(next: SeatRunner) {
    this.#next = next;
  }

  /** Measured by predicted time of the runs that it looked at, for metrics; those before anything was predicted are not in it. */
  get ratios(): HistogramValues {
    return this.#ratios;
  }

  run(signatureIndex: number, inputs: readonly Tensor[], context: RunContext): Promise<readonly Tensor[]> {
    const begun = ++this.#begun;
    const { cost } = context;
    // A batch has a cost that was put together by whoever made it, and no sizes of one request.
    const isLookedAt =
      cost instanceof RequestCost && this.#next.pendingCount === 0 && (this.#seen++ < eagerRuns || this.#seen % everyRun === 0);
    if (!isLookedAt) return this.#next.run(signatureIndex, inputs, context);
    const predictedMs = cost.milliseconds;
    const startMs = performance.now();
    const answer = this.#next.run(signatureIndex, inputs, context);
    answer.then(
      () => {
        // Another one that came meanwhile may have been taken first, or made this one wait.
        if (this.#begun !== begun) return;
        const measuredMs = performance.now() - startMs;
        if (predictedMs !== undefined && predictedMs > 0) this.#ratios.observe(measuredMs / predictedMs);
        cost.signature.observe(cost, measuredMs);
      },
      () => undefined,
    );
    return answer;
  }
}
