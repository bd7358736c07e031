// Where the check of a large tensor of strings may pause, so that others are served meanwhile. Counts what is done and knows no clock: the
// same request always has the same steps. What looks at one element is never interrupted.
import type { PatternWork } from './pattern.ts';

/** Bytes, elements and work of patterns after which a step ends: some milliseconds, unless a single element takes longer. */
const stepBytes = 16 * 1024;
const stepElements = 1024;
const stepWork = 2 ** 16;

/** Says when a step ends, for elements that are looked at in order. */
export class ElementSteps {
  readonly #offsets: Uint32Array;
  readonly #work: Readonly<PatternWork>;
  #start = 0;
  #startWork: number;

  /** Of the tensor, and of the request. */
  constructor(offsets: Uint32Array, work: Readonly<PatternWork>) {
    this.#offsets = offsets;
    this.#work = work;
    this.#startWork = work.patternWork;
  }

  /** Whether the element before `index` was the last of its step; the next one begins then. */
  endsBefore(index: number): boolean {
    const isShort = index - this.#start < stepElements && this.#offsets[index] - this.#offsets[this.#start] < stepBytes;
    if (isShort && this.#work.patternWork - this.#startWork < stepWork) return false;
    this.#start = index;
    this.#startWork = this.#work.patternWork;
    return true;
  }
}

/** All steps at once. */
export function inOneStep<Result>(steps: Generator<void, Result>): Result {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}
