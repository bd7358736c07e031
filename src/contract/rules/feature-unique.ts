// Which value of a feature, or which index of a sparse one, comes again. A client chooses these values, and JavaScript's own sets hash
// numbers, and texts that look like numbers, without a key: 60,000 integers that meet in one place would stop the server for seconds. So
// they become byte ranges of a table whose hash has a key (set-rules-table.ts).
import type { ContractNumber } from '../contract-types.ts';
import { eachRepeated, equalRanges, type Ranges } from './set-rules-table.ts';

const valueBytes = 8;

/** The first range that was there before, or -1. */
export function firstRepeated(ranges: Ranges): number {
  let found = -1;
  eachRepeated(ranges, (index) => {
    found = index;
    return false;
  });
  return found;
}

/** A known number of rows of numbers, each as 8 bytes. Zeros of either sign are the same, and so are all NaNs. */
export class NumberRows {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #rows: number;
  readonly #width: number;
  #at = 0;

  /** `perRow` numbers in each of `rows` rows. */
  constructor(rows: number, perRow: number) {
    this.#rows = rows;
    this.#width = perRow * valueBytes;
    this.#bytes = new Uint8Array(rows * this.#width);
    this.#view = new DataView(this.#bytes.buffer);
  }

  /** Of one feature all integers or all floats: 1 as an integer and 1.0 are not the same here. */
  addInteger(value: ContractNumber): void {
    if (typeof value === 'bigint') this.#view.setBigInt64(this.#at, value, true);
    else {
      // Exact, and without an object per value: what is no bigint is a safe integer.
      this.#view.setInt32(this.#at, value, true);
      this.#view.setInt32(this.#at + 4, Math.floor(value / 2 ** 32), true);
    }
    this.#at += valueBytes;
  }

  addFloat(value: number): void {
    // Which bits a NaN has after it was a JavaScript number, the language leaves open: they are written by hand.
    if (Number.isNaN(value)) this.#view.setUint32(this.#at + 4, 0x7ff80000, true);
    else this.#view.setFloat64(this.#at, value === 0 ? 0 : value, true);
    this.#at += valueBytes;
  }

  /** The first row that was there before, or -1. */
  firstRepeated(): number {
    return firstRepeated(equalRanges(this.#bytes, this.#rows, this.#width));
  }

  /** The first number of a row, for messages. */
  floatAt(row: number): number {
    return this.#view.getFloat64(row * this.#width, true);
  }

  integerAt(row: number): bigint {
    return this.#view.getBigInt64(row * this.#width, true);
  }
}
