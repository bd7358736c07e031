// Who decodes next. libuv hands out up to 2 MiB of one connection before it looks at another one (uv__read reads 32 times 64 KiB, libuv 1.46), so that a few large bodies would keep everybody
// waiting for tens of milliseconds in each turn of the event loop. Here large chunks share a small part of each turn, in the order in which they came; what is small never waits.

/** A chunk up to this size waits for nobody: all of an ordinary request. */
export const smallChunkBytes = 8 * 1024;
/** Milliseconds of each turn of the event loop that go to large chunks. The one that is begun then is finished: 64 KiB take half a millisecond. */
const turnMs = 1;

export class DecodeTurns {
  #waiting: (() => void)[] = [];
  #isArmed = false;
  #usedMs = 0;
  readonly #nowMs: () => number;

  /** @param nowMs for tests. */
  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
  }

  /** Whether a large chunk may be decoded now, by `go`; otherwise `wait`. */
  get isFree(): boolean {
    return this.#usedMs < turnMs && this.#waiting.length === 0;
  }

  /** Decodes a large chunk. @throws what `work` throws. */
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
    this.#waiting = next === 0 ? due : [...due.slice(next), ...this.#waiting];
    if (this.#waiting.length > 0) this.#arm();
  };
}
