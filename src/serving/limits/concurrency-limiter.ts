// How many requests of one model are let through at one time, found from what they take: the limit goes up a ladder of numbers while a step up
// becomes throughput, and down where requests only wait longer, fail, or miss their deadlines. It follows the gradient of latency, as limiters of
// congestion do (Brakmo and Peterson, TCP Vegas, 1994; Gradient2 of Netflix's concurrency-limits), but compares with what was measured one step below
// lately and not with the least latency ever seen: a batch takes longer than one request and pays all the same, and other requests may come than before.
// Looks at no clock and sets no timer; a limit changes only when an answer arrives.
import type { ConcurrencyConfig } from '../../config/index.ts';
import { ConcurrencyCurve, type Gain, ladder } from './concurrency-curve.ts';
import { ConcurrencyWindow } from './concurrency-window.ts';

/** Where a limit starts, within its bounds. */
const firstLimit = 16;
const leastWindowMs = 100;
const leastAnswers = 16;
/** After so long, or so many answers, what was measured is taken as it is. */
const longestWindowMs = 15_000;
const mostAnswers = 4_096;
/** Gains: below the first a step is taken back, above the second the next one is tried. */
const tooLittle = 0.15;
const enough = 0.3;
/** A gain lies beyond a bound when it is so many of its errors away: it is looked at several times, and each look could be the one that errs. */
const standardErrors = 2;
/** A gain that is known to so much is not worth more measuring. */
const leastError = 0.05;
/** One of so many slots is kept for clients that use little, at least one where there are two. */
const slotsPerReserved = 4;
/** With less than this part of the other slots taken on average, the limit was met by bursts only. */
const saturatedPart = 0.5;
/** Of the requests of a window, so many may fail before the limit goes down. */
const failedPart = 0.1;
/** Until a step up is tried again that did not pay; doubled each time, up to the second. */
const firstPauseMs = 2_000;
const longestPauseMs = 60_000;
/** Requests that were let in under another limit are not waited for any longer. */
const longestSettlingMs = 30_000;

/** Slots of a limit that are kept for clients that use little. */
export function reservedSlots(limit: number): number {
  return limit < 2 ? 0 : Math.max(1, Math.floor(limit / slotsPerReserved));
}

/** A change of the limit. */
export interface LimitChange {
  readonly from: number;
  readonly to: number;
  /** For people; holds numbers only. */
  readonly reason: string;
}

export class ConcurrencyLimiter {
  readonly #levels: readonly number[];
  readonly #curve: ConcurrencyCurve;
  readonly #window = new ConcurrencyWindow();
  readonly #onChange: (change: LimitChange) => void;
  #level: number;
  #underWay = 0;
  /** Answers to wait for before the next window begins, and until when at most. */
  #settling = 0;
  #settledAtMs = 0;
  #nextCheck = 0;
  #pauseMs = firstPauseMs;
  #growAfterMs = Number.NEGATIVE_INFINITY;
  #wentUp = false;
  #latencyMs = 0;

  constructor({ min, max }: ConcurrencyConfig, onChange: (change: LimitChange) => void, nowMs: number) {
    this.#levels = ladder(min, max);
    this.#curve = new ConcurrencyCurve(this.#levels.length);
    this.#onChange = onChange;
    const first = this.#levels.findLastIndex((level) => level <= firstLimit);
    this.#level = Math.max(0, first);
    this.#restart(nowMs);
  }

  /** As many as this may be under way now. */
  get limit(): number {
    return this.#levels[this.#level];
  }

  get underWay(): number {
    return this.#underWay;
  }

  /** What requests took in the last window, in milliseconds; 0 before there was one. */
  get latencyMs(): number {
    return this.#latencyMs;
  }

