// One request as it is measured: made when it begins, told when its parts are over, and ended once with what became of it. It costs one object, a few readings of the clock and a few
// additions. It must never throw, wait, or keep anything of a request beyond its numbers.
import type { ErrorCode } from '../core/index.ts';
import type { ModelMeter, RequestPhase, RequestVerb } from './model-meter.ts';
import type { PhaseTime, RequestTrace } from './request-tracer.ts';

/** As RunPhase of src/serving/runner.ts. */
type RunPart = 'queue' | 'batch' | 'run';

const posts: ReadonlySet<RequestVerb> = new Set(['predict', 'classify', 'regress']);
const routes: Readonly<Record<RequestVerb, string>> = {
  predict: '/v1/models/{model}:predict',
  classify: '/v1/models/{model}:classify',
  regress: '/v1/models/{model}:regress',
  status: '/v1/models/{model}',
  metadata: '/v1/models/{model}/metadata',
  other: '/',
};

export class RequestMeter {
  readonly #model: ModelMeter;
  readonly #verb: RequestVerb;
  readonly #trace: RequestTrace | undefined;
  /** Whether TensorFlow Serving's names are wanted too. */
  readonly #hasServingNames: boolean;
  readonly #startMs: number;
  #version: bigint | undefined = undefined;
  #bytesIn = 0;
  #hasEnded = false;
  // Times of performance.now(), 0 for what has not happened.
  #decodedMs = 0;
  #answeredMs = 0;
  #queueStartMs = 0;
  #queueEndMs = 0;
  #batchStartMs = 0;
  #batchEndMs = 0;
  #runStartMs = 0;
  #runEndMs = 0;

  constructor(model: ModelMeter, verb: RequestVerb, startMs: number, trace: RequestTrace | undefined, hasServingNames: boolean) {
    this.#model = model;
    this.#verb = verb;
    this.#trace = trace;
    this.#hasServingNames = hasServingNames;
    this.#startMs = startMs;
    model.inFlight++;
  }

  /** Of a request that is traced. */
  get traceId(): string | undefined {
    return this.#trace?.traceId;
  }

  /** Which version answers. */
  resolved(version: bigint): void {
    this.#version = version;
  }

  received(bytes: number): void {
    this.#bytesIn += bytes;
  }

  /** The body is read and decoded. */
  decoded(): void {
    this.#decodedMs = performance.now();
  }

  /** For `RunContext.onPhase`. Of a run that was tried again, from its first beginning to its last end. */
  readonly onPhase = (phase: RunPart, startMs: number, endMs: number): void => {
    if (phase === 'run') {
      if (this.#runStartMs === 0) this.#runStartMs = startMs;
      this.#runEndMs = endMs;
    } else if (phase === 'queue') {
      if (this.#queueStartMs === 0) this.#queueStartMs = startMs;
      this.#queueEndMs = endMs;
    } else {
      if (this.#batchStartMs === 0) this.#batchStartMs = startMs;
      this.#batchEndMs = endMs;
    }
  };

  /** The outputs are here and have passed the contract; they are not encoded yet. */
  answered(): void {
    this.#answeredMs = performance.now();
  }

  /** To be called once; later calls count nothing. @param code of what was refused or failed. @param bytesOut of the answer's body. */
  end(status: number, code: ErrorCode | undefined, bytesOut: number): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const endMs = performance.now();
    const model = this.#model;
    const verb = this.#verb;
    model.inFlight--;
    model.bytesIn += this.#bytesIn;
    model.bytesOut += bytesOut;
    model.version(this.#version).add(verb, status);
    const isInference = verb === 'predict' || verb === 'classify' || verb === 'regress';
    if (code !== undefined) model.refused(code, isInference);
    if (isInference) {
      const wholeMs = endMs - this.#startMs;
      if (code === undefined) model.answered(verb, wholeMs);
      else model.refusalDurations.observe(wholeMs / 1000);
      const isAnswered = this.#answeredMs !== 0 && this.#decodedMs !== 0;
      if (code === undefined && isAnswered && this.#hasServingNames) model.servingAnswered(verb, wholeMs, this.#runtimeMs);
      this.#countPhases(endMs);
    }
    if (this.#trace !== undefined) this.#endTrace(this.#trace, endMs, status, code);
  }

  /** What TensorFlow Serving's Session::Run takes: waiting for a batch is part of it there. */
  get #runtimeMs(): number {
    return this.#lastRunMs - this.#firstRunMs;
  }

  /** When the run began, waiting included; where nobody said, right after decoding. */
  get #firstRunMs(): number {
    return this.#queueStartMs || this.#batchStartMs || this.#runStartMs || this.#decodedMs;
  }

  get #lastRunMs(): number {
    return this.#runEndMs || this.#answeredMs;
  }

  #countPhases(endMs: number): void {
    const model = this.#model;
    if (this.#decodedMs === 0) return;
    model.phase('decode', this.#decodedMs - this.#startMs);
    if (this.#queueEndMs !== 0) model.phase('queue', this.#queueEndMs - this.#queueStartMs);
    if (this.#batchEndMs !== 0) model.phase('batch', this.#batchEndMs - this.#batchStartMs);
    if (this.#runEndMs !== 0) model.phase('run', this.#runEndMs - this.#runStartMs);
    if (this.#answeredMs === 0) return;
    // Nobody said what ran: all between is the run.
    if (this.#runEndMs === 0) model.phase('run', this.#runtimeMs);
    else model.phase('contract', this.#firstRunMs - this.#decodedMs + (this.#answeredMs - this.#runEndMs));
    model.phase('encode', endMs - this.#answeredMs);
  }

  #endTrace(trace: RequestTrace, endMs: number, status: number, errorCode: ErrorCode | undefined): void {
    trace.end({
      method: posts.has(this.#verb) ? 'POST' : 'GET',
      route: routes[this.#verb],
      endMs,
      status,
      errorCode,
      model: this.#model.name === '' ? undefined : this.#model.name,
      version: this.#version,
      phases: this.#phaseTimes(endMs),
    });
  }

  #phaseTimes(endMs: number): PhaseTime[] {
    const first = this.#firstRunMs;
    const all: readonly (readonly [RequestPhase, number, number])[] = [
      ['decode', this.#decodedMs === 0 ? 0 : this.#startMs, this.#decodedMs],
      ['contract', first === this.#decodedMs ? 0 : this.#decodedMs, first],
      ['queue', this.#queueStartMs, this.#queueEndMs],
      ['batch', this.#batchStartMs, this.#batchEndMs],
      ['run', this.#runStartMs || (this.#answeredMs === 0 ? 0 : first), this.#lastRunMs],
      ['contract', this.#runEndMs, this.#answeredMs],
      ['encode', this.#answeredMs, endMs],
    ];
    return all
      .filter(([, startMs, endMs]) => startMs !== 0 && endMs !== 0)
      .map(([phase, startMs, endMs]) => ({ phase, startMs, endMs }));
  }
}
