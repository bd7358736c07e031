// What the requests of one version pass between their contract and the worker, put together in its order: admission by cost, what a client and what all may have under way, the adaptive
// limit, the queue with its batches, and what measures. A step that nothing asks for is not there. It decides nothing itself.
import type { ModelConfig } from '../config/index.ts';
import type { CostModel } from '../cost/index.ts';
import type { ProfileReport } from '../profile/index.ts';
import type { Signature, Tensor } from '../tensor/index.ts';
import { RunScheduler } from './batching/run-scheduler.ts';
import type { RunSchedulerEvent, RunSchedulerReport } from './batching/run-scheduler-types.ts';
import { type CostReport, CostSteps } from './cost/cost-steps.ts';
import { OpLearning } from './cost/op-learning.ts';
import { ProfileSampler, type ProfileSamplerOptions } from './cost/profile-sampler.ts';
import type { Adjustment } from './limits/adjustment-notices.ts';
import { ConcurrencyGate, type ConcurrencyReport } from './limits/concurrency-gate.ts';
import { ShareLimits, type Shares } from './limits/share-limits.ts';
import { bytesOfMiB } from './mebibytes.ts';
import type { Runner, SeatRunner } from './runner.ts';
import type { SeatWorker } from './worker-seat.ts';

/** Of a model's configuration. */
export type StepsConfig = Pick<ModelConfig, 'shapes' | 'batching' | 'concurrency'> & {
  readonly limits: Pick<ModelConfig['limits'], 'timeoutMs' | 'maxQueue' | 'maxOutputBytes' | 'memoryMiB'> &
    Partial<Pick<ModelConfig['limits'], 'perClient' | 'perModel' | 'maxCost' | 'maxRequestMemoryMiB'>> &
    Pick<ModelConfig['limits'], 'unknownCost' | 'ops' | 'nodes'>;
};

export interface VersionStepsOptions {
  readonly config: StepsConfig;
  /** In the order in which the worker knows them. */
  readonly signatures: readonly Signature[];
  /** As the scan of the version said; undefined where it was not scanned. */
  readonly cost: CostModel | undefined;
  /** One for all versions of the model; undefined where nothing is shared out. */
  readonly shares?: Shares | undefined;
  /** Undefined where no run is traced. */
  readonly profiling?: Pick<ProfileSamplerOptions, 'percent' | 'limits' | 'profileOn' | 'onOverLimit'> | undefined;
  /** What the worker holds now; undefined while there is none. */
  readonly modelMemoryBytes: () => number | undefined;
  readonly onAdjusted?: (adjustment: Adjustment) => void;
  readonly onScheduled?: (event: RunSchedulerEvent) => void;
  readonly onEnd?: () => void;
}

/** What the steps came to; a step that is not there has none. */
export interface VersionStepsReport {
  readonly scheduler: RunSchedulerReport | undefined;
  readonly concurrency: ConcurrencyReport | undefined;
  readonly cost: CostReport | undefined;
  readonly profile: ProfileReport | undefined;
}

/** A batch holds what its requests hold together: it may take so much of the memory of a worker. */
const batchShare = 0.5;

export class VersionSteps {
  readonly #options: VersionStepsOptions;
  readonly #costs: CostSteps | undefined;
  readonly #closing = new AbortController();
  readonly #sampler: ProfileSampler | undefined;
  #scheduler: RunScheduler | undefined;
  #gate: ConcurrencyGate | undefined;

  constructor(options: VersionStepsOptions) {
    const { config, cost, signatures, modelMemoryBytes, profiling } = options;
    const { shapes, limits, batching } = config;
    this.#options = options;
    const { memoryMiB, perClient, perModel } = limits;
    const wants = [perClient, perModel].some((share) => share?.maxMemoryMiB !== undefined || share?.costPerSecond !== undefined);
    const isWanted = wants || batching !== undefined;
    const costs = CostSteps.of({ cost, signatures, shapes, limits, memoryMiB, modelMemoryBytes, isWanted });
    this.#costs = costs;
    const learning = new OpLearning();
    const onTraced: ProfileSamplerOptions['onTraced'] = (profile, predicted) => {
      if (costs === undefined) return;
      learning.add(profile, predicted);
      costs.rates.opFactors = learning.factors;
    };
    this.#sampler = profiling && new ProfileSampler({ ...profiling, onTraced });
  }

  /** The first step; the last one asks `seat`. To be called once. */
  before(seat: SeatRunner): Runner {
    const { config, signatures, shares, onAdjusted, onScheduled } = this.#options;
    const { limits, batching, concurrency } = config;
    const { timeoutMs, maxQueue, maxOutputBytes, maxRequestMemoryMiB, memoryMiB } = limits;
    const measured = this.#costs?.meter(seat) ?? seat;
    this.#scheduler = new RunScheduler({
      signatures,
      limits: {
        timeoutMs,
        maxQueue,
        maxOutputBytes,
        maxBatchPeakBytes: bytesOfMiB(maxRequestMemoryMiB ?? memoryMiB * batchShare),
      },
      batching,
      depth: () => seat.depth,
      workers: () => seat.processes,
      next: this.#sampler?.before(measured, () => seat.tensorflow) ?? measured,
      ...(onScheduled === undefined ? {} : { onEvent: onScheduled }),
    });
    let first: Runner = this.#scheduler;
    if (concurrency !== undefined) {
      this.#gate = new ConcurrencyGate({ bounds: concurrency, next: first, onAdjusted: onAdjusted ?? (() => undefined) });
      first = this.#gate;
    }
    if (shares !== undefined) first = new ShareLimits({ shares, next: first });
    return this.#costs?.admission(first) ?? first;
  }

  /** To be called when the version is available: measures, in the background, what it takes. @param accepts whether inputs may be run at all. */
  begin(
    worker: Pick<SeatWorker, 'run' | 'state' | 'pendingCount'>,
    accepts: (signature: Signature, inputs: readonly Tensor[]) => boolean,
  ): void {
    void this.#costs?.calibrate(worker, this.#closing.signal, accepts).catch(() => undefined);
  }

  /** To be called when the version takes no more requests, or never will. May be called twice. */
  end(): void {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    this.#options.onEnd?.();
  }

  /** @param isKnownOp whether TensorFlow has an operation of this name. */
  report(isKnownOp: (op: string) => boolean): VersionStepsReport {
    return {
      scheduler: this.#scheduler?.report,
      concurrency: this.#gate?.report,
      cost: this.#costs?.report,
      profile: this.#sampler?.report(isKnownOp),
    };
  }
}
