// One timer for all deadlines of a worker, and the clock that they are on. A turn of the event loop that keeps this server from reading its
// sockets is time that nobody had: a worker may have answered meanwhile, or wait for the rest of its request. Counted, one body that is
// slow to check would fail the requests of every other model and kill their workers.

/** Between two looks while a deadline is to come. */
const lookMs = 100;

/** Sockets are read between turns that are shorter than this; then time counts, however busy this server is. */
const maxTurnMs = 100;

export class DeadlineTimer {
  readonly #onDue: (nowMs: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  /** On the clock of `nowMs`. */
  #atMs = Number.POSITIVE_INFINITY;
  /** When the next look should be, on the clock of performance.now(). */
  #lookAtMs = Number.POSITIVE_INFINITY;
  #lostMs = 0;

  /** `onDue` gets `nowMs`, and must arm again for what is still to come. */
  constructor(onDue: (nowMs: number) => void) {
    this.#onDue = onDue;
  }

  /** Milliseconds, without those in which this server was kept from its work while it had a deadline. */
  get nowMs(): number {
    const realMs = performance.now();
    const lateMs = realMs - this.#lookAtMs;
    if (lateMs > maxTurnMs) {
      this.#lostMs += lateMs;
      this.#lookAtMs = realMs;
    }
    return realMs - this.#lostMs;
  }

  /** Makes sure that `onDue` is called at `atMs`, on the clock of `nowMs`, or for an earlier deadline before. */
  arm(atMs: number): void {
    if (atMs >= this.#atMs) return;
    const { nowMs } = this;
    this.clear();
    this.#atMs = atMs;
    this.#wait(nowMs);
  }

  #wait(nowMs: number): void {
    // Timers count whole milliseconds and may be a fraction early.
    const waitMs = Math.min(lookMs, Math.max(1, Math.ceil(this.#atMs - nowMs)));
    this.#lookAtMs = performance.now() + waitMs;
    this.#timer = setTimeout(() => {
      const { nowMs } = this;
      this.#lookAtMs = performance.now();
      if (nowMs < this.#atMs) this.#wait(nowMs);
      // Node runs timers before it reads sockets. What came in time may still lie there.
      else this.#immediate = setImmediate(() => this.#look());
    }, waitMs);
  }

  #look(): void {
    const { nowMs } = this;
    if (nowMs < this.#atMs) {
      this.#wait(nowMs);
      return;
    }
    this.clear();
    this.#onDue(nowMs);
  }

  clear(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#atMs = Number.POSITIVE_INFINITY;
    this.#lookAtMs = Number.POSITIVE_INFINITY;
  }
}
