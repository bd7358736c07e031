// Has TensorFlow trace a share of a version's runs, and keeps what operations took. The last step before the worker, so that a batch counts as one run. Where nothing is
// sampled it is not there at all. Never refuses a request and never fails one: a trace says what was over before anybody could read it.
import { AirlockError, printable } from '../../core/index.ts';
import type { PredictedCost } from '../../cost/index.ts';
import {
  type LimitedOps,
  limitsAnything,
  OpProfile,
  type OverLimit,
  opsOverLimit,
  type ProfileReport,
  profileReport,
  type RunProfile,
} from '../../profile/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { RunContext, Runner } from '../runner.ts';

/** The server reads about 100 kB of a trace in a millisecond; it waits a hundred times as long before it asks for the next, so that reading takes 1 % of its time at most. */
const pauseMsPerByte = 1 / 1000;
const minPauseMs = 10;
/** Shares are counted in whole numbers: a tenth, added up a thousand times, is not a hundred. */
const stepsPerPercent = 1_000_000;
const wholeTrace = 100 * stepsPerPercent;
/** An operation over its limit is told of at most so often; all are counted. */
const noticeMs = 10_000;
const namedOps = 3;

export interface ProfileSamplerOptions {
  /** Of the runs, above 0 and up to 100. */
  readonly percent: number;
  readonly limits: LimitedOps;
  /** Where what is learned on a TensorFlow goes, with what was learned on it before. Default one profile, empty at first. */
  readonly profileOn?: ((tensorflow: string) => OpProfile) | undefined;
  /** A run in which something went beyond its limit; the worst first, at least one. At most once in ten seconds. */
  readonly onOverLimit?: (found: readonly OverLimit[]) => void;
  /** Told of each trace that was asked for here, with what the run was predicted to cost. */
  readonly onTraced?: (profile: RunProfile, cost: PredictedCost | undefined) => void;
  /** For tests. Default performance.now. */
  readonly nowMs?: () => number;
}

export class ProfileSampler {
  readonly #profileOn: (tensorflow: string) => OpProfile;
  #tensorflow: () => string = () => '';
  readonly #step: number;
  readonly #limits: LimitedOps | undefined;
  readonly #onOverLimit: ProfileSamplerOptions['onOverLimit'];
  readonly #onTraced: ProfileSamplerOptions['onTraced'];
  readonly #nowMs: () => number;
  /** Steps that runs have brought and no trace has used. */
  #credit = 0;
  #notBeforeMs = 0;
  #noticedMs = Number.NEGATIVE_INFINITY;
  #overLimit = 0;

  constructor({ percent, limits, profileOn, onOverLimit, onTraced, nowMs }: ProfileSamplerOptions) {
    this.#step = Math.max(1, Math.round(percent * stepsPerPercent));
    this.#limits = limitsAnything(limits) ? limits : undefined;
    const only = new OpProfile();
    this.#profileOn = profileOn ?? (() => only);
    this.#onOverLimit = onOverLimit;
    this.#onTraced = onTraced;
    this.#nowMs = nowMs ?? (() => performance.now());
  }

  /** Of the TensorFlow that answers. */
  get profile(): OpProfile {
    return this.#profileOn(this.#tensorflow());
  }

  /** Times that an operation or a node was seen beyond its limit. */
  get overLimit(): number {
    return this.#overLimit;
  }

  /** For metrics. @param isKnownOp whether TensorFlow has an operation of this name. */
  report(isKnownOp: (op: string) => boolean): ProfileReport {
    return profileReport(this.profile, this.#overLimit, isKnownOp);
  }

  /** The step; `next` is the worker's seat. @param tensorflow which one answers; asked for each trace. */
  before(next: Runner, tensorflow: () => string = this.#tensorflow): Runner {
    this.#tensorflow = tensorflow;
    return {
      run: (signatureIndex: number, inputs: readonly Tensor[], context: RunContext) => {
        const traced = context.onProfile === undefined && this.#takes() ? this.#traced(context) : context;
        return next.run(signatureIndex, inputs, traced).catch(this.#explain);
      },
    };
  }

  /** By counting and not by chance: the same requests give the same traces, and 1 percent is one in a hundred. */
  #takes(): boolean {
    this.#credit += this.#step;
    if (this.#credit < wholeTrace) return false;
    if (this.#nowMs() < this.#notBeforeMs) {
      // Never more than one that is due: a pause must not be followed by a burst.
      this.#credit = wholeTrace;
      return false;
    }
    this.#credit -= wholeTrace;
    return true;
  }

  #traced(context: RunContext): RunContext {
    // Of the one that is asked: it may answer after another has taken its place.
    const kept = this.profile;
    const onProfile = (profile: RunProfile): void => {
      this.observe(profile, kept);
      this.#onTraced?.(profile, context.cost);
    };
    return { ...context, onProfile };
  }

  /** Counts a trace, also one that was not asked for here. */
  observe(profile: RunProfile, kept = this.profile): void {
    const nowMs = this.#nowMs();
    this.#notBeforeMs = nowMs + Math.max(minPauseMs, profile.traceBytes * pauseMsPerByte);
    kept.add(profile);
    if (this.#limits === undefined) return;
    const found = opsOverLimit(profile, this.#limits);
    this.#overLimit += found.length;
    if (found.length === 0 || nowMs - this.#noticedMs < noticeMs) return;
    this.#noticedMs = nowMs;
    this.#onOverLimit?.(found);
  }

  /** A run that was ended left no trace; what such runs spend their time with was seen in others. */
  readonly #explain = (thrown: unknown): never => {
    const error = AirlockError.from(thrown);
    if (error.code !== 'DEADLINE_EXCEEDED' || this.profile.runs === 0) throw error;
    const { message, violations, retryAfterMs } = error;
    const nodes = named(this.profile, 'nodes');
    throw new AirlockError('DEADLINE_EXCEEDED', {
      message: `${message}; most of the time of such requests goes to ${named(this.profile, 'ops')}`,
      detail: [...(error.detail === undefined ? [] : [error.detail]), `by its profile the time goes to ${nodes}`].join('; '),
      violations,
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      cause: error,
    });
  };
}

function named(profile: OpProfile, of: 'ops' | 'nodes'): string {
  return profile
    .top(of, namedOps)
    .map(({ name, share }) => `${name === '' ? 'others' : printable(name, 128)} (${Math.round(share * 100)} %)`)
    .join(', ');
}
