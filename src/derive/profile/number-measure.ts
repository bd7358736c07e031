// What the numbers of one input are: extremes exactly, also of 64 bits; quantiles; and the values that are no numbers.
import type { ContractNumber } from '../../contract/index.ts';
import { bfloat16Value, type DType, dtypes, halfValue, type NumericTensor } from '../../tensor/index.ts';
import { typedArrayOf } from '../datasets/index.ts';
import { DistinctValues } from './distinct-values.ts';
import { QuantileDigest } from './quantile-digest.ts';

export class NumberMeasure {
  readonly dtype: Exclude<DType, 'DT_STRING'>;
  /** Of 64-bit integers: their distances from `origin`, because a double does not tell large neighbours apart. */
  readonly digest = new QuantileDigest();
  readonly distinct: DistinctValues<number | bigint>;
  nans = 0;
  /** Of each sign. */
  positiveInfinities = 0;
  negativeInfinities = 0;
  #origin: bigint | undefined;
  #min: number | bigint | undefined;
  #max: number | bigint | undefined;

  constructor(dtype: Exclude<DType, 'DT_STRING'>, maxDistinct?: number) {
    this.dtype = dtype;
    this.distinct = new DistinctValues(maxDistinct);
  }

  /** Finite values. */
  get count(): number {
    return this.digest.count;
  }

  get infinities(): number {
    return this.positiveInfinities + this.negativeInfinities;
  }

  get min(): ContractNumber | undefined {
    return exactNumber(this.#min);
  }

  get max(): ContractNumber | undefined {
    return exactNumber(this.#max);
  }

  /** What the digest counts from: the first 64-bit integer, 0 for all other types. */
  get origin(): bigint {
    return this.#origin ?? 0n;
  }

  /** The value below which the share `q` of all values lies; a 64-bit integer is rounded to a whole one. NaN when there are none. */
  quantile(q: number): ContractNumber {
    const value = this.digest.quantile(q);
    return this.#origin === undefined ? value : (exactNumber(this.#origin + BigInt(Math.round(value))) ?? Number.NaN);
  }

  /** Elements of a tensor of `dtype`; complex numbers are only looked at for NaN and infinities. */
  add(tensor: NumericTensor): void {
    const data = typedArrayOf(tensor.dtype, tensor.bytes);
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
      for (const value of data) this.#addBig(value);
      return;
    }
    const { kind } = dtypes[tensor.dtype];
    const decode = tensor.dtype === 'DT_HALF' ? halfValue : tensor.dtype === 'DT_BFLOAT16' ? bfloat16Value : undefined;
    for (const raw of data) {
      const value = decode === undefined ? raw : decode(raw);
      if (!Number.isFinite(value)) {
        if (Number.isNaN(value)) this.nans++;
        else if (value > 0) this.positiveInfinities++;
        else this.negativeInfinities++;
      } else if (kind !== 'complex') this.#addNumber(value);
    }
  }

  #addNumber(value: number): void {
    this.#widen(value);
    this.digest.add(value);
    if (this.distinct.isCounting) this.distinct.add(value);
  }

  #addBig(value: bigint): void {
    this.#origin ??= value;
    this.#widen(value);
    this.digest.add(Number(value - this.#origin));
    if (this.distinct.isCounting) this.distinct.add(value);
  }

  #widen(value: number | bigint): void {
    if (this.#min === undefined || value < this.#min) this.#min = value;
    if (this.#max === undefined || value > this.#max) this.#max = value;
  }
}

/** -0 is 0, and integers that a double holds exactly are numbers, as contracts have them. */
function exactNumber(value: number | bigint | undefined): ContractNumber | undefined {
  if (typeof value !== 'bigint') return value === 0 ? 0 : value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
