// What the requests of one configured model came to, in plain numbers that only grow. Nothing here is named after what a client sent: a model is here because it is configured, a
// version because it was resolved, a code because it is in the registry.
import type { ErrorCode } from '../core/index.ts';
import { Histogram, secondsBounds } from './histogram.ts';

export const requestVerbs = ['predict', 'classify', 'regress', 'status', 'metadata', 'other'] as const;
/** `other`: what is no request of the interface. */
export type RequestVerb = (typeof requestVerbs)[number];

export const inferenceVerbs = ['predict', 'classify', 'regress'] as const;
export type InferenceVerb = (typeof inferenceVerbs)[number];
type ByVerb = Record<InferenceVerb, Histogram | undefined>;

export const statusClasses = ['2xx', '4xx', '5xx'] as const;

export const requestPhases = ['decode', 'contract', 'queue', 'batch', 'run', 'encode'] as const;
/** `decode`: reading is part of it. `contract`: of the inputs, and of the outputs. The others are those of a run, and `encode`. */
export type RequestPhase = (typeof requestPhases)[number];

/** What answered a request: one version, or none where it was refused before one was chosen. */
export class VersionCounts {
  /** By verb, then by class. */
  readonly #counts = new Float64Array(requestVerbs.length * statusClasses.length);

  add(verb: RequestVerb, status: number): void {
    this.#counts[requestVerbs.indexOf(verb) * statusClasses.length + (status < 400 ? 0 : status < 500 ? 1 : 2)]++;
  }

  /** Those that are not 0. */
  *entries(): Generator<readonly [verb: RequestVerb, statusClass: string, count: number]> {
    for (const [at, count] of this.#counts.entries()) {
      const verb = requestVerbs[Math.floor(at / statusClasses.length)];
      if (count > 0) yield [verb, statusClasses[at % statusClasses.length], count];
    }
  }
}

/** A folder that gets a version every hour must not make the page longer for ever: the oldest goes, as after a restart. */
const maxVersions = 16;
/** TensorFlow Serving's own, in microseconds: 10 · 1.8^n (servables/tensorflow/util.cc at 9d981c5). */
const servingBounds: readonly number[] = Array.from({ length: 33 }, (_, at) => 10 * 1.8 ** at);

export class ModelMeter {
  /** Empty for what names no configured model. */
  readonly name: string;
  inFlight = 0;
  bytesIn = 0;
  bytesOut = 0;
  readonly unresolved = new VersionCounts();
  readonly versions = new Map<bigint, VersionCounts>();
  /** Refusals of inferences, and of everything else. */
  readonly refusals = new Map<ErrorCode, number>();
  readonly otherRefusals = new Map<ErrorCode, number>();
  /** Inferences that were answered, in seconds; by verb. */
  readonly durations: ByVerb = { predict: undefined, classify: undefined, regress: undefined };
  /** Inferences that were refused or failed, in seconds. */
  readonly refusalDurations = new Histogram(secondsBounds);
  /** In seconds; a phase that never was is undefined. */
  readonly phases: Record<RequestPhase, Histogram | undefined> = {
    decode: undefined,
    contract: undefined,
    queue: undefined,
    batch: undefined,
    run: undefined,
    encode: undefined,
  };
  /** Inferences that were answered, in microseconds, the whole and its time in the runtime; by verb. */
  readonly servingRequests: ByVerb = { predict: undefined, classify: undefined, regress: undefined };
  readonly servingRuns: ByVerb = { predict: undefined, classify: undefined, regress: undefined };

  constructor(name: string) {
    this.name = name;
  }

  version(number: bigint | undefined): VersionCounts {
    if (number === undefined) return this.unresolved;
    let counts = this.versions.get(number);
    if (counts === undefined) {
      counts = new VersionCounts();
      if (this.versions.size >= maxVersions) for (const [oldest] of this.versions) if (this.versions.delete(oldest)) break;
      this.versions.set(number, counts);
    }
    return counts;
  }

  refused(code: ErrorCode, isInference: boolean): void {
    const counts = isInference ? this.refusals : this.otherRefusals;
    counts.set(code, (counts.get(code) ?? 0) + 1);
  }

  phase(phase: RequestPhase, ms: number): void {
    let histogram = this.phases[phase];
    if (histogram === undefined) this.phases[phase] = histogram = new Histogram(secondsBounds);
    histogram.observe(ms / 1000);
  }

  answered(verb: InferenceVerb, ms: number): void {
    let histogram = this.durations[verb];
    if (histogram === undefined) this.durations[verb] = histogram = new Histogram(secondsBounds);
    histogram.observe(ms / 1000);
  }

  /** Under TensorFlow Serving's names. @param runMs from the contract to the outputs, waiting for others included. */
  servingAnswered(verb: InferenceVerb, ms: number, runMs: number): void {
    let requests = this.servingRequests[verb];
    if (requests === undefined) this.servingRequests[verb] = requests = new Histogram(servingBounds);
    requests.observe(ms * 1000);
    let runs = this.servingRuns[verb];
    if (runs === undefined) this.servingRuns[verb] = runs = new Histogram(servingBounds);
    runs.observe(runMs * 1000);
  }
}