  /** A request begins. */
  begin(nowMs: number): void {
    this.#window.advance(this.#underWay, nowMs);
    this.#underWay++;
    if (this.#underWay > this.#window.peak) this.#window.peak = this.#underWay;
  }

  /** A request was refused because of the limit. */
  refuse(): void {
    this.#window.refused++;
  }

  /** A request was answered. */
  succeed(startMs: number, nowMs: number): void {
    this.#end(nowMs);
    if (this.#isSettling(nowMs)) return;
    this.#window.answer(nowMs - startMs, nowMs);
    this.#judge(nowMs);
  }

  /** A request failed in a way that load can be the reason of. @param othersAsk whether `client` is not the only one. */
  fail(client: object, othersAsk: boolean, nowMs: number): void {
    this.#end(nowMs);
    if (this.#isSettling(nowMs)) return;
    this.#window.fail(client, othersAsk);
    this.#judge(nowMs);
  }

  /** A request is over in a way that says nothing. */
  drop(nowMs: number): void {
    this.#end(nowMs);
    this.#isSettling(nowMs);
  }

  #end(nowMs: number): void {
    this.#window.advance(this.#underWay, nowMs);
    this.#underWay--;
  }

  #isSettling(nowMs: number): boolean {
    if (this.#settling === 0) return false;
    this.#settling = nowMs >= this.#settledAtMs ? 0 : this.#settling - 1;
    if (this.#settling === 0) this.#restart(nowMs);
    return true;
  }

  #restart(nowMs: number): true {
    this.#window.restart(this.#underWay, nowMs);
    this.#nextCheck = Math.max(leastAnswers, this.limit);
    return true;
  }

  #judge(nowMs: number): void {
    const window = this.#window;
    const elapsedMs = window.elapsedMs(nowMs);
    const seen = window.answered + window.failed;
    // A slow model does not give that many answers in a reasonable time.
    const isEnough = seen >= this.#nextCheck ? elapsedMs >= leastWindowMs : elapsedMs >= longestWindowMs;
    if (!isEnough) return;
    if (window.failedByLoad && window.failed >= failedPart * seen) {
      this.#pauseGrowth(nowMs);
      this.#move(-1, `${window.failed} of ${seen} requests failed or missed their deadline`, nowMs);
      return;
    }
    const point = window.point();
    if (point === undefined) {
      this.#restart(nowMs);
      return;
    }
    this.#latencyMs = point.latencyMs;
    const wasMet = window.refused > 0 || window.peak >= this.limit;
    if (!wasMet) {
      this.#restart(nowMs);
      return;
    }
    if (point.underWay < saturatedPart * (this.limit - reservedSlots(this.limit))) {
      if (window.refused > 0 && nowMs >= this.#growAfterMs) {
        const average = point.underWay.toFixed(1);
        this.#move(1, `${window.refused} were refused in bursts with ${average} under way on average`, nowMs);
      } else this.#restart(nowMs);
      return;
    }
    this.#curve.put(this.#level, point);
    const isLast = elapsedMs >= longestWindowMs || window.answered >= mostAnswers;
    if (this.#follow(nowMs, isLast)) return;
    // What was measured is not clear yet: the window goes on.
    this.#nextCheck = Math.ceil(this.#nextCheck * 1.5);
  }

  /** @returns false where more has to be measured first. */
  #follow(nowMs: number, isLast: boolean): boolean {
    const curve = this.#curve;
    const level = this.#level;
    const above = curve.gain(level + 1, nowMs);
    if (above !== undefined) {
      const isWorthIt = compare(above, enough, isLast);
      if (isWorthIt === 'unclear') return false;
      if (isWorthIt === 'above') return this.#move(1, this.#comparison(level + 1, nowMs), nowMs);
    }
    const mayGrow = nowMs >= this.#growAfterMs && level + 1 < this.#levels.length;
    if (level === 0) return mayGrow ? this.#move(1, 'to compare with more at one time', nowMs) : this.#restart(nowMs);
    if (curve.point(level - 1, nowMs) === undefined) return this.#move(-1, 'to compare with fewer at one time', nowMs);
    const below = curve.gain(level, nowMs);
    // The load is as it was with a lower limit.
    if (below === undefined) return this.#restart(nowMs);
    const kept = compare(below, tooLittle, isLast);
    const raised = compare(below, enough, isLast);
    if (kept === 'unclear' || (raised === 'unclear' && mayGrow)) return false;
    if (kept === 'below') {
      if (this.#wentUp) this.#pauseGrowth(nowMs);
      return this.#move(-1, this.#comparison(level, nowMs), nowMs);
    }
    if (this.#wentUp) this.#pauseMs = firstPauseMs;
    this.#wentUp = false;
    return raised === 'above' && mayGrow ? this.#move(1, this.#comparison(level, nowMs), nowMs) : this.#restart(nowMs);
  }

  #pauseGrowth(nowMs: number): void {
    this.#growAfterMs = nowMs + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, longestPauseMs);
  }

  #comparison(level: number, nowMs: number): string {
    const [low, high] = [this.#curve.point(level - 1, nowMs), this.#curve.point(level, nowMs)];
    if (low === undefined || high === undefined) return '';
    const text = (point: typeof low): string => `${point.latencyMs.toFixed(1)} ms with ${Math.round(point.underWay)} under way`;
    return `latency ${text(high)} against ${text(low)}`;
  }

  #move(by: 1 | -1, reason: string, nowMs: number): true {
    const from = this.limit;
    const level = Math.min(this.#levels.length - 1, Math.max(0, this.#level + by));
    const isMoved = level !== this.#level;
    this.#level = level;
    this.#wentUp = by > 0;
    this.#restart(nowMs);
    if (!isMoved) return true;
    this.#settling = this.#underWay;
    this.#settledAtMs = nowMs + longestSettlingMs;
    this.#onChange({ from, to: this.limit, reason });
    return true;
  }
}

/** Where a gain lies, as far as it is known. */
function compare({ value, error }: Gain, bound: number, isLast: boolean): 'above' | 'below' | 'unclear' {
  if (isLast || error <= leastError || Math.abs(value - bound) > standardErrors * error) return value > bound ? 'above' : 'below';
  return 'unclear';
}
