// Lets through as many requests at one time as pay, and refuses the others at once: a request that waits behind too many others only makes all of them
// late. Never lets through more than its bounds say, and keeps no slot of a request that is over.
import type { ConcurrencyConfig } from '../../config/index.ts';
import { AirlockError, type ErrorCode, errorSpec, isAirlockError } from '../../core/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { RunContext, Runner } from '../runner.ts';
import { type Adjustment, AdjustmentNotices } from './adjustment-notices.ts';
import { ConcurrencySlots, type SlotOutcome } from './concurrency-slots.ts';

export interface ConcurrencyGateOptions {
  readonly bounds: ConcurrencyConfig;
  readonly next: Runner;
  /** Told of each change of the limit, at most once a second. */
  readonly onAdjusted: (adjustment: Adjustment) => void;
  /** Milliseconds of a clock that nobody sets. Default `performance.now`. */
  readonly clock?: () => number;
}

/** For metrics; counts since the start. */
export interface ConcurrencyReport {
  /** Requests that are let through at one time now. */
  readonly limit: number;
  readonly min: number;
  readonly max: number;
  readonly underWay: number;
  readonly refused: number;
  /** Changes of the limit. */
  readonly adjustments: number;
  /** What requests took lately, in milliseconds; 0 before that is known. */
  readonly latencyMs: number;
  /** Clients that asked lately. */
  readonly clients: number;
}

/** Failures that too many requests at one time can be the reason of. */
const overload: ReadonlySet<ErrorCode> = new Set([
  'DEADLINE_EXCEEDED',
  'DEADLINE_UNREACHABLE',
  'TENSORFLOW_DEADLINE_EXCEEDED',
  'TENSORFLOW_RESOURCE_EXHAUSTED',
  'WORKER_CRASHED',
  'WORKER_OUT_OF_MEMORY',
  'SERVER_OVERLOADED',
]);
/** Those of them that a client brings about by asking for an answer in no time. */
const deadlines: ReadonlySet<ErrorCode> = new Set(['DEADLINE_EXCEEDED', 'DEADLINE_UNREACHABLE']);

export class ConcurrencyGate implements Runner {
  readonly #next: Runner;
  readonly #bounds: ConcurrencyConfig;
  readonly #clock: () => number;
  readonly #slots: ConcurrencySlots;
  #refused = 0;
  #adjustments = 0;

  constructor({ bounds, next, onAdjusted, clock = () => performance.now() }: ConcurrencyGateOptions) {
    this.#next = next;
    this.#bounds = bounds;
    this.#clock = clock;
    const notices = new AdjustmentNotices(onAdjusted);
    const onChange = ({ from, to, reason }: { readonly from: number; readonly to: number; readonly reason: string }): void => {
      this.#adjustments++;
      notices.add(from, to, reason);
    };
    this.#slots = new ConcurrencySlots(bounds, onChange, clock());
  }

  get report(): ConcurrencyReport {
    const { limit, underWay, latencyMs } = this.#slots.limiter;
    const { min, max } = this.#bounds;
    const [refused, adjustments, clients] = [this.#refused, this.#adjustments, this.#slots.clientCount];
    return { limit, min, max, underWay, refused, adjustments, latencyMs, clients };
  }

  /** Rejects with SERVER_OVERLOADED where there is no slot, and as the next step does. */
  async run(signatureIndex: number, inputs: readonly Tensor[], context: RunContext): Promise<readonly Tensor[]> {
    const startMs = this.#clock();
    const client = this.#slots.take(context.client, startMs);
    if (client === undefined) throw this.#refusal();
    let outcome: SlotOutcome = 'answered';
    try {
      return await this.#next.run(signatureIndex, inputs, context);
    } catch (thrown) {
      outcome = isAirlockError(thrown) && isOverload(thrown.code, context) ? 'overload' : 'other';
      throw thrown;
    } finally {
      this.#slots.release(client, outcome, startMs, this.#clock());
    }
  }

  #refusal(): AirlockError {
    this.#refused++;
    const { limit, latencyMs } = this.#slots.limiter;
    const expected = `at most ${limit} requests of this model at one time now, the last of them for clients that have few`;
    return new AirlockError('SERVER_OVERLOADED', {
      message: `${errorSpec('SERVER_OVERLOADED').text}: expected ${expected}, got one more`,
      violations: [{ path: '', rule: 'concurrency', expected, got: 'one more' }],
      // About when one of those under way is over.
      retryAfterMs: Math.max(1, Math.ceil(latencyMs)),
    });
  }
}

function isOverload(code: ErrorCode, { deadlineMs }: RunContext): boolean {
  return overload.has(code) && (deadlineMs === undefined || !deadlines.has(code));
}
