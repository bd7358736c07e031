// Adds up many formulas without making one for each sum.
import { addSizes, multiplySizes, type Size, withoutNegative, zeroSize } from '../values/index.ts';

/** Terms before the sum so far is made one formula. */
const batch = 64;

export class SizeSum {
  #waiting: Size[] = [];
  #sum: Size | undefined = zeroSize;

  /** Undefined makes the whole sum undefined. */
  add(size: Size | undefined, times?: Size): void {
    const all = times === undefined ? size : multiplySizes(size, times);
    if (all === undefined) this.#sum = undefined;
    else if (all.terms.length > 0) this.#waiting.push(all);
    if (this.#waiting.length >= batch) this.#flush();
  }

  /** Undefined when it became too large to be written. */
  get total(): Size | undefined {
    this.#flush();
    return withoutNegative(this.#sum);
  }

  #flush(): void {
    // In pairs, so that equal products meet early.
    for (const size of this.#waiting) this.#sum = addSizes(this.#sum, size);
    this.#waiting = [];
  }
}
