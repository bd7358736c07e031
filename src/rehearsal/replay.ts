// Runs requests through both TensorFlows, one after the other in turns, so that what else happens on the machine meets both alike. Each request runs twice on the old
// one. What is compared is what the models answered, before a contract rounds or hides anything of it; that the contract lets it through counts too.
import type { RehearsalConfig } from '../config/index.ts';
import { AirlockError, type ErrorCode } from '../core/index.ts';
import type { ModelVersion } from '../serving/index.ts';
import type { Tensor } from '../tensor/index.ts';
import { type OutputComparison, OutputTally } from './compare-outputs.ts';
import type { EndingCount, RehearsalRequest, Timings } from './rehearsal-types.ts';

export interface Replay {
  readonly answered: number;
  readonly endings: readonly EndingCount[];
  readonly outputs: readonly OutputComparison[];
  readonly oldTimes: Timings;
  readonly nowTimes: Timings;
  readonly notes: readonly string[];
}

export interface ReplayOptions {
  readonly old: ModelVersion;
  readonly now: ModelVersion;
  readonly requests: readonly RehearsalRequest[];
  readonly tolerance: RehearsalConfig['tolerance'];
  readonly signal?: AbortSignal | undefined;
  /** Called after each request. */
  readonly onRequest?: () => void;
}

interface Outcome {
  readonly outputs?: readonly Tensor[];
  readonly error?: ErrorCode;
  readonly ms: number;
}

/** Requests that run before anything is measured: the first ones of a worker are slow. */
const warmUps = 3;
/** Times that a median is taken of, and how long at most for more of them than there are requests: few times of a busy machine say nothing. */
const leastTimes = 40;
const maxTimingMs = 4_000;
/** A worker that died is waited for; what comes after it is no fault of the next request. */
const restartMs = 30_000;
/** A model that kills its worker with each request would be restarted for each of them. */
const maxCrashes = 5;
const crashes: ReadonlySet<ErrorCode> = new Set([
  'WORKER_CRASHED',
  'WORKER_OUT_OF_MEMORY',
  'WORKER_FORBIDDEN',
  'WORKER_PROTOCOL_VIOLATION',
  // Waited for, and not there again.
  'MODEL_NOT_AVAILABLE',
]);

/** @throws CANCELLED */
export async function replay({ old, now, requests, tolerance, signal, onRequest }: ReplayOptions): Promise<Replay> {
  for (const request of requests.slice(0, warmUps)) for (const version of [old, now]) await run(version, request);
  const tally = new ReplayTally(tolerance);
  let crashed = 0;
  for (const [index, request] of requests.entries()) {
    if (signal?.aborted === true) throw new AirlockError('CANCELLED');
    // In turns, because whoever comes second finds the machine warmer.
    const isOldFirst = index % 2 === 0;
    const first = await run(isOldFirst ? old : now, request);
    const second = await run(isOldFirst ? now : old, request);
    const again = await run(old, request);
    const [before, after] = isOldFirst ? [first, second] : [second, first];
    tally.add(request, old, before, again, after);
    onRequest?.();
    if ([before, after, again].some(({ error }) => error !== undefined && crashes.has(error)) && ++crashed >= maxCrashes) {
      tally.notes.push(`stopped after ${index + 1} of ${requests.length} requests, ${crashed} of which ended a worker`);
      break;
    }
  }
  await measureMore({ old, now, requests, tally, signal });
  return tally.result;
}

/** Runs what both answered again, for its time only. */
async function measureMore({
  old,
  now,
  requests,
  tally,
  signal,
}: Pick<ReplayOptions, 'old' | 'now' | 'requests' | 'signal'> & { readonly tally: ReplayTally }): Promise<void> {
  const answered = requests.filter((request) => tally.wasAnswered(request));
  const endMs = performance.now() + maxTimingMs;
  for (let at = 0; answered.length > 0 && at < leastTimes - answered.length && performance.now() < endMs; at++) {
    if (signal?.aborted === true) throw new AirlockError('CANCELLED');
    const request = answered[at % answered.length];
    const isOldFirst = at % 2 === 0;
    const first = await run(isOldFirst ? old : now, request);
    const second = await run(isOldFirst ? now : old, request);
    if (first.error !== undefined || second.error !== undefined) return;
    tally.addTimes(isOldFirst ? first.ms : second.ms, isOldFirst ? second.ms : first.ms);
  }
}

