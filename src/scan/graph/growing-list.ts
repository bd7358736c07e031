// A list of 32-bit numbers that grows. Half a million nodes with their edges fit 20 MB this way; arrays of objects would take 200.
export class GrowingList {
  #values = new Int32Array(1024);
  length = 0;

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Int32Array(this.#values.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length++] = value;
  }

  at(index: number): number {
    return this.#values[index];
  }

  /** What it holds now, shared. */
  view(): Int32Array {
    return this.#values.subarray(0, this.length);
  }
}
