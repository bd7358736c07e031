// Where the check of a large tensor of strings may pause, so that others are served meanwhile. Counts bytes and elements and knows no clock:
// the same request always has the same steps. What looks at one element is never interrupted.

/** Bytes, and elements, after which a step ends: some milliseconds, unless a single element takes longer. */
const stepBytes = 16 * 1024;
const stepElements = 1024;

/** Says when a step ends, for elements that are looked at in order. */
export class ElementSteps {
  readonly #offsets: Uint32Array;
  #start = 0;

  /** Of the tensor. */
  constructor(offsets: Uint32Array) {
    this.#offsets = offsets;
  }

  /** Whether the element before `index` was the last of its step; the next one begins then. */
  endsBefore(index: number): boolean {
    if (index - this.#start < stepElements && this.#offsets[index] - this.#offsets[this.#start] < stepBytes) return false;
    this.#start = index;
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
