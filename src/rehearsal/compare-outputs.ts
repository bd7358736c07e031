// Compares what two TensorFlows answered for one output, request after request, and keeps counts. An answer that already differs from itself on the old TensorFlow
// says nothing about the new one: it is undecidable, and neither the same nor changed.
import type { OutputTolerance } from '../config/index.ts';
import { isFloating, type NumberView, numberView, type Tensor } from '../tensor/index.ts';
import { classesOf, differenceAt } from './number-difference.ts';

export interface OutputComparison {
  readonly name: string;
  /** Answers that were compared. */
  readonly compared: number;
  /** Answers that differed by themselves on the old TensorFlow. */
  readonly undecidable: number;
  /** Compared answers that are the same byte by byte. */
  readonly identical: number;
  /** Answers with another type, another shape, another string. */
  readonly typeChanges: number;
  readonly shapeChanges: number;
  readonly stringChanges: number;
  /** Numbers that became NaN or infinite, or were so and are not any more. */
  readonly nonFiniteChanges: number;
  readonly numbers: number;
  /** Numbers that differ by more than the tolerance, those above among them; and the answers that they are in. */
  readonly outside: number;
  readonly answersOutside: number;
  readonly maxAbsolute: number;
  /** Of the larger of the two numbers, so at most 2. */
  readonly maxRelative: number;
  readonly tolerance: OutputTolerance;
  /** Rows with at least two classes. */
  readonly rows: number;
  readonly classFlips: number;
  /** Which class became which, most often first; at most 400. */
  readonly flips: readonly { readonly from: number; readonly to: number; readonly count: number }[];
  /** Numbers by their absolute difference; see `differenceBins`. */
  readonly histogram: readonly number[];
}

/** Upper ends of the bins of `histogram`: none at all, then by powers of ten; the last bin has no end. */
export const differenceBins: readonly number[] = [0, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1];

const maxFlipKinds = 400;
const exact: OutputTolerance = { absolute: 0, relative: 0 };

/** The tolerance of one output: its own, or for floating-point outputs the model's; else none. */
export function toleranceOf(tensor: Tensor, own: OutputTolerance | undefined, general: OutputTolerance): OutputTolerance {
  return own ?? (isFloating(tensor.dtype) ? general : exact);
}

