// Decimal text to binary floating point, correctly rounded, for the cases that the decoder's fast path cannot decide.
// Correct means: the float nearest to the written decimal, ties to even, as IEEE 754 (section 5.12.2) asks, also for float32, half and
// bfloat16. Going through a double first is wrong when the double lies exactly between two narrow floats and the decimal does not.

/** 10^0 … 10^64, each the nearest double. */
export const powersOfTen = Float64Array.from({ length: 65 }, (_, exponent) => Number(`1e${exponent}`));
/** Up to here a double holds the power exactly (Clinger, "How to read floating point numbers accurately", 1990). */
export const maxExactPower = 22;

const splitter = 134217729; // 2^27 + 1, Veltkamp's constant: cuts a double into two halves whose products are exact

/**
 * The double nearest to the decimal `high · 10^lowDigits + low`, times 10^`exponent`; NaN when the error bound cannot decide it.
 * `high` and `low` are integers below 10^15, `lowDigits` at most 15, `exponent` from -22 to 22.
 * Works in double-double arithmetic (Dekker 1971): about 104 bits, so only one number in 2^50 is undecided (Ziv's test).
 */
export function roundTwoPart(high: number, low: number, lowDigits: number, exponent: number): number {
  const scale = powersOfTen[lowDigits];
  const product = high * scale;
  const productError = multiplyError(high, scale, product);
  const head = product + low;
  const carried = head - product;
  const tail = product - (head - carried) + (low - carried) + productError;

  const power = powersOfTen[exponent < 0 ? -exponent : exponent];
  let first: number;
  let second: number;
  if (exponent < 0) {
    first = head / power;
    const back = first * power;
    second = (head - back - multiplyError(first, power, back) + tail) / power;
  } else {
    first = head * power;
    second = multiplyError(head, power, first) + tail * power;
  }
  const slack = Math.abs(first) * 2 ** -98;
  const lower = first + (second - slack);
  return lower === first + (second + slack) ? lower : Number.NaN;
}

/** a·b - product, exactly, where product is the rounded a·b and nothing overflows. */
function multiplyError(a: number, b: number, product: number): number {
  const bigA = splitter * a;
  const highA = bigA - (bigA - a);
  const lowA = a - highA;
  const bigB = splitter * b;
  const highB = bigB - (bigB - b);
  const lowB = b - highB;
  return lowA * lowB - (product - highA * highB - lowA * highB - highA * lowB);
}

/** A binary format narrower than double: bits of precision, and the exponent of its smallest positive number. */
export interface NarrowFormat {
  readonly precision: number;
  readonly minExponent: number;
}

export const float32Format: NarrowFormat = { precision: 24, minExponent: -149 };
export const halfFormat: NarrowFormat = { precision: 11, minExponent: -24 };
export const bfloat16Format: NarrowFormat = { precision: 8, minExponent: -133 };

/**
 * A double that rounds (to nearest, ties to even) to the float of `format` nearest to the decimal `text`.
 * It is the double nearest to `text`, moved by its last bit when it lies between two narrow floats and `text` does not.
 */
export function doubleForNarrow(text: string, format: NarrowFormat): number {
  const value = Number(text);
  if (value === 0 || !Number.isFinite(value) || !isMidpoint(value, format)) return value;
  const order = compareDecimal(text, value);
  return order === 0 ? value : nextDouble(value, order);
}

/** The float32 nearest to a JSON number of bounded length, rounded once; infinite when it is too large. */
export function nearestFloat32(text: string): number {
  return Math.fround(doubleForNarrow(text, float32Format));
}

function isMidpoint(value: number, format: NarrowFormat): boolean {
  const exponent = Math.floor(Math.log2(Math.abs(value)));
  // log2 may be off by one near a power of two, which is no midpoint of any narrower format but may be next to one: check both.
  return [exponent - 1, exponent].some((e) => {
    const unit = Math.max(e - format.precision + 1, format.minExponent);
    return Math.abs((value / 2 ** unit) % 1) === 0.5;
  });
}

const bits = new BigInt64Array(1);
const double = new Float64Array(bits.buffer);

/** The double just above (`order` > 0) or below `value`, which is finite and not zero. */
function nextDouble(value: number, order: number): number {
  double[0] = value;
  bits[0] += order > 0 === value > 0 ? 1n : -1n;
  return double[0];
}

/** -1, 0 or 1 as the decimal `text` is below, equal to or above the double `value`, exactly. `text` has bounded length. */
export function compareDecimal(text: string, value: number): number {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (match === null) throw new TypeError('compareDecimal needs a JSON number');
  const [, sign, whole, fraction = '', power = '0'] = match;
  const digits = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n);
  const ten = Number(power) - fraction.length;
  double[0] = value;
  const raw = BigInt.asUintN(64, bits[0]);
  const field = Number((raw >> 52n) & 0x7ffn);
  const significand = (raw & 0xfffffffffffffn) | (field === 0 ? 0n : 0x10000000000000n);
  const two = Math.max(field, 1) - 1075;
  // digits · 10^ten against significand · 2^two, each side scaled to an integer.
  const left = digits * 10n ** BigInt(Math.max(ten, 0)) * 2n ** BigInt(Math.max(-two, 0));
  const signed = raw >> 63n === 1n ? -significand : significand;
  const right = signed * 2n ** BigInt(Math.max(two, 0)) * 10n ** BigInt(Math.max(-ten, 0));
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The 16 bits of the half-precision float nearest to `value`, ties to even; infinity when it is too large. */
export function halfBits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(size)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  if (size < 2 ** -14) return sign | roundEven(size * 2 ** 24);
  const exponent = Math.min(15, exponentOf(size));
  // A significand that rounds up to 2048 carries into the exponent by itself.
  return sign | (((exponent + 14) << 10) + roundEven(size * 2 ** (10 - exponent)));
}

/** The 16 bits of the bfloat16 nearest to `value`, ties to even; infinity when it is too large. */
export function bfloat16Bits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(size)) return 0x7fc0;
  if (size >= 2 ** 127 * (2 - 2 ** -8)) return sign | 0x7f80;
  if (size < 2 ** -126) return sign | roundEven(size * 2 ** 133);
  const exponent = exponentOf(size);
  return sign | (((exponent + 126) << 7) + roundEven(size * 2 ** (7 - exponent)));
}

/** The value of half-precision bits. */
export function halfValue(raw: number): number {
  const sign = (raw & 0x8000) === 0 ? 1 : -1;
  const exponent = (raw >> 10) & 0x1f;
  const fraction = raw & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const word = new Uint32Array(1);
const single = new Float32Array(word.buffer);

/** The value of bfloat16 bits: they are the upper half of a float32. */
export function bfloat16Value(raw: number): number {
  word[0] = raw << 16;
  return single[0];
}

function exponentOf(size: number): number {
  double[0] = size;
  return Number((bits[0] >> 52n) & 0x7ffn) - 1023;
}

/** To the nearest integer, ties to even; `value` is not negative and far below 2^52. */
function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
