// What is measured between two decisions about a limit: how many were under way on average, and what each took. Knows no clock.
import type { CurvePoint } from './concurrency-curve.ts';

export class ConcurrencyWindow {
  /** Answers whose time counts. */
  answered = 0;
  /** Requests that were refused because of the limit. */
  refused = 0;
  /** Failures that too many requests at one time can be the reason of. */
  failed = 0;
  /** The most that was under way. */
  peak = 0;
  #failedFor: object | undefined;
  #failedByLoad = false;
  #startMs = 0;
  #atMs = 0;
  #area = 0;
  #sum = 0;
  #squares = 0;
  #answeredAtMs = 0;
  #gapSquares = 0;

  restart(underWay: number, nowMs: number): void {
    this.answered = 0;
    this.refused = 0;
    this.failed = 0;
    this.peak = underWay;
    this.#failedFor = undefined;
    this.#failedByLoad = false;
    this.#startMs = nowMs;
    this.#atMs = nowMs;
    this.#area = 0;
    this.#sum = 0;
    this.#squares = 0;
    this.#answeredAtMs = nowMs;
    this.#gapSquares = 0;
  }

  /** To be called before each change of what is under way, with what it was until now. */
  advance(underWay: number, nowMs: number): void {
    if (nowMs > this.#atMs) {
      this.#area += underWay * (nowMs - this.#atMs);
      this.#atMs = nowMs;
    }
    if (underWay > this.peak) this.peak = underWay;
  }

  answer(latencyMs: number, nowMs: number): void {
    const gapMs = nowMs - this.#answeredAtMs;
    this.#answeredAtMs = nowMs;
    this.#gapSquares += gapMs * gapMs;
    // A clock of whole milliseconds says 0.
    const log = Math.log(Math.max(latencyMs, 0.001));
    this.answered++;
    this.#sum += log;
    this.#squares += log * log;
  }

  /** @param client whose request it was. @param othersAsk whether there are others. */
  fail(client: object, othersAsk: boolean): void {
    this.failed++;
    this.#failedFor ??= client;
    if (!othersAsk || this.#failedFor !== client) this.#failedByLoad = true;
  }

  /** False where all failures are of one client of several: then its requests are the reason, and not that there are too many. */
  get failedByLoad(): boolean {
    return this.#failedByLoad;
  }

  elapsedMs(nowMs: number): number {
    return nowMs - this.#startMs;
  }

  get underWay(): number {
    const elapsed = this.#atMs - this.#startMs;
    return elapsed > 0 ? this.#area / elapsed : 0;
  }

  /** @returns undefined while nothing was measured. */
  point(): CurvePoint | undefined {
    const { answered, underWay } = this;
    if (answered === 0 || underWay <= 0) return undefined;
    const mean = this.#sum / answered;
    // Of one answer alone nothing is known about how much answers differ.
    const each = answered < 2 ? 1 : Math.max(0, this.#squares / answered - mean * mean) / (answered - 1);
    // Requests that wait in one line, or run in one batch, take the same time for the same reason: as if there were fewer of them. How much the
    // line itself varies is seen from the times between answers.
    const totalMs = this.#answeredAtMs - this.#startMs;
    const line = totalMs > 0 ? Math.max(0, this.#gapSquares / (totalMs * totalMs) - 1 / answered) : 1;
    const variance = Math.max(each, line);
    return { underWay, latencyMs: Math.exp(mean), variance, atMs: this.#atMs };
  }
}
