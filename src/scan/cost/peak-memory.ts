// The most memory that lives at one time in a region, in any order in which its items may run. For each item: what may be alive while it runs, which
// is everything that was not surely freed before it and does not surely come after it. Never below the truth: forwarding a buffer, folding constants
// and fusing only lower it.
import { addSizes, coveringSize, type Size, zeroSize } from '../values/index.ts';
import type { MemoryBuffer, Region } from './flow-types.ts';
import { withReuse } from './reused-memory.ts';
import { SizeSum } from './size-sum.ts';
import type { WorkBudget } from './work-budget.ts';

/** Candidates for the maximum that are kept apart; further ones are covered by one formula. */
const maxCandidates = 12;
/** Of the work that is left for the signature, at most this part goes into the order of one region. */
const maxWorkPart = 1 / 2;
const maxOrderedItems = 16_384;
/** Numbers that all formulas take as rows: 32 MiB. */
const maxCells = 4 * 1024 * 1024;

/** Formulas as rows of numbers, one for each product that occurs. */
interface Vectors {
  readonly width: number;
  readonly rows: Float64Array;
  /** Number of variables in each product. */
  readonly degrees: readonly number[];
  sizeOf(row: Float64Array): Size | undefined;
}

function vectorsOf(sizes: readonly Size[]): Vectors {
  const columns = new Map<string, number>();
  const units: Size[] = [];
  for (const { terms } of sizes) {
    for (const term of terms) {
      if (columns.has(term.key)) continue;
      columns.set(term.key, units.length);
      units.push({ key: `1*${term.key}`, terms: [{ ...term, factor: 1 }] });
    }
  }
  const width = units.length;
  const rows = new Float64Array(width * sizes.length);
  for (const [index, { terms }] of sizes.entries())
    for (const { key, factor } of terms) rows[index * width + (columns.get(key) ?? 0)] = factor;
  return {
    width,
    rows,
    degrees: units.map(({ terms }) => terms[0].atoms.length),
    sizeOf: (row) =>
      units.reduce<Size | undefined>(
        (sum, unit, column) =>
          row[column] === 0
            ? sum
            : addSizes(sum, { key: `${row[column]}*${unit.terms[0].key}`, terms: [{ ...unit.terms[0], factor: row[column] }] }),
        zeroSize,
      ),
  };
}

/**
 * Buffers in lines: each is read by nothing but the maker of the next. Of a line two neighbours are alive at one time at most, because the one
 * before is freed when the second is made.
 */
function linesOf(buffers: readonly MemoryBuffer[]): readonly (readonly number[])[] {
  const made = new Map<number, number>();
  for (const [index, { producer, consumers, isKept }] of buffers.entries())
    if ((consumers.length > 0 || isKept) && !made.has(producer)) made.set(producer, index);
  const next = new Int32Array(buffers.length).fill(-1);
  const hasPrevious = new Uint8Array(buffers.length);
  for (const [index, { consumers, isKept }] of buffers.entries()) {
    if (consumers.length !== 1 || isKept) continue;
    const follower = made.get(consumers[0]);
    if (follower === undefined || hasPrevious[follower] === 1) continue;
    next[index] = follower;
    hasPrevious[follower] = 1;
  }
  const lines: number[][] = [];
  for (let index = 0; index < buffers.length; index++) {
    if (hasPrevious[index] === 1) continue;
    const line: number[] = [];
    for (let at = index; at >= 0; at = next[at]) line.push(at);
    lines.push(line);
  }
  return lines;
}

/** Bit `p` of row `i`: item `p` runs before item `i`. */
class Order {
  readonly #words: number;
  readonly #bits: Uint32Array;

