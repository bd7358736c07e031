// How many bytes a zlib stream (RFC 1950, 1951) inflates to, found without inflating it: only lengths are added up, so that a bomb costs
// no more time and memory than the bytes that were sent. The content is never known here, and neither is its Adler-32.
import { CodeLengths, fastBits, HuffmanCode, maxCodeBits } from './huffman-code.ts';

/** A stream that may lie in pieces of one file. */
export interface ByteSource {
  readonly bytes: Uint8Array;
  /** The next piece; undefined at the end, then and ever after. */
  nextPiece(): { readonly start: number; readonly end: number } | undefined;
}

export type InflatedSize =
  | { readonly inflatedBytes: number; readonly fault?: undefined }
  /** Why it is no zlib stream; fixed words. */
  | { readonly fault: string; readonly inflatedBytes: number };

const fastMask = (1 << fastBits) - 1;
const lengthBase = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const lengthExtra = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const distanceBase = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289,
  16385, 24577,
];
const distanceExtra = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
const codeLengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

const fixedLiterals = new HuffmanCode();
const fixedDistances = new HuffmanCode();
const fixedLengths = new CodeLengths();
for (let symbol = 0; symbol < 288; symbol++) fixedLengths.set(symbol, symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8);
fixedLiterals.build(fixedLengths, 0, 288, 0, false);
for (let symbol = 288; symbol < 320; symbol++) fixedLengths.set(symbol, 5);
fixedDistances.build(fixedLengths, 288, 320, 288, false);
fixedLiterals.makeFast();
fixedDistances.makeFast();

/** A block with more symbols gets tables, which a block of a few bytes would not pay for. */
const slowSymbols = 256;

// One stream is looked at at a time, and nothing here waits: the tables are made once.
const literals = new HuffmanCode();
const distances = new HuffmanCode();
const codeLengths = new HuffmanCode();
const lengths = new CodeLengths();
const lengthsOfLengths = new Uint8Array(19);

class Counter {
  readonly #source: ByteSource;
  readonly #bytes: Uint8Array;
  #at = 0;
  #end = 0;
  #bits = 0;
  #bitCount = 0;
  inflatedBytes = 0;

  constructor(source: ByteSource) {
    this.#source = source;
    this.#bytes = source.bytes;
  }

