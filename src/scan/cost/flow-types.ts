// What flows along the edges of a program while its costs are worked out, and the memory behind it: plain data.
import type { Dim, Size, Value } from '../values/index.ts';

/** Elements of a list of tensors. `none`: nothing was written to it yet, so that what is written first decides. */
export interface ListContent {
  readonly count: Dim;
  readonly element: readonly Dim[] | undefined | 'none';
  readonly dtype: number | undefined;
  /** Nothing in it is still to be written; what is taken out is what was put in. */
  readonly isFull?: boolean;
}

/** Of strings: bytes of all together, and of the longest. */
export interface TextSize {
  readonly total: Size | undefined;
  readonly longest: Size | undefined;
}

/** One output of a node. */
export interface Flow {
  readonly value: Value;
  /** Buffers of the region that it holds on to. */
  readonly buffers: readonly number[];
  /** Items of the region that have run when it is there. */
  readonly after: readonly number[];
  readonly list?: ListContent;
  readonly text?: TextSize;
}

/** What runs as one: a node, or a whole branch or loop. Items are in an order in which they may run. */
export interface Item {
  /** Items that run before it. */
  readonly after: readonly number[];
}

/** Memory that one item allocates. */
export interface MemoryBuffer {
  /** Item. */
  readonly producer: number;
  readonly bytes: Size;
  /** Items; it is freed when all of them have run. Without any it is freed when its producer has. */
  readonly consumers: number[];
  /** It outlives the region. */
  isKept: boolean;
  /** An output that is memory of its own, and nothing else's. */
  readonly isOwn: boolean;
  /** Buffers that its producer takes over for it when nobody else needs them. */
  readonly reuses: readonly number[];
}

/** Nodes that run in one frame: the main graph with all that it calls, a branch, or one round of a loop. */
export class Region {
  readonly items: Item[] = [];
  readonly buffers: MemoryBuffer[] = [];
  /** Items that stand for what comes in. */
  readonly entries = new Set<number>();

  addItem(after: Iterable<number>): number {
    return this.items.push({ after: [...new Set(after)] }) - 1;
  }

  /** What comes in from outside the region. */
  addEntry(): number {
    const item = this.addItem([]);
    this.entries.add(item);
    return item;
  }

  addBuffer(producer: number, bytes: Size): number {
    return this.buffers.push({ producer, bytes, consumers: [], isKept: false, isOwn: false, reuses: [] }) - 1;
  }

  /** An output that is memory of its own. */
  addOutput(producer: number, bytes: Size, reuses: readonly number[]): number {
    return this.buffers.push({ producer, bytes, consumers: [], isKept: false, isOwn: true, reuses }) - 1;
  }

  /** The item reads it. */
  consume(flow: Flow, item: number): void {
    for (const buffer of flow.buffers) {
      const { consumers } = this.buffers[buffer];
      if (consumers.at(-1) !== item) consumers.push(item);
    }
  }

  keep(flow: Flow): void {
    for (const buffer of flow.buffers) this.buffers[buffer].isKept = true;
  }
}
