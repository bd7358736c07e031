// Makes an answer say less than the model did: the k largest numbers of a row, fewer digits, or nothing. Digits that nobody needs are what
// model extraction and inversion feed on (Tramèr et al. 2016; Fredrikson et al. 2015). Always a copy.
import { dtypes, type NumericTensor, nearestFloat32, type Tensor } from '../../tensor/index.ts';
import type { OutputRules } from '../contract-types.ts';
import { numberView, visitRows } from './element-access.ts';
import { lowestOf, NumberCopy } from './numeric-types.ts';

export interface Reduction {
  readonly topK: number | undefined;
  readonly roundTo: number | undefined;
  readonly redact: boolean;
}

/** Undefined when an output leaves as it is. */
export function reductionOf({ topK, roundTo, redact }: OutputRules): Reduction | undefined {
  return topK === undefined && roundTo === undefined && !redact ? undefined : { topK, roundTo, redact };
}

/** The tensor itself when there is nothing to do. */
export function reduceOutput(tensor: Tensor, reduction: Reduction | undefined): Tensor {
  if (reduction === undefined) return tensor;
  if (reduction.redact) return redacted(tensor);
  const { kind } = dtypes[tensor.dtype];
  if (tensor.dtype === 'DT_STRING' || (kind !== 'float' && kind !== 'int')) return tensor;
  const { topK, roundTo } = reduction;
  const cut = topK === undefined ? tensor : keepLargest(tensor, topK);
  return roundTo === undefined || kind !== 'float' ? cut : rounded(cut, roundTo);
}

function redacted(tensor: Tensor): Tensor {
  const { shape } = tensor;
  if (tensor.dtype === 'DT_STRING') {
    return { dtype: 'DT_STRING', shape, bytes: new Uint8Array(0), offsets: new Uint32Array(tensor.offsets.length) };
  }
  return { dtype: tensor.dtype, shape, bytes: new Uint8Array(tensor.bytes.byteLength) };
}

/**
 * All but the `k` largest of each row become 0 or, in a row with a negative number, the lowest number of the type: among logits, which may
 * all be negative, a 0 would be the largest. Of equal numbers the first ones stay; NaN counts as the smallest.
 */
function keepLargest(tensor: NumericTensor, k: number): NumericTensor {
  const rowLength = tensor.shape.at(-1) ?? 1;
  if (k >= rowLength) return tensor;
  const view = numberView(tensor);
  const copy = new NumberCopy(tensor);
  const lowest = lowestOf(tensor.dtype);
  visitRows(view, rowLength, (values, rows, firstRow) => {
    for (let row = 0; row < rows; row++) {
      const base = (firstRow + row) * rowLength;
      const order = Array.from({ length: rowLength }, (_, index) => index);
      const at = (index: number): number => {
        const value = values[row * rowLength + index];
        return Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value;
      };
      order.sort((left, right) => byExactValue(at(left), at(right), () => [view.exact(base + left), view.exact(base + right)]));
      const hasNegative = order.some((index) => values[row * rowLength + index] < 0);
      // Where even an infinity stays, nothing finite lies below what stays.
      const fill = !hasNegative ? 0 : values[row * rowLength + order[k - 1]] === Number.NEGATIVE_INFINITY ? -Infinity : lowest;
      for (const index of order.slice(k)) copy.set(base + index, fill);
    }
    return true;
  });
  return copy.tensor;
}

/** Largest first; the sort is stable. */
function byExactValue(left: number, right: number, exact: () => readonly [number | bigint, number | bigint]): number {
  if (left !== right) return left > right ? -1 : 1;
  if (!(Math.abs(left) >= 2 ** 53)) return 0;
  const [exactLeft, exactRight] = exact();
  return exactLeft === exactRight ? 0 : exactLeft > exactRight ? -1 : exactLeft < exactRight ? 1 : 0;
}

function rounded(tensor: NumericTensor, digits: number): NumericTensor {
  const copy = new NumberCopy(tensor);
  const isSingle = tensor.dtype === 'DT_FLOAT';
  visitRows(numberView(tensor), 1, (values, count, base) => {
    for (let i = 0; i < count; i++) {
      const value = values[i];
      if (Number.isFinite(value)) copy.set(base + i, roundDecimal(value, digits, isSingle));
    }
    return true;
  });
  return copy.tensor;
}

/** 10^22 is the largest power of ten that a double holds exactly. */
const maxExactDigits = 22;

/**
 * The double (float32 when `isSingle`) nearest to `value` rounded to `digits` decimals; half way goes away from zero. A result of zero has
 * no sign: it would say on which side of zero the value was. `value` is finite.
 */
export function roundDecimal(value: number, digits: number, isSingle: boolean): number {
  const scale = Number(`1e${digits}`);
  const scaled = value * scale;
  const whole = Math.round(scaled);
  // Far from a tie, and exact in both steps: nearly always. The product is off by at most 2^-53 of itself.
  const isClear =
    digits <= maxExactDigits && Math.abs(scaled) < 2 ** 31 && Math.abs(Math.abs(scaled - Math.floor(scaled)) - 0.5) > 2 ** -20;
  const double = isClear ? whole / scale : fromText(value, digits);
  const result = isSingle ? singleOf(value, double, digits) : double;
  return result === 0 ? 0 : result;
}

// toFixed is exact: it finds the decimal nearest to the double itself, however many digits that has (ECMA-262, Number.prototype.toFixed).
function fromText(value: number, digits: number): number {
  return Math.abs(value) >= 1e21 ? value : Number(value.toFixed(Math.min(digits, 100)));
}

/**
 * A double in between rounds twice, which goes wrong only when it lies half way between two float32 numbers and the decimal does not. A
 * decimal of d digits is at least 1 / (5^d · 2^j) away from such a middle k / 2^j, and the double nearest to it is the middle only within
 * 2^-29 / 2^j: never up to 12 digits, since 5^12 < 2^29.
 */
const maxTwiceRoundedDigits = 12;

function singleOf(value: number, double: number, digits: number): number {
  const isSafe = digits <= maxTwiceRoundedDigits || Math.abs(value) >= 1e21;
  return isSafe ? Math.fround(double) : nearestFloat32(value.toFixed(Math.min(digits, 100)));
}
