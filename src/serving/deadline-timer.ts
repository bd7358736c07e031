// One timer for all deadlines of a worker: armed for the earliest, so that a request costs a comparison and not a timer of its own.

export class DeadlineTimer {
  readonly #onDue: (nowMs: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #immediate: NodeJS.Immediate | undefined;
  #atMs = Number.POSITIVE_INFINITY;

  /** `onDue` gets the time on the clock of performance.now(), and must arm again for what is still to come. */
  constructor(onDue: (nowMs: number) => void) {
    this.#onDue = onDue;
  }

  /** Makes sure that `onDue` is called at `atMs` or, for an earlier deadline, before. */
  arm(atMs: number): void {
    if (atMs >= this.#atMs) return;
    this.clear();
    this.#atMs = atMs;
    this.#timer = setTimeout(
      () => {
        // Node runs timers before it reads sockets. After a long turn of this server, what came in time may still lie there.
        this.#immediate = setImmediate(() => {
          this.clear();
          this.#onDue(performance.now());
        });
      },
      // Timers count whole milliseconds and may be a fraction early.
      Math.max(1, Math.ceil(atMs - performance.now())),
    );
  }

  clear(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    this.#atMs = Number.POSITIVE_INFINITY;
  }
}
