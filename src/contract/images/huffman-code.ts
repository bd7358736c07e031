// A canonical Huffman code of DEFLATE (RFC 1951, 3.2.2), as tables. Built from lengths that somebody sent: whatever they are, the tables
// stay as large as they are here, and lengths that make no code are refused as zlib refuses them.

/** The longest code. */
export const maxCodeBits = 15;
/** Codes of up to so many bits are found by one look into a table. */
export const fastBits = 10;

/** Reused: `build` replaces what was there. */
export class HuffmanCode {
  /** By the next `fastBits` bits: symbol × 16 + code length; 0 where the code is longer, or none. */
  readonly fast = new Uint16Array(1 << fastBits);
  /** Codes of each length, and all symbols in the order of their codes. */
  readonly counts = new Uint16Array(maxCodeBits + 1);
  readonly symbols = new Uint16Array(288);

  /** False when the lengths are no code that zlib takes: over-subscribed, or incomplete but for a single code of one bit. */
  build(lengths: Uint8Array, count: number, incompleteIsAllowed: boolean): boolean {
    const { counts, fast, symbols } = this;
    counts.fill(0);
    fast.fill(0);
    for (let i = 0; i < count; i++) counts[lengths[i]]++;
    const used = count - counts[0];
    counts[0] = 0;
    let left = 1;
    for (let bits = 1; bits <= maxCodeBits; bits++) {
      left = left * 2 - counts[bits];
      if (left < 0) return false;
    }
    if (left > 0 && !(incompleteIsAllowed && (used === 0 || (used === 1 && counts[1] === 1)))) return false;
    const starts = new Uint16Array(maxCodeBits + 2);
    const codes = new Uint16Array(maxCodeBits + 2);
    for (let bits = 1; bits <= maxCodeBits; bits++) {
      starts[bits + 1] = starts[bits] + counts[bits];
      codes[bits + 1] = (codes[bits] + counts[bits]) << 1;
    }
    for (let symbol = 0; symbol < count; symbol++) {
      const bits = lengths[symbol];
      if (bits === 0) continue;
      symbols[starts[bits]++] = symbol;
      const code = codes[bits]++;
      if (bits > fastBits) continue;
      // The stream has the first bit of a code lowest.
      const first = reversed(code, bits);
      for (let index = first; index < 1 << fastBits; index += 1 << bits) fast[index] = symbol * 16 + bits;
    }
    return true;
  }
}

function reversed(code: number, bits: number): number {
  let result = 0;
  for (let i = 0; i < bits; i++) result |= ((code >> i) & 1) << (bits - 1 - i);
  return result;
}
