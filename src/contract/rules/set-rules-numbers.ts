// A contract's set of numbers, asked with the numbers of a tensor: a bitmap for small integers, a Set for the rest, and an exact second
// look where a double cannot hold a 64-bit integer. Its entries are the contract's, so no client can make them collide.
import { dtypes, type NumericTensor } from '../../tensor/index.ts';
import type { ContractNumber, ContractValue } from '../contract-types.ts';
import type { NumberView } from './element-access.ts';
import { nearestOf } from './numeric-types.ts';

/** Values of one data type, rounded to it; strings among them are left out. */
export class NumberSet {
  readonly #doubles: Set<number>;
  readonly #wide: Set<bigint>;
  readonly #bitmap: Uint8Array;

  constructor(dtype: NumericTensor['dtype'], values: Iterable<ContractValue>) {
    this.#doubles = new Set();
    this.#wide = new Set();
    for (const value of values) {
      if (typeof value === 'string') continue;
      const number = nearestOf(dtype, typeof value === 'boolean' ? Number(value) : value);
      const isWide = dtypes[dtype].kind === 'int' && Number.isInteger(Number(number)) && !Number.isSafeInteger(Number(number));
      if (isWide) this.#wide.add(BigInt(number));
      else this.#doubles.add(Number(number));
    }
    const small = [...this.#doubles].filter((value) => Number.isInteger(value) && value >= 0 && value < 65_536);
    this.#bitmap = new Uint8Array(small.length === 0 ? 0 : Math.max(...small) + 1);
    for (const value of small) this.#bitmap[value] = 1;
  }

  has(value: ContractNumber): boolean {
    return typeof value === 'bigint' && !Number.isSafeInteger(Number(value))
      ? this.#wide.has(value)
      : this.#doubles.has(Number(value));
  }

  /** `value` as a double; `view` has it exactly at `index`. */
  hasDouble(value: number, view: NumberView, index: number): boolean {
    if (value >= 0 && value < this.#bitmap.length && this.#bitmap[value] === 1) return true;
    if (this.#wide.size > 0 && Math.abs(value) >= 2 ** 53) return this.has(view.exact(index));
    return this.#doubles.has(value);
  }
}
