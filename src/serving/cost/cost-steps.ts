// The parts of cost for one version of a model, put together: what refuses, what measures, what calibrates. Gives nothing at all where nobody needs to know what requests
// cost, so that they pay for nothing.
import { type CostModel, CostRates, type CostRatesReport, ModelCosts } from '../../cost/index.ts';
import type { HistogramValues } from '../../telemetry/index.ts';
import type { Signature, Tensor } from '../../tensor/index.ts';
import type { Runner, SeatRunner } from '../runner.ts';
import type { SeatWorker } from '../worker-seat.ts';
import { CostAdmission, type CostAdmissionReport } from './cost-admission.ts';
import { calibrateCost } from './cost-calibration.ts';
import { type CostLimits, needsCost } from './cost-limits.ts';
import { CostMeter } from './cost-meter.ts';

export interface CostStepsOptions {
  /** Undefined where the model was not scanned, or the scan could not say. */
  readonly cost: CostModel | undefined;
  /** In the order in which the worker knows them. */
  readonly signatures: readonly Signature[];
  readonly shapes: 'strict' | 'compat';
  readonly limits: CostLimits;
  /** See CostAdmissionOptions. */
  readonly memoryMiB?: number | undefined;
  readonly modelMemoryBytes?: (() => number | undefined) | undefined;
  /** Whether another step wants `context.cost`, limits or not. */
  readonly isWanted?: boolean | undefined;
}

/** What an operator is told of the costs of a version. */
export interface CostReport extends CostAdmissionReport, CostRatesReport {
  /** Measured by predicted time; undefined where nothing is predicted. */
  readonly ratios: HistogramValues | undefined;
}

export class CostSteps {
  /** What predicts time; takes `opFactors`. */
  readonly rates: CostRates;
  readonly #options: CostStepsOptions;
  readonly #costs: ModelCosts | undefined;
  #admission: CostAdmission | undefined;
  #meter: CostMeter | undefined;

  private constructor(options: CostStepsOptions, costs: ModelCosts | undefined, rates: CostRates) {
    this.#options = options;
    this.#costs = costs;
    this.rates = rates;
  }

  /** Undefined where nothing needs the cost of requests. */
  static of(options: CostStepsOptions): CostSteps | undefined {
    const { cost, signatures, limits, memoryMiB, isWanted = false } = options;
    const rates = new CostRates();
    const costs = cost && new ModelCosts(cost, signatures, rates);
    const mayBeLarge = memoryMiB !== undefined && costs?.signatures.some((known) => (known?.variables.length ?? 0) > 0) === true;
    if (!needsCost(limits) && !(costs !== undefined && (isWanted || mayBeLarge))) return undefined;
    return new CostSteps(options, costs, rates);
  }

  /** The first step of a request. */
  admission(next: Runner): Runner {
    this.#admission = new CostAdmission({ ...this.#options, costs: this.#costs, next });
    return this.#admission;
  }

  /** The last step before the worker. */
  meter(next: SeatRunner): Runner {
    if (this.#costs === undefined) return next;
    this.#meter = new CostMeter(next);
    return this.#meter;
  }

  /** To be called when the version is available; see calibrateCost. */
  async calibrate(
    worker: Pick<SeatWorker, 'run' | 'state' | 'pendingCount'>,
    signal: AbortSignal,
    accepts?: (signature: Signature, inputs: readonly Tensor[]) => boolean,
  ): Promise<void> {
    if (this.#costs === undefined) return;
    const evidence = (index: number) => this.#admission?.evidence(index);
    await calibrateCost({ costs: this.#costs, signatures: this.#options.signatures, worker, signal, accepts, evidence });
  }

  get report(): CostReport {
    const none = { maxCost: 0, maxRequestMemoryMiB: 0, memoryMiB: 0, ops: 0, nodes: 0, unknownCost: 0 };
    return { refused: this.#admission?.report.refused ?? none, ...this.rates.report, ratios: this.#meter?.ratios };
  }
}
