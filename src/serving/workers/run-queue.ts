// Requests that wait for a worker, first come first served, at most so many. Knows no clock.

/** A queue over an array whose front moves, so that taking does not shift what is behind. */
export class RunQueue<Item extends object> {
  #items: (Item | undefined)[] = [];
  #front = 0;

  get length(): number {
    return this.#items.length - this.#front;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  take(): Item | undefined {
    const item = this.#items[this.#front];
    if (item === undefined) return undefined;
    // Not kept until the array is cut: an item may hold megabytes.
    this.#items[this.#front] = undefined;
    this.#front++;
    if (this.#front === this.#items.length || this.#front > 1024) {
      this.#items = this.#items.slice(this.#front);
      this.#front = 0;
    }
    return item;
  }

  /** Takes out every item that `test` picks, in order. */
  remove(test: (item: Item) => boolean): Item[] {
    const kept: Item[] = [];
    const removed: Item[] = [];
    for (const item of this) (test(item) ? removed : kept).push(item);
    this.#items = kept;
    this.#front = 0;
    return removed;
  }

  *[Symbol.iterator](): Iterator<Item> {
    for (let i = this.#front; i < this.#items.length; i++) {
      const item = this.#items[i];
      if (item !== undefined) yield item;
    }
  }
}
