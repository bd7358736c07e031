// Whether a value of a contract fits the data type of its tensor, and whether the bounds of a tensor leave anything over.
import { type DType, dtypes } from '../tensor/index.ts';
import type { ContractNumber, ContractValue, FeatureKind, TensorRules } from './contract-types.ts';

/** Smallest and largest value of an integer type. */
export function integerRange(dtype: DType): { readonly min: bigint; readonly max: bigint } {
  const bits = BigInt(dtypes[dtype].itemBytes * 8);
  return dtype.startsWith('DT_UINT')
    ? { min: 0n, max: 2n ** bits - 1n }
    : { min: -(2n ** (bits - 1n)), max: 2n ** (bits - 1n) - 1n };
}

// Halfway from the largest finite value to the next power of two: from here on, rounding to the type gives infinity.
const overflow: Partial<Record<DType, number>> = {
  DT_HALF: 65_520,
  DT_BFLOAT16: 2 ** 128 - 2 ** 119,
  DT_FLOAT: 2 ** 128 - 2 ** 103,
};

/** What a value of this type looks like, for messages; undefined when `value` is one. */
export function valueMistake(value: ContractValue, dtype: DType): string | undefined {
  const { kind } = dtypes[dtype];
  switch (kind) {
    case 'bool':
      return typeof value === 'boolean' ? undefined : 'true or false';
    case 'string':
      return typeof value === 'string' ? undefined : 'a text';
    case 'float':
      return typeof value === 'number' && Math.abs(value) < (overflow[dtype] ?? Number.POSITIVE_INFINITY)
        ? undefined
        : 'a number that the data type can hold';
    case 'int': {
      const { min, max } = integerRange(dtype);
      const isWhole = typeof value === 'bigint' || (typeof value === 'number' && Number.isSafeInteger(value));
      return isWhole && value >= min && value <= max ? undefined : `a whole number from ${min} to ${max}`;
    }
    default:
      return 'no value: it cannot be written for complex numbers';
  }
}

/** The data type whose values a feature's kind has. */
export const dtypeOfFeature: Readonly<Record<FeatureKind, DType>> = { bytes: 'DT_STRING', float: 'DT_FLOAT', int64: 'DT_INT64' };

type Bounds = Pick<TensorRules, 'min' | 'max' | 'exclusiveMin' | 'exclusiveMax'>;

/** True when `value` is inside all bounds. */
export function isWithin(value: ContractNumber, { min, max, exclusiveMin, exclusiveMax }: Bounds): boolean {
  return (
    !(min !== undefined && value < min) &&
    !(max !== undefined && value > max) &&
    !(exclusiveMin !== undefined && value <= exclusiveMin) &&
    !(exclusiveMax !== undefined && value >= exclusiveMax)
  );
}

/** True when no value at all can be inside the bounds; those of integer types are whole. */
export function boundsAreEmpty(bounds: Bounds, isInteger: boolean): boolean {
  const { min, max, exclusiveMin, exclusiveMax } = bounds;
  if (isInteger) {
    const lows = [min, exclusiveMin === undefined ? undefined : BigInt(exclusiveMin) + 1n].filter((low) => low !== undefined);
    const highs = [max, exclusiveMax === undefined ? undefined : BigInt(exclusiveMax) - 1n].filter((high) => high !== undefined);
    return lows.some((low) => highs.some((high) => low > high));
  }
  return (
    (min !== undefined && max !== undefined && min > max) ||
    (min !== undefined && exclusiveMax !== undefined && min >= exclusiveMax) ||
    (exclusiveMin !== undefined && max !== undefined && exclusiveMin >= max) ||
    (exclusiveMin !== undefined && exclusiveMax !== undefined && exclusiveMin >= exclusiveMax)
  );
}
