// What the numbers of one input are: extremes exactly, also of 64 bits; quantiles; and the values that are no numbers.
import type { ContractNumber } from '../../contract/index.ts';
import { type DType, dtypes, type NumericTensor } from '../../tensor/index.ts';
import { halfValue, typedArrayOf } from '../datasets/index.ts';
import { DistinctValues } from './distinct-values.ts';
import { QuantileDigest } from './quantile-digest.ts';

export class NumberMeasure {
  readonly dtype: Exclude<DType, 'DT_STRING'>;
  readonly digest = new QuantileDigest();
  readonly distinct: DistinctValues<number | bigint>;
  nans = 0;
  infinities = 0;
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

  get min(): ContractNumber | undefined {
    return exactNumber(this.#min);
  }

  get max(): ContractNumber | undefined {
    return exactNumber(this.#max);
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
        else this.infinities++;
      } else if (kind !== 'complex') this.#addNumber(value);
    }
  }

  addNumber(value: number): void {
    this.#addNumber(value);
  }

  #addNumber(value: number): void {
    if (this.#min === undefined || value < this.#min) this.#min = value;
    if (this.#max === undefined || value > this.#max) this.#max = value;
    this.digest.add(value);
    if (this.distinct.isCounting) this.distinct.add(value);
  }

  #addBig(value: bigint): void {
    if (this.#min === undefined || value < this.#min) this.#min = value;
    if (this.#max === undefined || value > this.#max) this.#max = value;
    this.digest.add(Number(value));
    if (this.distinct.isCounting) this.distinct.add(value);
  }
}

/** -0 is 0, and integers that a double holds exactly are numbers, as contracts have them. */
function exactNumber(value: number | bigint | undefined): ContractNumber | undefined {
  if (typeof value !== 'bigint') return value === 0 ? 0 : value;
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

const bits = new DataView(new ArrayBuffer(4));

function bfloat16Value(raw: number): number {
  bits.setUint16(0, raw);
  bits.setUint16(2, 0);
  return bits.getFloat32(0);
}