  constructor(region: Region) {
    const count = region.items.length;
    this.#words = (count + 31) >>> 5;
    this.#bits = new Uint32Array(this.#words * count);
    for (const [item, { after }] of region.items.entries()) {
      const row = item * this.#words;
      for (const before of after) {
        const other = before * this.#words;
        for (let word = 0; word < this.#words; word++) this.#bits[row + word] |= this.#bits[other + word];
        this.#bits[row + (before >>> 5)] |= 1 << (before & 31);
      }
    }
  }

  isBefore(first: number, second: number): boolean {
    return (this.#bits[second * this.#words + (first >>> 5)] & (1 << (first & 31))) !== 0;
  }
}

function mayLive({ producer, consumers, isKept }: MemoryBuffer, item: number, order: Order): boolean {
  if (producer === item) return true;
  if (order.isBefore(item, producer)) return false;
  if (isKept) return true;
  if (consumers.length === 0) return !order.isBefore(producer, item);
  for (const consumer of consumers) if (!order.isBefore(consumer, item)) return true;
  return false;
}

/** Small ones together come to no more than this part of the largest. */
const smallPart = 1 / 40;

/**
 * Which buffers are so small that all of them are counted at any time. What allocates nothing else is no moment to look at: a node that only counts
 * sizes may run whenever it likes, and nothing is surely freed then.
 */
function smallOnes({ width, rows }: Vectors, count: number, degrees: readonly number[]): Uint8Array {
  const isSmall = new Uint8Array(count).fill(1);
  for (const unit of [1, 64]) {
    const weights = Array.from({ length: count }, (_, index) => {
      let sum = 0;
      for (let i = 0; i < width; i++) sum += rows[index * width + i] * unit ** degrees[i];
      return sum;
    });
    const order = weights.map((_, index) => index).sort((a, b) => weights[a] - weights[b]);
    const most = (weights[order.at(-1) ?? 0] ?? 0) * smallPart;
    let sum = 0;
    for (const index of order) {
      sum += weights[index];
      if (sum > most) isSmall[index] = 0;
    }
  }
  return isSmall;
}

/**
 * Items that need something of what comes in. What needs none of it, as a weight in another order, may be made at the very start and lie there: it
 * counts at any time, and is no moment to look at.
 */
function lateItems({ items, entries }: Region): Uint8Array {
  const isLate = new Uint8Array(items.length);
  for (const [item, { after }] of items.entries())
    if (entries.has(item) || after.some((before) => isLate[before] === 1)) isLate[item] = 1;
  return isLate;
}

/** The rows of which none covers another; the last ones together when they are many. */
class Candidates {
  readonly #rows: Float64Array[] = [];

  add(row: Float64Array): void {
    const covers = (a: Float64Array, b: Float64Array) => b.every((x, i) => a[i] >= x);
    if (this.#rows.some((known) => covers(known, row))) return;
    for (let at = this.#rows.length - 1; at >= 0; at--) if (covers(row, this.#rows[at])) this.#rows.splice(at, 1);
    if (this.#rows.length < maxCandidates) this.#rows.push(row.slice());
    else {
      const last = this.#rows[maxCandidates - 1];
      for (let i = 0; i < row.length; i++) last[i] = Math.max(last[i], row[i]);
    }
  }

  get rows(): readonly Float64Array[] {
    return this.#rows;
  }
}

/** Steps to know which items run before which, and which buffers may be alive while each of `makers` runs. */
function orderingWork({ items }: Region, buffers: readonly MemoryBuffer[], makers: number, width: number): number {
  const words = (items.length + 31) >>> 5;
  const edges = items.reduce((sum, { after }) => sum + after.length, 0);
  const readers = buffers.reduce((sum, { consumers }) => sum + consumers.length, 0);
  return edges * words + makers * (readers + buffers.length * (2 + width));
}

/** All of it at one time. */
function wholeMemory({ buffers }: Region): readonly Size[] {
  const sum = new SizeSum();
  for (const { bytes } of buffers) sum.add(bytes);
  const { total } = sum;
  return total === undefined ? [] : [total];
}

/** Formulas of which the largest is a bound; empty when none can be written. */
export function peakMemory(region: Region, work: WorkBudget): readonly Size[] {
  const all = withReuse(region.buffers);
  const products = new Set(all.flatMap(({ bytes }) => bytes.terms.map(({ key }) => key))).size;
  if (!work.take(all.length * (products + 50))) return [];
  if (all.length * products > maxCells) return wholeMemory(region);
  const vectors = vectorsOf(all.map(({ bytes }) => bytes));
  const { width, degrees } = vectors;
  const isSmall = smallOnes(vectors, all.length, degrees);
  const isLate = lateItems(region);
  for (const [index, { producer }] of all.entries()) if (isLate[producer] === 0) isSmall[index] = 1;
  const always = new Float64Array(width);
  for (let index = 0; index < all.length; index++)
    if (isSmall[index] === 1) for (let i = 0; i < width; i++) always[i] += vectors.rows[index * width + i];
  const large = all.map((_, index) => index).filter((index) => isSmall[index] === 0);
  const buffers = large.map((index) => all[index]);
  const rows = new Float64Array(width * large.length);
  for (const [at, index] of large.entries()) rows.set(vectors.rows.subarray(index * width, (index + 1) * width), at * width);
  const lines = linesOf(buffers);
  const makers = new Set(buffers.map(({ producer }) => producer));
  const steps = orderingWork(region, buffers, makers.size, width);
  const isOrdered = region.items.length <= maxOrderedItems && steps <= work.units * maxWorkPart && work.take(steps);
  const order = isOrdered ? new Order(region) : undefined;
  const [total, most] = [new Float64Array(width), new Float64Array(width)];
  const addLine = (line: readonly number[], item: number | undefined): void => {
    most.fill(0);
    let wasAlive = false;
    for (let at = 0; at < line.length; at++) {
      const isAlive = item === undefined || order === undefined || mayLive(buffers[line[at]], item, order);
      if (isAlive) {
        const [own, before] = [line[at] * width, line[Math.max(0, at - 1)] * width];
        for (let i = 0; i < width; i++) {
          const sum = rows[own + i] + (wasAlive ? rows[before + i] : 0);
          if (sum > most[i]) most[i] = sum;
        }
      }
      wasAlive = isAlive;
    }
    for (let i = 0; i < width; i++) total[i] += most[i];
  };
  const candidates = new Candidates();
  for (const item of order === undefined || buffers.length === 0 ? [undefined] : makers) {
    total.set(always);
    for (const line of lines) addLine(line, item);
    candidates.add(total);
  }
  const sizes = candidates.rows.map((row) => vectors.sizeOf(row));
  return sizes.every((size) => size !== undefined) ? (sizes as readonly Size[]) : [];
}

/** As one formula. */
export function coveredPeak(region: Region, work: WorkBudget): Size | undefined {
  const peak = peakMemory(region, work);
  if (peak.length === 0) return region.buffers.length === 0 ? zeroSize : undefined;
  return peak.reduce<Size | undefined>(coveringSize, zeroSize);
}
