// When everything that is served is scanned again: at the times of a schedule, a while after each so that many servers do not begin at once, and
// when the rules or their data have changed. Only one round at a time: a round that takes longer than the pause swallows the next, but when the
// rules change during one, another follows, because what it had scanned before was judged by the old ones.
import { nextTime, parseSchedule } from '../config/index.ts';

export interface ScanScheduleOptions {
  /** As in airlock.yaml. */
  readonly schedule: string;
  readonly jitterMs: number;
  /** Tells one state of rules and data from another. */
  readonly rules: () => string;
  /** One round; must not reject. */
  readonly run: () => Promise<void>;
  /** How often `rules` is asked. Default 60,000. */
  readonly rulesPollMs?: number;
  /** For tests. */
  readonly clock?: { now(): number; random(): number };
}

/** setTimeout knows no more than 24.8 days, and the clock of a machine that slept has jumped. */
const maxWaitMs = 3_600_000;

export class ScanSchedule {
  readonly #options: Required<ScanScheduleOptions>;
  #rules: string;
  #timer: NodeJS.Timeout | undefined;
  readonly #poll: NodeJS.Timeout;
  #running: Promise<void> | undefined;
  #isStopped = false;
  /** The rules changed while a round ran. */
  #isOutdated = false;

  constructor(options: ScanScheduleOptions) {
    this.#options = { rulesPollMs: 60_000, clock: { now: Date.now, random: Math.random }, ...options };
    this.#rules = options.rules();
    this.#poll = setInterval(() => this.#look(), this.#options.rulesPollMs);
    this.#poll.unref();
    this.#plan();
  }

  /** Waits for a round that runs. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    clearInterval(this.#poll);
    await this.#running;
  }

  #plan(): void {
    const { schedule, jitterMs, clock } = this.#options;
    const parsed = parseSchedule(schedule);
    const timeMs = parsed == null ? undefined : nextTime(parsed, clock.now());
    if (timeMs !== undefined) this.#waitUntil(timeMs + clock.random() * jitterMs);
  }

  #waitUntil(timeMs: number): void {
    if (this.#isStopped) return;
    const restMs = timeMs - this.#options.clock.now();
    this.#timer = setTimeout(() => (restMs > maxWaitMs ? this.#waitUntil(timeMs) : this.#fire()), Math.min(restMs, maxWaitMs));
    this.#timer.unref();
  }

  #fire(): void {
    this.#start();
    this.#plan();
  }

  #look(): void {
    let rules: string;
    try {
      rules = this.#options.rules();
    } catch {
      // Data that is being replaced at this moment.
      return;
    }
    if (rules === this.#rules) return;
    this.#rules = rules;
    this.#isOutdated = this.#running !== undefined;
    this.#start();
  }

  #start(): void {
    if (this.#isStopped || this.#running !== undefined) return;
    this.#running = this.#options.run().finally(() => {
      this.#running = undefined;
      if (!this.#isOutdated) return;
      this.#isOutdated = false;
      this.#start();
    });
  }
}
