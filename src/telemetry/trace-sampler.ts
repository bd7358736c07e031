// Which requests are traced. A trace costs about as much as the request of a small model, and one that a client can demand is one more thing to flood a server with: so a client's
// wish counts, and no more often than a fixed rate. Nor can a client keep a request out of the traces: its flag 0 is not asked.

/** Traces per second that clients may ask for, all together, beyond those of `samplePercent`. */
export const maxWishedPerSecond = 10;
/** What may come at once after a quiet time. */
const burst = 20;

export interface TraceSamplerOptions {
  /** 0 to 100. */
  readonly samplePercent: number;
  /** Milliseconds of a clock that nobody sets. Default `performance.now`. */
  readonly clock?: () => number;
  /** 0 to 1, 1 excluded. Default `Math.random`. */
  readonly random?: () => number;
}

export class TraceSampler {
  readonly #share: number;
  readonly #clock: () => number;
  readonly #random: () => number;
  #tokens = burst;
  #filledAtMs: number;

  constructor({ samplePercent, clock = () => performance.now(), random = Math.random }: TraceSamplerOptions) {
    this.#share = samplePercent / 100;
    this.#clock = clock;
    this.#random = random;
    this.#filledAtMs = clock();
  }

  /** @param isWished whether the client's header has the flag `sampled`. */
  takes(isWished: boolean): boolean {
    if (this.#random() < this.#share) return true;
    return isWished && this.#takeToken();
  }

  #takeToken(): boolean {
    const nowMs = this.#clock();
    this.#tokens = Math.min(burst, this.#tokens + ((nowMs - this.#filledAtMs) / 1000) * maxWishedPerSecond);
    this.#filledAtMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
