// How every command reads a number from its command line: as people write decimals, whole, within bounds. Number() alone takes '' for 0, and
// hexadecimal.
import { InvalidArgumentError } from 'commander';

const decimal = /^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;

function parse(text: string): number {
  return text.length <= 64 && decimal.test(text) ? Number(text) : Number.NaN;
}

/** A parser for an option of commander; both ends are inclusive, and it throws InvalidArgumentError, which becomes exit code 2. */
export function numberBetween(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = parse(text);
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`expected a number from ${min} to ${max}`);
    return value;
  };
}

/** The same for whole numbers. Without `max`, up to 2^53 - 1. */
export function wholeNumberBetween(min: number, max: number = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = parse(text);
    if (!Number.isSafeInteger(value) || value < min || value > max)
      throw new InvalidArgumentError(`expected a whole number from ${min}${max === Number.MAX_SAFE_INTEGER ? '' : ` to ${max}`}`);
    return value;
  };
}

/** A parser for the version of a model: a whole number from 0 to 2^63-1, written in the one way that a release statement takes. */
export function modelVersion(text: string): bigint {
  if (/^(?:0|[1-9][0-9]{0,18})$/.test(text) && BigInt(text) < 2n ** 63n) return BigInt(text);
  throw new InvalidArgumentError('expected a whole number from 0 to 2^63-1');
}
