// Counts what is no number among floats, and finds the largest. Whole words are compared as integers, which is several times as
// fast as floats: the order of finite magnitudes is that of their bits. Gigabytes pass through here, so every loop does as little
// as it can.
import { bfloat16Value, halfValue } from '../../tensor/index.ts';
import { smallHeadTable } from './find-payload.ts';
import type { ElementKind, PieceStats } from './piece-types.ts';

/** Every how many values one goes into the mean. */
const sampling = 64;

interface Counts {
  notANumber: number;
  positiveInfinite: number;
  negativeInfinite: number;
  largestBits: number;
}

/** Told of elements whose first two bytes may be the beginning of a program. */
export type OnHead = (index: number) => void;

/**
 * The largest magnitude, and how many are none; one loop, because two would read everything twice, and four words at a step,
 * because nothing is the case for most.
 */
function passWords32(words: Uint32Array, onHead: OnHead): { largestBits: number; special: number } {
  let largestBits = 0;
  let special = 0;
  const whole = words.length & ~3;
  const one = (index: number): void => {
    const bits = words[index] & 0x7fff_ffff;
    if (bits >= 0x7f80_0000) special++;
    else if (bits > largestBits) largestBits = bits;
    if (smallHeadTable[words[index] & 0x1fff] !== 0) onHead(index);
  };
  for (let at = 0; at < whole; at += 4) {
    const a = words[at];
    const b = words[at + 1];
    const c = words[at + 2];
    const d = words[at + 3];
    const isLarger =
      (a & 0x7fff_ffff) > largestBits ||
      (b & 0x7fff_ffff) > largestBits ||
      (c & 0x7fff_ffff) > largestBits ||
      (d & 0x7fff_ffff) > largestBits;
    const heads =
      smallHeadTable[a & 0x1fff] | smallHeadTable[b & 0x1fff] | smallHeadTable[c & 0x1fff] | smallHeadTable[d & 0x1fff];
    if (isLarger || heads !== 0) for (let index = at; index < at + 4; index++) one(index);
  }
  for (let index = whole; index < words.length; index++) one(index);
  return { largestBits, special };
}

function passWords16(words: Uint16Array, infinity: number): { largestBits: number; special: number } {
  let largestBits = 0;
  let special = 0;
  for (let index = 0; index < words.length; index++) {
    const bits = words[index] & 0x7fff;
    if (bits > largestBits) {
      if (bits >= infinity) special++;
      else largestBits = bits;
    }
  }
  return { largestBits, special };
}

/** What the special ones are, where there are any. */
function countSpecial(
  words: Uint32Array | Uint16Array,
  infinity: number,
  magnitude: number,
  { largestBits, special }: { readonly largestBits: number; readonly special: number },
): Counts {
  const counts: Counts = { notANumber: 0, positiveInfinite: 0, negativeInfinite: 0, largestBits };
  if (special === 0) return counts;
  for (let index = 0; index < words.length; index++) {
    const bits = words[index] & magnitude;
    if (bits > infinity) counts.notANumber++;
    else if (bits === infinity) {
      if (words[index] === infinity) counts.positiveInfinite++;
      else counts.negativeInfinite++;
    }
  }
  return counts;
}

function addCounts(stats: PieceStats, counts: Counts, largest: number): void {
  stats.notANumber += counts.notANumber;
  stats.positiveInfinite += counts.positiveInfinite;
  stats.negativeInfinite += counts.negativeInfinite;
  stats.largest = Math.max(stats.largest, largest);
}

function addSquare(stats: PieceStats, value: number): void {
  if (!Number.isFinite(value)) return;
  stats.sumOfSquares += value * value;
  stats.sampled++;
}

const oneWord = new Uint32Array(1);
const oneFloat = new Float32Array(oneWord.buffer);

function float32FromBits(bits: number): number {
  oneWord[0] = bits;
  return oneFloat[0];
}

/**
 * Adds the values in `bytes` to `stats`; `bytes` must begin at a multiple of 8 in its memory. Integers and bytes have nothing to
 * count. Of floats of 32 bits, those are told to `onHead` that `smallHeadTable` has.
 */
export function countNumbers(bytes: Buffer, kind: ElementKind, stats: PieceStats, onHead: OnHead): void {
  const { buffer, byteOffset, length } = bytes;
  if (kind === 'float32') {
    const words = new Uint32Array(buffer, byteOffset, length >>> 2);
    const counts = countSpecial(words, 0x7f80_0000, 0x7fff_ffff, passWords32(words, onHead));
    addCounts(stats, counts, float32FromBits(counts.largestBits));
    for (let index = 0; index < words.length; index += sampling) addSquare(stats, float32FromBits(words[index]));
    stats.elements += words.length;
  } else if (kind === 'float16' || kind === 'bfloat16') {
    const words = new Uint16Array(buffer, byteOffset, length >>> 1);
    const value = kind === 'float16' ? halfValue : bfloat16Value;
    const infinity = kind === 'float16' ? 0x7c00 : 0x7f80;
    const counts = countSpecial(words, infinity, 0x7fff, passWords16(words, infinity));
    addCounts(stats, counts, value(counts.largestBits));
    for (let index = 0; index < words.length; index += sampling) addSquare(stats, value(words[index]));
    stats.elements += words.length;
  } else if (kind === 'float64') {
    const values = new Float64Array(buffer, byteOffset, length >>> 3);
    const counts: Counts = { notANumber: 0, positiveInfinite: 0, negativeInfinite: 0, largestBits: 0 };
    let largest = 0;
    for (let index = 0; index < values.length; index++) {
      const value = Math.abs(values[index]);
      if (value < Number.POSITIVE_INFINITY) {
        if (value > largest) largest = value;
      } else if (Number.isNaN(value)) counts.notANumber++;
      else if (values[index] > 0) counts.positiveInfinite++;
      else counts.negativeInfinite++;
    }
    addCounts(stats, counts, largest);
    for (let index = 0; index < values.length; index += sampling) addSquare(stats, values[index]);
    stats.elements += values.length;
  } else stats.elements += length;
}
