// Numbers of at most 15 digits without an exponent: most of what people send one at a time. All digits fit a double exactly, and so does the
// power of ten, so one division rounds once (IEEE 754); whatever is longer goes to exact arithmetic. Gives NaN instead of guessing.
import { powersOfTen } from './decimal.ts';

const maxDigits = 15;

/**
 * The value of the JSON number `bytes[start … end]`, whose grammar is checked already, as the nearest double; NaN when it is not short.
 * With `integer`, NaN also for a fraction and for `-0`, which the caller refuses by name.
 */
export function shortNumber(bytes: Uint8Array, start: number, end: number, integer: boolean): number {
  const negative = bytes[start] === 0x2d;
  let at = negative ? start + 1 : start;
  // The point counts as one.
  if (end - at > maxDigits + 1) return Number.NaN;
  let digits = 0;
  let fraction = 0;
  for (; at < end; at++) {
    const digit = bytes[at] ^ 0x30;
    if (digit <= 9) digits = digits * 10 + digit;
    else if (bytes[at] === 0x2e && !integer) fraction = end - at - 1;
    else return Number.NaN;
  }
  if (end - start - (negative ? 1 : 0) - (fraction > 0 ? 1 : 0) > maxDigits) return Number.NaN;
  if (integer && negative && digits === 0) return Number.NaN;
  const value = digits / powersOfTen[fraction];
  return negative ? -value : value;
}
