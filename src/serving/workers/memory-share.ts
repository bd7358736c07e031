// What one worker process has of the memory of all workers: while it loads what was set aside for it, afterwards what it was measured to have. Counts and decides nothing;
// that is the budget's.
import type { AirlockError } from '../../core/index.ts';

/**
 * How much a process is wanted. needed: nobody could be answered without it. wanted: one more for requests that wait. spare: for a moment that may never come.
 */
export type MemoryNeed = 'needed' | 'wanted' | 'spare';

/** A process, as far as its memory goes. */
export interface MemoryHolder {
  /** Of its own, when it was looked at last. */
  readonly memoryBytes: number;
  kill(reason: AirlockError): void;
}

export interface MemoryShareOptions {
  /** What is set aside until the process has loaded. */
  readonly bytes: number;
  /** What it will need more when it is given a model; 0 where `bytes` says it all. */
  readonly modelBytes: number;
  /** Makes room for so many bytes more. @throws MEMORY_BUDGET_EXCEEDED. */
  readonly makeRoom: (share: MemoryShare, bytes: number) => Promise<void>;
  /** Told once what the process took at most while it loaded. */
  readonly onSettled: (peakBytes: number) => void;
  readonly onReleased: (share: MemoryShare) => void;
}

/** A process may take a little more when it loads again. */
const anewShare = 1.1;
/** Of what a process had after its load: to begin anew for less would be restarting it for nothing. */
const leastKept = 0.25;

export class MemoryShare {
  readonly #options: MemoryShareOptions;
  #reservedBytes: number;
  #awaitedBytes: number;
  #holder: MemoryHolder | undefined;
  #isLoading = true;
  #isLeaving = false;
  #isReleased = false;
  #baselineBytes = 0;
  #peakBytes = 0;
  #lookedBytes: number;
  #rises: readonly [before: number, last: number] = [0, 0];

  constructor(options: MemoryShareOptions) {
    this.#options = options;
    this.#reservedBytes = options.bytes;
    this.#awaitedBytes = options.modelBytes;
    this.#lookedBytes = options.bytes;
  }

  /** `holder` is the process from now on. */
  hold(holder: MemoryHolder): void {
    this.#holder = holder;
  }

  /** The process gets its model now: sets aside what one without a model did not need. @throws MEMORY_BUDGET_EXCEEDED. */
  async expectModel(): Promise<void> {
    const bytes = this.#awaitedBytes;
    this.#awaitedBytes = 0;
    if (bytes === 0) return;
    await this.#options.makeRoom(this, bytes);
    this.#reservedBytes += bytes;
  }

  /** It has loaded: from now on it has what it is measured to have. */
  settle(): void {
    if (!this.#isLoading) return;
    this.#isLoading = false;
    this.#baselineBytes = this.measuredBytes;
    this.#options.onSettled(Math.max(this.#peakBytes, this.#baselineBytes));
  }

  /** It has been told to end, and has nothing to do. */
  leave(): void {
    this.#isLeaving = true;
  }

  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** It is gone, or was never started. May be called twice. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#options.onReleased(this);
  }

  get measuredBytes(): number {
    const bytes = this.#holder?.memoryBytes ?? 0;
    if (this.#isLoading) this.#peakBytes = Math.max(this.#peakBytes, bytes);
    return bytes;
  }

  /** What must be taken for gone. */
  get heldBytes(): number {
    return this.#isLoading ? Math.max(this.#reservedBytes, this.measuredBytes) : this.measuredBytes;
  }

  /** How much more it has than it was expected to. */
  get grownBytes(): number {
    return this.measuredBytes - (this.#isLoading ? this.#reservedBytes : this.#baselineBytes);
  }

  /** What it would give back by beginning anew, and keeps because TensorFlow does not return what one large request took; 0 where that is little. */
  get keptBytes(): number {
    if (this.#isLoading || this.#isLeaving) return 0;
    const bytes = this.measuredBytes - Math.max(this.#peakBytes, this.#baselineBytes) * anewShare;
    return bytes >= this.#baselineBytes * leastKept ? bytes : 0;
  }

  /** To be called at each look at it. */
  look(): void {
    const bytes = this.heldBytes;
    this.#rises = [this.#rises[1], Math.max(0, bytes - this.#lookedBytes)];
    this.#lookedBytes = bytes;
  }

  /** What it will probably have taken more at the next look: as much as at both of the last two. One step alone is over. */
  get risingBytes(): number {
    return this.#isLeaving ? 0 : Math.min(...this.#rises);
  }

  /** Ends the process. */
  end(reason: AirlockError): void {
    this.#isLeaving = true;
    this.#holder?.kill(reason);
  }
}
