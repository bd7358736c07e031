// A canonical Huffman code of DEFLATE (RFC 1951, 3.2.2), as tables. Built from lengths that somebody sent: whatever they are, the tables
// stay as large as they are here, and lengths that make no code are refused as zlib refuses them.

/** The longest code. */
export const maxCodeBits = 15;
/** Codes of up to so many bits are found by one look into a table. */
export const fastBits = 10;

/** Code lengths by symbol. Keeps a list of those that have one: whatever has none takes no time. Reused. */
export class CodeLengths {
  /** Of up to 288 literals and 32 distances. */
  readonly lengths = new Uint8Array(320);
  /** The first `count` are in use, in the order in which they were set. */
  readonly symbols = new Uint16Array(320);
  count = 0;

  clear(): void {
    for (let i = 0; i < this.count; i++) this.lengths[this.symbols[i]] = 0;
    this.count = 0;
  }

  /** Once for each symbol. */
  set(symbol: number, bits: number): void {
    if (bits === 0) return;
    this.lengths[symbol] = bits;
    this.symbols[this.count++] = symbol;
  }
}

/** Reused: `build` replaces what was there. */
export class HuffmanCode {
  /** By the next `fastBits` bits: symbol × 16 + code length; 0 where the code is longer, or none. Of no meaning before `makeFast`. */
  readonly fast = new Uint16Array(1 << fastBits);
  /** Codes of each length, and all symbols in the order of their codes. */
  readonly counts = new Uint16Array(maxCodeBits + 1);
  readonly symbols = new Uint16Array(288);
  #isFast = false;
  readonly #starts = new Uint16Array(maxCodeBits + 2);

  /** Whether `fast` holds this code. */
  get isFast(): boolean {
    return this.#isFast;
  }

  /**
   * Takes the symbols of `codes` from place `start` of its list to `end`, which must ascend, less `base`. False when their lengths are no
   * code that zlib takes: over-subscribed, or incomplete but for a single code of one bit. Makes no table: a block may be eleven bytes
   * long and use its codes once.
   */
  build(codes: CodeLengths, start: number, end: number, base: number, incompleteIsAllowed: boolean): boolean {
    const { lengths, symbols: used } = codes;
    const { counts, symbols } = this;
    this.#isFast = false;
    counts.fill(0);
    for (let i = start; i < end; i++) counts[lengths[used[i]]]++;
    let left = 1;
    for (let bits = 1; bits <= maxCodeBits; bits++) {
      left = left * 2 - counts[bits];
      if (left < 0) return false;
    }
    if (left > 0 && !(incompleteIsAllowed && (start === end || (end - start === 1 && counts[1] === 1)))) return false;
    const starts = this.#starts;
    starts[1] = 0;
    for (let bits = 1; bits <= maxCodeBits; bits++) starts[bits + 1] = starts[bits] + counts[bits];
    for (let i = start; i < end; i++) symbols[starts[lengths[used[i]]]++] = used[i] - base;
    return true;
  }

  /** Fills `fast`, which takes as long as some hundred symbols without it. */
  makeFast(): void {
    const { counts, fast, symbols } = this;
    fast.fill(0);
    let code = 0;
    let at = 0;
    for (let bits = 1; bits <= fastBits; bits++) {
      for (let i = 0; i < counts[bits]; i++) {
        // The stream has the first bit of a code lowest.
        const first = reversed(code++, bits);
        for (let index = first; index < 1 << fastBits; index += 1 << bits) fast[index] = symbols[at] * 16 + bits;
        at++;
      }
      code <<= 1;
    }
    this.#isFast = true;
  }
}

function reversed(code: number, bits: number): number {
  let result = 0;
  for (let i = 0; i < bits; i++) result |= ((code >> i) & 1) << (bits - 1 - i);
  return result;
}
