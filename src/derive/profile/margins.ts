// From what was seen to what is allowed: bounds are widened by a share of the spread, rounded away from the data, and never leave the data
// type. Integers stay exact at 64 bits.
import { type ContractNumber, integerRange, limitsOfFloat } from '../../contract/index.ts';
import { type DType, dtypes } from '../../tensor/index.ts';
import type { NumberMeasure } from './number-measure.ts';
import type { Lengths } from './text-measure.ts';

export interface Bounds {
  readonly min: ContractNumber;
  readonly max: ContractNumber;
  /** p0.1 and p99.9. */
  readonly softMin: ContractNumber;
  readonly softMax: ContractNumber;
}

const tail = 0.001;
/** Digits of a bound of floating-point values; more would only look exact. */
const digits = 4;

/**
 * Hard and soft bounds. What never was negative does not become so by a margin, and what never was positive does not either: a sign is
 * the one thing that people's units hardly ever change. Undefined when there is no finite value.
 */
export function boundsOf(measure: NumberMeasure, margin: number): Bounds | undefined {
  const { min, max, digest, dtype } = measure;
  if (min === undefined || max === undefined) return undefined;
  const [low, high] = [digest.quantile(tail), digest.quantile(1 - tail)];
  const widening = margin * (high - low);
  return dtypes[dtype].kind === 'int'
    ? integerBounds(measure, min, max, low, high, widening)
    : floatBounds(Number(min), Number(max), low, high, widening, dtype, !digest.isExact);
}

function floatBounds(
  min: number,
  max: number,
  low: number,
  high: number,
  widening: number,
  dtype: NumberMeasure['dtype'],
  isEstimate: boolean,
): Bounds {
  const limit = limitsOfFloat(dtype)?.largest ?? Number.MAX_VALUE;
  // Without a margin the extremes themselves are the bounds, digit by digit.
  const wideMin = widening === 0 ? min : Math.max(-limit, roundOutward(min - widening, 'down'));
  const wideMax = widening === 0 ? max : Math.min(limit, roundOutward(max + widening, 'up'));
  return {
    min: shortest(min >= 0 ? Math.max(0, wideMin) : wideMin, dtype),
    max: shortest(max <= 0 ? Math.min(0, wideMax) : wideMax, dtype),
    softMin: shortest(isEstimate ? Number(low.toPrecision(6)) : low, dtype),
    softMax: shortest(isEstimate ? Number(high.toPrecision(6)) : high, dtype),
  };
}

/** The shortest decimal that is `value` in its type: 0.1 and not 0.10000000149011612 for float32, in which bounds are compared. */
function shortest(value: number, dtype: DType): number {
  if (value === 0) return 0;
  if (dtype !== 'DT_FLOAT' || Math.fround(value) !== value) return value;
  for (let length = 1; length < 9; length++) {
    const short = Number(value.toPrecision(length));
    // The largest float32 rounds up to 3.4028235e38: a double above the type's range.
    if (Math.fround(short) === value && Math.abs(short) <= largestFloat32) return short;
  }
  return value;
}

const largestFloat32 = limitsOfFloat('DT_FLOAT')?.largest ?? 0;

/** The nearest number of four digits that is not nearer to zero's other side: at most `value` for `down`, at least for `up`. */
export function roundOutward(value: number, direction: 'down' | 'up'): number {
  if (value === 0 || !Number.isFinite(value)) return Number.isFinite(value) ? 0 : Math.sign(value) * Number.MAX_VALUE;
  const rounded = Number(value.toPrecision(digits));
  if (direction === 'down' ? rounded <= value : rounded >= value) return rounded;
  const step = 10 ** (Math.floor(Math.log10(Math.abs(value))) - digits + 1);
  const moved = Number((direction === 'down' ? rounded - step : rounded + step).toPrecision(digits));
  // Where the step is lost (subnormal numbers), the value itself.
  return (direction === 'down' ? moved <= value : moved >= value) ? moved : value;
}

/** `low` and `high` are distances from the measure's origin. */
function integerBounds(
  { dtype, origin }: NumberMeasure,
  min: ContractNumber,
  max: ContractNumber,
  low: number,
  high: number,
  widening: number,
): Bounds {
  const wide = BigInt(Math.ceil(widening));
  const range = integerRange(dtype);
  const clamp = (value: bigint) => (value < range.min ? range.min : value > range.max ? range.max : value);
  const wideMin = clamp(BigInt(min) - wide);
  const wideMax = clamp(BigInt(max) + wide);
  // Distances beyond 2^53 went through a double that is not exact.
  const inside = (value: number) => {
    const whole = origin + BigInt(value);
    return whole < BigInt(min) ? BigInt(min) : whole > BigInt(max) ? BigInt(max) : whole;
  };
  return {
    min: contractNumber(min >= 0 && wideMin < 0n ? 0n : wideMin),
    max: contractNumber(max <= 0 && wideMax > 0n ? 0n : wideMax),
    softMin: contractNumber(inside(Math.floor(low))),
    softMax: contractNumber(inside(Math.ceil(high))),
  };
}

function contractNumber(value: bigint): ContractNumber {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** Counts and lengths: the largest, widened and rounded up; the smallest, widened, but not from something to nothing. */
export function lengthBounds({ min, max, digest }: Lengths, margin: number): { readonly min: number; readonly max: number } {
  const widening = Math.ceil(margin * (digest.quantile(1 - tail) - digest.quantile(tail)));
  return { min: Math.max(min > 0 ? 1 : 0, min - widening), max: max + widening };
}

/** For a report and a contract's source. */
export function marginText(margin: number): string {
  return `extremes widened by ${margin} of the distance from p0.1 to p99.9; soft bounds are p0.1 and p99.9`;
}