  /** Adds the next byte to the bits; false at the end. At most 15 bits may be left before. */
  #fill(): boolean {
    while (this.#at === this.#end) {
      const piece = this.#source.nextPiece();
      if (piece === undefined) return false;
      this.#at = piece.start;
      this.#end = piece.end;
    }
    this.#bits |= this.#bytes[this.#at++] << this.#bitCount;
    this.#bitCount += 8;
    return true;
  }

  /** The next `count` bits (at most 16), or -1 at the end. */
  #take(count: number): number {
    while (this.#bitCount < count) if (!this.#fill()) return -1;
    const value = this.#bits & ((1 << count) - 1);
    this.#bits >>>= count;
    this.#bitCount -= count;
    return value;
  }

  /** The next symbol, or -1 at the end and for bits that are no code. */
  #decode(code: HuffmanCode): number {
    while (this.#bitCount < maxCodeBits) if (!this.#fill()) break;
    const entry = code.isFast ? code.fast[this.#bits & fastMask] : 0;
    if (entry !== 0) {
      const bits = entry & 15;
      if (bits > this.#bitCount) return -1;
      this.#bits >>>= bits;
      this.#bitCount -= bits;
      return entry >> 4;
    }
    let value = 0;
    let first = 0;
    let index = 0;
    for (let bits = 1; bits <= maxCodeBits && bits <= this.#bitCount; bits++) {
      value |= (this.#bits >> (bits - 1)) & 1;
      const count = code.counts[bits];
      if (value - count < first) {
        this.#bits >>>= bits;
        this.#bitCount -= bits;
        return code.symbols[index + (value - first)];
      }
      index += count;
      first = (first + count) << 1;
      value <<= 1;
    }
    return -1;
  }

  /** Adds up the whole stream; gives what is wrong with it. */
  run(maxBytes: number): string | undefined {
    const method = this.#take(8);
    const flags = this.#take(8);
    if (flags < 0 || (method & 15) !== 8 || method >> 4 > 7 || (method * 256 + flags) % 31 !== 0) return 'no zlib header';
    if ((flags & 32) !== 0) return 'a preset dictionary';
    for (;;) {
      const isLast = this.#take(1);
      const kind = this.#take(2);
      if (kind < 0) return 'it ends too early';
      const fault = kind === 0 ? this.#stored() : kind === 3 ? 'an unknown kind of block' : this.#block(kind, maxBytes);
      if (fault !== undefined) return fault;
      if (this.inflatedBytes > maxBytes) return undefined;
      if (isLast === 1) break;
    }
    this.#take(this.#bitCount & 7);
    for (let i = 0; i < 2; i++) if (this.#take(16) < 0) return 'it ends too early';
    return this.#bitCount > 0 || this.#fill() ? 'bytes after its end' : undefined;
  }

  #stored(): string | undefined {
    this.#take(this.#bitCount & 7);
    const length = this.#take(16);
    const check = this.#take(16);
    if (check < 0) return 'it ends too early';
    if ((length ^ 0xffff) !== check) return 'a stored block whose length is wrong';
    for (let i = 0; i < length; i++) if (this.#take(8) < 0) return 'it ends too early';
    this.inflatedBytes += length;
    return undefined;
  }

  #block(kind: number, maxBytes: number): string | undefined {
    if (kind === 1) return this.#symbols(fixedLiterals, fixedDistances, maxBytes);
    const fault = this.#readCodes();
    return fault ?? this.#symbols(literals, distances, maxBytes);
  }

  #readCodes(): string | undefined {
    const literalCount = this.#take(5) + 257;
    const distanceCount = this.#take(5) + 1;
    const lengthCount = this.#take(4) + 4;
    if (lengthCount < 4) return 'it ends too early';
    if (literalCount > 286 || distanceCount > 30) return 'codes that do not exist';
    lengthsOfLengths.fill(0);
    for (let i = 0; i < lengthCount; i++) {
      const bits = this.#take(3);
      if (bits < 0) return 'it ends too early';
      lengthsOfLengths[codeLengthOrder[i]] = bits;
    }
    lengths.clear();
    for (let symbol = 0; symbol < 19; symbol++) lengths.set(symbol, lengthsOfLengths[symbol]);
    if (!codeLengths.build(lengths, 0, lengths.count, 0, false)) return 'a code that is none';
    lengths.clear();
    const total = literalCount + distanceCount;
    let literalsInUse = 0;
    for (let at = 0, last = 0; at < total; ) {
      const symbol = this.#decode(codeLengths);
      if (symbol < 0) return 'it ends too early, or is no code';
      if (symbol === 16 && at === 0) return 'a repetition of nothing';
      const extra = symbol < 16 ? 0 : this.#take(symbol === 16 ? 2 : symbol === 17 ? 3 : 7);
      if (extra < 0) return 'it ends too early';
      const end = at + (symbol < 16 ? 1 : extra + (symbol === 18 ? 11 : 3));
      if (end > total) return 'more code lengths than codes';
      if (symbol !== 16) last = symbol < 16 ? symbol : 0;
      if (last === 0) at = end;
      for (; at < end; at++) {
        lengths.set(at, last);
        if (at < literalCount) literalsInUse = lengths.count;
      }
    }
    if (lengths.lengths[256] === 0) return 'a block without an end';
    const isCode =
      literals.build(lengths, 0, literalsInUse, 0, true) &&
      distances.build(lengths, literalsInUse, lengths.count, literalCount, true);
    return isCode ? undefined : 'a code that is none';
  }

  /** Literals as long as they come, in a loop of its own: with codes of one bit there are eight to a byte. */
  #literals(fast: Uint16Array, maxBytes: number): void {
    const bytes = this.#bytes;
    const end = this.#end;
    let at = this.#at;
    let bits = this.#bits;
    let bitCount = this.#bitCount;
    let left = maxBytes - this.inflatedBytes;
    for (; left >= 0; left--) {
      while (bitCount < fastBits && at < end) {
        bits |= bytes[at++] << bitCount;
        bitCount += 8;
      }
      const entry = fast[bits & fastMask];
      const used = entry & 15;
      if (entry === 0 || entry >= 256 * 16 || used > bitCount) break;
      bits >>>= used;
      bitCount -= used;
    }
    this.inflatedBytes = maxBytes - left;
    this.#at = at;
    this.#bits = bits;
    this.#bitCount = bitCount;
  }

  #symbols(literalCode: HuffmanCode, distanceCode: HuffmanCode, maxBytes: number): string | undefined {
    for (let count = 0; ; count++) {
      if (count === slowSymbols && !literalCode.isFast) {
        literalCode.makeFast();
        distanceCode.makeFast();
      }
      if (literalCode.isFast) this.#literals(literalCode.fast, maxBytes);
      const symbol = this.#decode(literalCode);
      if (symbol < 0) return 'it ends too early, or is no code';
      if (symbol < 256) {
        this.inflatedBytes++;
      } else if (symbol === 256) {
        return undefined;
      } else {
        if (symbol > 285) return 'a length that does not exist';
        const extraLength = this.#take(lengthExtra[symbol - 257]);
        const place = this.#decode(distanceCode);
        if (extraLength < 0 || place < 0) return 'it ends too early, or is no code';
        if (place > 29) return 'a distance that does not exist';
        const extraDistance = this.#take(distanceExtra[place]);
        if (extraDistance < 0) return 'it ends too early';
        if (distanceBase[place] + extraDistance > this.inflatedBytes) return 'a distance before its beginning';
        this.inflatedBytes += lengthBase[symbol - 257] + extraLength;
      }
      if (this.inflatedBytes > maxBytes) return undefined;
    }
  }
}

/**
 * The number of bytes that a zlib stream inflates to; stops soon after `maxBytes`, so that a result above it says only that it is more.
 * Linear in the bytes that the source gives; constant memory. Takes what zlib takes, except that bytes after the stream are a fault
 * and its checksum is not looked at.
 */
export function inflatedSize(source: ByteSource, maxBytes: number): InflatedSize {
  const counter = new Counter(source);
  const fault = counter.run(maxBytes);
  return fault === undefined ? { inflatedBytes: counter.inflatedBytes } : { fault, inflatedBytes: counter.inflatedBytes };
}