export class OutputTally {
  readonly #name: string;
  readonly #own: OutputTolerance | undefined;
  readonly #general: OutputTolerance;
  readonly #counts = {
    compared: 0,
    undecidable: 0,
    identical: 0,
    typeChanges: 0,
    shapeChanges: 0,
    stringChanges: 0,
    nonFiniteChanges: 0,
    numbers: 0,
    outside: 0,
    answersOutside: 0,
    maxAbsolute: 0,
    maxRelative: 0,
    rows: 0,
    classFlips: 0,
  };
  readonly #flips = new Map<string, { from: number; to: number; count: number }>();
  readonly #histogram: number[] = Array.from({ length: differenceBins.length + 1 }, () => 0);
  #tolerance: OutputTolerance;

  constructor(name: string, own: OutputTolerance | undefined, general: OutputTolerance) {
    this.#name = name;
    this.#own = own;
    this.#general = general;
    this.#tolerance = own ?? general;
  }

  get result(): OutputComparison {
    const flips = [...this.#flips.values()].sort((a, b) => b.count - a.count);
    return { name: this.#name, ...this.#counts, tolerance: this.#tolerance, flips, histogram: [...this.#histogram] };
  }

  /** The old TensorFlow did not answer the same request a second time. */
  addUndecidable(): void {
    this.#counts.undecidable++;
  }

  /** `again`: what the old TensorFlow answered to the same request a second time. */
  add(old: Tensor, again: Tensor, now: Tensor): void {
    const tolerance = toleranceOf(old, this.#own, this.#general);
    this.#tolerance = tolerance;
    const counts = this.#counts;
    if (!isSame(old, again, tolerance)) {
      counts.undecidable++;
      return;
    }
    counts.compared++;
    if (old.dtype !== now.dtype) counts.typeChanges++;
    else if (!isSameShape(old.shape, now.shape)) counts.shapeChanges++;
    else if (old.dtype === 'DT_STRING' || now.dtype === 'DT_STRING') {
      if (isSameBytes(old, now)) counts.identical++;
      else counts.stringChanges++;
    } else {
      if (isSameBytes(old, now)) counts.identical++;
      this.#addNumbers(numberView(old), numberView(now), isSameBytes(old, now), tolerance);
      this.#addRows(numberView(old), numberView(now), classesOf(old), tolerance);
    }
  }

  #addNumbers(old: NumberView, now: NumberView, areSame: boolean, { absolute, relative }: OutputTolerance): void {
    const counts = this.#counts;
    counts.numbers += old.length;
    if (areSame) {
      this.#histogram[0] += old.length;
      return;
    }
    let outside = 0;
    for (let at = 0; at < old.length; at++) {
      const difference = differenceAt(old, now, at);
      if (difference === 0) {
        this.#histogram[0]++;
        continue;
      }
      if (Number.isNaN(difference)) {
        counts.nonFiniteChanges++;
        this.#histogram[differenceBins.length]++;
        outside++;
        continue;
      }
      const [a, b] = [old.at(at), now.at(at)];
      counts.maxAbsolute = Math.max(counts.maxAbsolute, difference);
      counts.maxRelative = Math.max(counts.maxRelative, difference / Math.max(Math.abs(a), Math.abs(b)));
      this.#histogram[binOf(difference)]++;
      if (difference > absolute + relative * Math.abs(a)) outside++;
    }
    counts.outside += outside;
    if (outside > 0) counts.answersOutside++;
  }

  #addRows(old: NumberView, now: NumberView, classes: number, { absolute, relative }: OutputTolerance): void {
    if (classes === 0) return;
    for (let start = 0; start < old.length; start += classes) {
      const from = largest(old, start, classes);
      const to = largest(now, start, classes);
      this.#counts.rows++;
      if (from === to) continue;
      // Two classes that were equal, as far as the tolerance tells, have no order that could change.
      const gap = old.at(start + from) - old.at(start + to);
      if (gap <= 2 * (absolute + relative * Math.abs(old.at(start + from)))) continue;
      this.#counts.classFlips++;
      this.#countFlip(from, to);
    }
  }

  #countFlip(from: number, to: number): void {
    const key = `${from} ${to}`;
    const known = this.#flips.get(key);
    if (known !== undefined) known.count++;
    else if (this.#flips.size < maxFlipKinds) this.#flips.set(key, { from, to, count: 1 });
  }
}

function binOf(difference: number): number {
  const bin = differenceBins.findIndex((end) => difference <= end);
  return bin < 0 ? differenceBins.length : bin;
}

/** As TensorFlow's ArgMax: the first of several; NaN is never the largest. */
function largest(view: NumberView, start: number, length: number): number {
  let best = 0;
  for (let at = 1; at < length; at++) {
    const value = view.at(start + at);
    if (value > view.at(start + best) || (Number.isNaN(view.at(start + best)) && !Number.isNaN(value))) best = at;
  }
  return best;
}

function isSame(a: Tensor, b: Tensor, { absolute, relative }: OutputTolerance): boolean {
  if (a.dtype !== b.dtype || !isSameShape(a.shape, b.shape)) return false;
  if (isSameBytes(a, b)) return true;
  if (a.dtype === 'DT_STRING' || b.dtype === 'DT_STRING') return false;
  const [left, right] = [numberView(a), numberView(b)];
  for (let at = 0; at < left.length; at++) {
    const difference = differenceAt(left, right, at);
    // Not a number is no difference that a tolerance allows.
    if (difference !== 0 && !(difference <= absolute + relative * Math.abs(left.at(at)))) return false;
  }
  return true;
}

function isSameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, at) => size === b[at]);
}

/** Content and, of strings, where each ends. */
function isSameBytes(a: Tensor, b: Tensor): boolean {
  const isSameContent = a.bytes.byteLength === b.bytes.byteLength && Buffer.compare(a.bytes, b.bytes) === 0;
  if (!isSameContent || a.dtype !== 'DT_STRING' || b.dtype !== 'DT_STRING') return isSameContent;
  const { offsets } = b;
  return a.offsets.length === offsets.length && a.offsets.every((end, at) => end === offsets[at]);
}
