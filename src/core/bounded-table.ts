// Remembers something about each of a bounded number of clients. When it is full, the one is forgotten that loses least by it, so that
// somebody with many addresses can neither fill the memory nor have a debt forgotten without having run up larger ones elsewhere.

/** Of those not heard of for longest, how many are looked at for one to forget. */
const candidates = 32;

export class BoundedTable<Entry extends object> {
  readonly #maxEntries: number;
  readonly #loss: (entry: Entry, nowMs: number) => number;
  /** In the order in which they were last put. */
  readonly #entries = new Map<string, Entry>();

  /** @param loss what a client loses by being forgotten; 0 for nothing. */
  constructor(maxEntries: number, loss: (entry: Entry, nowMs: number) => number) {
    this.#maxEntries = maxEntries;
    this.#loss = loss;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Hands out an entry, which is not remembered any more until it is put back. */
  take(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#entries.delete(key);
    return entry;
  }

  /** Remembers `entry`, which was taken or is new, as the one last heard of. */
  put(key: string, entry: Entry, nowMs: number): void {
    if (this.#entries.size >= this.#maxEntries) this.#forgetOne(nowMs);
    this.#entries.set(key, entry);
  }

  #forgetOne(nowMs: number): void {
    let least = Number.POSITIVE_INFINITY;
    let chosen: string | undefined;
    let looked = 0;
    for (const [key, entry] of this.#entries) {
      const loss = this.#loss(entry, nowMs);
      if (loss < least) {
        least = loss;
        chosen = key;
      }
      if (loss === 0 || ++looked === candidates) break;
    }
    if (chosen !== undefined) this.#entries.delete(chosen);
  }
}
