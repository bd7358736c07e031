// Rounds a bound that was measured as a double to a type in which it is checked, always away from the data.
const view = new DataView(new ArrayBuffer(8));

function neighbour(value: number, direction: 'down' | 'up', is32Bit: boolean): number {
  if (value === 0) return (direction === 'up' ? 1 : -1) * (is32Bit ? 2 ** -149 : Number.MIN_VALUE);
  const step = value > 0 === (direction === 'up') ? 1n : -1n;
  if (is32Bit) {
    view.setFloat32(0, value);
    view.setUint32(0, view.getUint32(0) + Number(step));
    return view.getFloat32(0);
  }
  view.setFloat64(0, value);
  view.setBigUint64(0, view.getBigUint64(0) + step);
  return view.getFloat64(0);
}

/** Of the finite ones. */
export const largestFloat32 = 2 ** 128 - 2 ** 104;

/** A float32 that is not inside of `value`: at most it for `down`, at least it for `up`; never an infinity. `value` is finite. */
export function outwardFloat32(value: number, direction: 'down' | 'up'): number {
  const rounded = Math.fround(Math.min(largestFloat32, Math.max(-largestFloat32, value)));
  const isInside = direction === 'up' ? rounded < value : rounded > value;
  return isInside && Math.abs(rounded) < largestFloat32 ? neighbour(rounded, direction, true) : rounded;
}

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };

/**
 * An int64 that is not inside of `value`. Beyond 2^53 a double stands for a range of integers, and was rounded from one of them; the
 * next double outwards is beyond all of them. `value` is finite.
 */
export function outwardInteger(value: number, direction: 'down' | 'up'): bigint {
  const whole = direction === 'up' ? Math.ceil(value) : Math.floor(value);
  const certain = Math.abs(whole) > Number.MAX_SAFE_INTEGER ? neighbour(whole, direction, false) : whole;
  const integer = BigInt(certain);
  return integer < int64.min ? int64.min : integer > int64.max ? int64.max : integer;
}

/** A double that is not inside of `value`. */
export function outwardDouble(value: bigint, direction: 'down' | 'up'): number {
  const rounded = Number(value);
  const isInside = direction === 'up' ? BigInt(rounded) < value : BigInt(rounded) > value;
  return isInside ? neighbour(rounded, direction, false) : rounded;
}
