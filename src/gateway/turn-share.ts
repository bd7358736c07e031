// Work that a flood brings in large pieces, or in great numbers at one time, gets a small part of each turn of the event loop, in the order in which it came; everybody else's requests are
// read, run and answered in between. Two kinds of work need it. libuv hands out up to 2 MiB of one connection before it looks at another one (uv__read reads 32 times 64 KiB, libuv 1.46), so
// that a few large bodies would keep everybody waiting for tens of milliseconds. And Node finds all connections that are too slow in one go: to answer and close a thousand takes as long.

/** Milliseconds of each turn. What is begun then is finished: to decode 64 KiB takes half a millisecond. */
const turnMs = 1;

export class TurnShare {
  #waiting: (() => void)[] = [];
  #isArmed = false;
  #usedMs = 0;
  readonly #nowMs: () => number;

  /** @param nowMs for tests. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Whether work may be done now, by `go`; otherwise `wait`. */
  get isFree(): boolean {
    return this.#usedMs < turnMs && this.#waiting.length === 0;
  }

  /** Does work now. @throws what `work` throws. */
  go(work: () => void): void {
    const startMs = this.#nowMs();
    try {
      work();
    } finally {
      this.#usedMs += this.#nowMs() - startMs;
      // Forgets in the next turn what was used in this one.
      this.#arm();
    }
  }

  /** Has `step` called in a later turn, once, when all that waited before it has been. It must not throw. */
  wait(step: () => void): void {
    this.#waiting.push(step);
    this.#arm();
  }

  #arm(): void {
    if (this.#isArmed) return;
    this.#isArmed = true;
    setImmediate(this.#begin);
  }

  readonly #begin = (): void => {
    this.#isArmed = false;
    this.#usedMs = 0;
    const due = this.#waiting;
    let next = 0;
    this.#waiting = [];
    while (next < due.length && this.#usedMs < turnMs) this.go(due[next++]);
    // What they asked for anew comes after those that have not had their turn.
    this.#waiting = [...due.slice(next), ...this.#waiting];
    if (this.#waiting.length > 0) this.#arm();
  };
}