class ReplayTally {
  readonly notes: string[] = [];
  readonly #tolerance: RehearsalConfig['tolerance'];
  readonly #outputs = new Map<string, OutputTally>();
  readonly #endings = new Map<string, { old: EndingCount['old']; now: EndingCount['now']; count: number }>();
  readonly #oldMs: number[] = [];
  readonly #nowMs: number[] = [];
  readonly #answered = new Set<RehearsalRequest>();

  constructor(tolerance: RehearsalConfig['tolerance']) {
    this.#tolerance = tolerance;
  }

  get result(): Replay {
    return {
      answered: this.#answered.size,
      endings: [...this.#endings.values()].sort((a, b) => b.count - a.count),
      outputs: [...this.#outputs.values()].map(({ result }) => result),
      oldTimes: timings(this.#oldMs),
      nowTimes: timings(this.#nowMs),
      notes: this.notes,
    };
  }

  wasAnswered(request: RehearsalRequest): boolean {
    return this.#answered.has(request);
  }

  addTimes(oldMs: number, nowMs: number): void {
    this.#oldMs.push(oldMs);
    this.#nowMs.push(nowMs);
  }

  add(request: RehearsalRequest, version: ModelVersion, old: Outcome, again: Outcome, now: Outcome): void {
    const [before, after] = [old.error ?? 'answered', now.error ?? 'answered'] as const;
    const key = `${before} ${after}`;
    const ending = this.#endings.get(key) ?? { old: before, now: after, count: 0 };
    ending.count++;
    this.#endings.set(key, ending);
    if (old.outputs === undefined || now.outputs === undefined) return;
    this.#answered.add(request);
    this.addTimes(old.ms, now.ms);
    const { signature } = request;
    const repeated = again.outputs;
    for (const [index, { alias }] of version.signature(signature).outputs.entries()) {
      const name = signature === 'serving_default' ? alias : `${signature}/${alias}`;
      const tally =
        this.#outputs.get(name) ?? new OutputTally(name, ownTolerance(this.#tolerance.outputs, alias), this.#tolerance);
      this.#outputs.set(name, tally);
      // One that answers only now and then cannot be compared with itself.
      if (repeated === undefined) tally.addUndecidable();
      else tally.add(old.outputs[index], repeated[index], now.outputs[index]);
    }
  }
}

function ownTolerance(outputs: RehearsalConfig['tolerance']['outputs'], alias: string) {
  return Object.hasOwn(outputs, alias) ? outputs[alias] : undefined;
}

async function run(version: ModelVersion, { signature: name, tensors }: RehearsalRequest): Promise<Outcome> {
  await untilReady(version);
  const startedMs = performance.now();
  let outputs: readonly Tensor[] | undefined;
  try {
    const signature = version.signature(name);
    const runModel = async (inputs: readonly Tensor[]): Promise<readonly Tensor[]> => {
      outputs = await version.run(signature, inputs);
      return outputs;
    };
    const check = version.contract?.open();
    if (check === undefined) await runModel(tensors);
    else await check.run({ signature, tensors, paths: tensors.map(() => () => ''), run: runModel });
  } catch (thrown) {
    return { error: AirlockError.from(thrown).code, ms: performance.now() - startedMs };
  }
  return { ...(outputs === undefined ? {} : { outputs }), ms: performance.now() - startedMs };
}

async function untilReady(version: ModelVersion): Promise<void> {
  const endMs = performance.now() + restartMs;
  while (!version.ready && performance.now() < endMs) await new Promise((resolve) => setTimeout(resolve, 50));
}

export function timings(all: readonly number[]): Timings {
  const sorted = [...all].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { median: at(0.5), p99: at(0.99), all };
}
