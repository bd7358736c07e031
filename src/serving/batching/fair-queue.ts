// What waits for a worker, in an order that is fair between clients: each gets the same share of the worker's time, whatever it sent and when. Knows no clock, and never
// decides what is refused.
//
// Start-time fair queueing: a client's line carries the virtual time at which its next item would begin if every client had its share, and the line that is furthest behind
// goes next. Plain round robin would give a client of slow requests most of the worker.

export interface FairItem {
  readonly client: string;
  /** What it takes of the worker, in milliseconds or any other unit that all items share; above 0. */
  readonly weight: number;
}

class Line<Item extends FairItem> {
  readonly client: string;
  readonly items: Item[] = [];
  /** Of all its items together. */
  weight = 0;
  /** Virtual time at which its next item begins. */
  startsAt: number;
  /** In the heap; -1 while nothing of it waits. */
  place = -1;

  constructor(client: string, startsAt: number) {
    this.client = client;
    this.startsAt = startsAt;
  }
}

/** Clients without waiting items whose share is remembered while others wait. */
const maxIdleLines = 1024;

export class FairQueue<Item extends FairItem> {
  readonly #lines = new Map<string, Line<Item>>();
  /** Of the lines with items, by `startsAt`. */
  readonly #heap: Line<Item>[] = [];
  #now = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Of clients with something waiting. */
  get clientCount(): number {
    return this.#heap.length;
  }

  push(item: Item): void {
    let line = this.#lines.get(item.client);
    if (line === undefined) {
      this.#forgetIdle();
      line = new Line(item.client, this.#now);
      this.#lines.set(item.client, line);
    }
    // A share that was not used is not saved up.
    if (line.items.length === 0) line.startsAt = Math.max(line.startsAt, this.#now);
    line.items.push(item);
    line.weight += item.weight;
    this.#length++;
    if (line.place < 0) {
      line.place = this.#heap.length;
      this.#heap.push(line);
      this.#rise(line);
    }
  }

  /** The item whose turn it is, or undefined. */
  take(): Item | undefined {
    const line = this.#heap[0];
    return line === undefined ? undefined : this.#takeAt(line, 0);
  }

  /**
   * Further items for a run that `take` began: one of each client in turn, those that are furthest behind first, and again. `wants` is asked for each item until it says
   * `stop`; it must not look at the queue.
   */
  takeMore(wants: (item: Item) => 'take' | 'leave' | 'stop'): Item[] {
    const taken: Item[] = [];
    let lines = [...this.#heap].sort((a, b) => a.startsAt - b.startsAt);
    const from = new Map<Line<Item>, number>();
    while (lines.length > 0) {
      const again: Line<Item>[] = [];
      for (const line of lines) {
        let at = from.get(line) ?? 0;
        for (; at < line.items.length; at++) {
          const answer = wants(line.items[at]);
          if (answer === 'stop') return taken;
          if (answer === 'leave') continue;
          taken.push(this.#takeAt(line, at));
          if (at < line.items.length) again.push(line);
          break;
        }
        from.set(line, at);
      }
      lines = again;
    }
    return taken;
  }

  /** Takes out every item that `test` picks; it is not charged for. */
  remove(test: (item: Item) => boolean): Item[] {
    const removed: Item[] = [];
    for (const line of [...this.#heap]) {
      const kept = line.items.filter((item) => !test(item));
      if (kept.length === line.items.length) continue;
      removed.push(...line.items.filter(test));
      line.items.splice(0, line.items.length, ...kept);
      line.weight = kept.reduce((sum, { weight }) => sum + weight, 0);
      if (kept.length === 0) this.#leaveHeap(line);
    }
    this.#length -= removed.length;
    this.#rest();
    return removed;
  }

  /**
   * Takes out the newest item of the client that has most waiting, to make room for one of `newcomer`; undefined when no other client has more than the newcomer would
   * have, so that it is the newcomer's own that has to go.
   */
  dropFor(newcomer: string): Item | undefined {
    let longest: Line<Item> | undefined;
    for (const line of this.#heap) if (longest === undefined || line.items.length > longest.items.length) longest = line;
    const own = this.#lines.get(newcomer)?.items.length ?? 0;
    if (longest === undefined || longest.client === newcomer || longest.items.length <= own + 1) return undefined;
    const item = longest.items.pop();
    if (item === undefined) return undefined;
    longest.weight -= item.weight;
    this.#length--;
    if (longest.items.length === 0) this.#leaveHeap(longest);
    return item;
  }

  /** A lower bound of the weight that goes before the next item of this client. */
  weightBefore(client: string): number {
    const own = this.#lines.get(client);
    const ownWeight = own?.weight ?? 0;
    const startsAt = Math.max(own?.startsAt ?? 0, this.#now) + ownWeight;
    let before = ownWeight;
    for (const line of this.#heap) if (line !== own) before += Math.min(line.weight, Math.max(0, startsAt - line.startsAt));
    return before;
  }

  *[Symbol.iterator](): Iterator<Item> {
    for (const line of this.#heap) yield* line.items;
  }

  #takeAt(line: Line<Item>, at: number): Item {
    const [item] = line.items.splice(at, 1);
    this.#now = Math.max(this.#now, line.startsAt);
    line.startsAt += item.weight;
    line.weight -= item.weight;
    this.#length--;
    if (line.items.length === 0) this.#leaveHeap(line);
    else this.#sink(line);
    this.#rest();
    return item;
  }

  /** When nobody waits nobody is behind. */
  #rest(): void {
    if (this.#length > 0) return;
    this.#lines.clear();
    this.#now = 0;
  }

  #forgetIdle(): void {
    if (this.#lines.size < maxIdleLines + this.#heap.length) return;
    for (const [client, { place }] of this.#lines) if (place < 0) this.#lines.delete(client);
  }

  #leaveHeap(line: Line<Item>): void {
    const last = this.#heap.pop();
    if (last !== undefined && last !== line) {
      last.place = line.place;
      this.#heap[last.place] = last;
      this.#rise(last);
      this.#sink(last);
    }
    line.place = -1;
  }

  #rise(line: Line<Item>): void {
    while (line.place > 0) {
      const above = this.#heap[(line.place - 1) >> 1];
      if (above.startsAt <= line.startsAt) return;
      this.#swap(line, above);
    }
  }

  #sink(line: Line<Item>): void {
    for (;;) {
      const left = this.#heap[2 * line.place + 1];
      const right = this.#heap[2 * line.place + 2];
      const below = right !== undefined && right.startsAt < left.startsAt ? right : left;
      if (below === undefined || below.startsAt >= line.startsAt) return;
      this.#swap(line, below);
    }
  }

  #swap(a: Line<Item>, b: Line<Item>): void {
    [a.place, b.place] = [b.place, a.place];
    this.#heap[a.place] = a;
    this.#heap[b.place] = b;
  }
}
