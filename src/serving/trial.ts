// What is seen of a new worker while the old one is still there: what it was asked, what it failed, how it ended and how its answers compare. Counts and judges; runs
// nothing. Whatever counts against it, any client could bring about on purpose: only what the old worker does better counts.
import { printable } from '../core/index.ts';
import type { AnswerDifference, Tolerance } from './compare-answers.ts';

/** How a new worker is tried. */
export interface TrialRules {
  readonly tolerance: Tolerance;
  /** Requests that both workers answer while both are there, in percent. */
  readonly mirrorPercent: number;
  /** Requests that the old worker may have to answer for the new one, in percent. */
  readonly maxFailedPercent: number;
  /** False where somebody accepted that answers differ: then they are counted and nothing else. */
  readonly refuseDrift: boolean;
  /** The most that a request of the model may take: what was given less time says nothing when it is late. Default 0. */
  readonly timeoutMs?: number;
  /** Live requests that the new worker must answer too before it takes over; fewer when fewer come within `gateMs`. Default 3. */
  readonly gateRequests?: number;
  /** How long is waited for them. Default 2000. */
  readonly gateMs?: number;
}

/** Fewer than this are no error rate, unless none at all may fail. */
const leastFailures = 3;
const leastDrifts = 3;
/** Of the compared answers: a class that flips now and then at a border is no drift of a model. */
const maxDriftPercent = 1;
/** A worker that ended as often as this comes back only to end again. */
const maxRestarts = 3;

/** Who waited a moment for his turn has had his time all the same. */
const wholeTime = 0.9;

/** Infinity has no form in JSON. */
function finite(value: number): number {
  return Number.isFinite(value) ? value : -1;
}

export class Trial {
  readonly rules: TrialRules;
  requests = 0;
  failed = 0;
  saved = 0;
  compared = 0;
  drifted = 0;
  unstable = 0;
  /** Ends of the new worker that say nothing about it. */
  #excusedEnds = 0;
  #isExcused = false;
  #maxAbsolute = 0;
  #maxRelative = 0;
  #lastFailure = '';
  #driftedOutput = '';
  /** In percent; at 100 the next request is mirrored, and so is the first one. */
  #due = 100;

  constructor(rules: TrialRules) {
    this.rules = rules;
  }

  /** Whether the request that came now is one that both answer. */
  takesSample(): boolean {
    this.#due += this.rules.mirrorPercent;
    if (this.rules.mirrorPercent === 0 || this.#due < 100) return false;
    this.#due %= 100;
    return true;
  }

  /** Whether a request that took so long at a worker has had its whole time there. */
  isWholeTime(ranMs: number): boolean {
    return ranMs >= wholeTime * (this.rules.timeoutMs ?? 0);
  }

  /** The new worker ended, or is about to, at a request that says nothing about it: it ended the old one as well, or had less time than a request may take. */
  excuseEnd(): void {
    this.#excusedEnds++;
    this.#isExcused = true;
  }

  /** An end that was excused counts after all. */
  countEnd(): void {
    this.#excusedEnds--;
    this.#isExcused = false;
  }

  /** The new worker answered. */
  answered(): void {
    this.#isExcused = false;
  }

  /** Until it answers again, it is away because of an end that was excused: what it cannot take meanwhile says nothing about it, either. */
  get isExcused(): boolean {
    return this.#isExcused;
  }

  /** The new worker failed a request. @param code of the error. */
  fail(code: string, answeredByOld: boolean): void {
    this.failed++;
    if (answeredByOld) this.saved++;
    this.#lastFailure = code;
  }

  /** Both answered. @param isStable false when the old worker answers the request another way each time; undefined when nobody had to find out. */
  compare({ same, maxAbsolute, maxRelative, output }: AnswerDifference, isStable: boolean): void {
    this.compared++;
    if (!isStable) {
      this.unstable++;
      return;
    }
    this.#maxAbsolute = Math.max(this.#maxAbsolute, maxAbsolute);
    this.#maxRelative = Math.max(this.#maxRelative, maxRelative);
    if (same) return;
    this.drifted++;
    this.#driftedOutput = printable(output ?? '');
  }

  /** Why the new worker must not stay; undefined while nothing speaks against it. @param restarts of the new worker. */
  verdict(restarts: number): string | undefined {
    const { maxFailedPercent, refuseDrift } = this.rules;
    const ends = restarts - this.#excusedEnds;
    if (ends >= maxRestarts) return `its worker ended ${ends} times`;
    const enough = maxFailedPercent === 0 ? 1 : leastFailures;
    if (this.failed >= enough && this.failed * 100 > this.requests * maxFailedPercent)
      return `${this.failed} of ${this.requests} requests failed, and did not before (${this.#lastFailure})`;
    if (refuseDrift && this.drifted >= leastDrifts && this.drifted * 100 > this.compared * maxDriftPercent)
      return `${this.drifted} of ${this.compared} answers differ: output ${this.#driftedOutput} by up to ${this.#maxAbsolute.toPrecision(3)}`;
    return undefined;
  }

  get counts() {
    const { requests, failed, saved, compared, drifted, unstable } = this;
    const [maxAbsolute, maxRelative] = [finite(this.#maxAbsolute), finite(this.#maxRelative)];
    return { requests, failed, saved, compared, drifted, unstable, maxAbsolute, maxRelative };
  }
}
