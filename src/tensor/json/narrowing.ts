// What a number loses when it is rounded to the data type of an input, for inputs that must not lose any. Decides on the decimal as it was
// written, exactly; who asks for it pays for exact arithmetic on every number.
import { type DType, dtypes } from '../dtype.ts';
import type { Signature } from '../signature.ts';
import { compareDecimal } from './decimal.ts';

/** A demand on one floating-point input, and who hears of numbers that break it. */
export interface NarrowingRule {
  /** `integers`: numbers written without a fraction and without a negative exponent; `all`: every number. */
  readonly exact: 'integers' | 'all';
  /** Called for each number that was rounded, with its place and its text, which is not made printable; throws to refuse the request. */
  readonly onLoss: (path: () => string, text: string) => void;
}

/** What a contract says of the numbers of a request while they are decoded, by the place of their input in the signature. */
export interface NumberRules {
  /** For a floating-point input whose numbers must not lose precision. */
  narrowing(signature: Signature, inputIndex: number): NarrowingRule | undefined;
  /** Whether `value`, a NaN or an infinity, is for the contract to judge; otherwise the server's own setting decides. */
  judges(signature: Signature, inputIndex: number, value: number): boolean;
  /** What was told so far counts no more: the body is decoded again, for the signature that it names. */
  restarted(): void;
  /** The body is refused for `error`, and nothing that it may still say changes that. */
  refused(error: unknown): void;
}

/** True when `value`, to which the JSON number `text` was rounded, is another number than it. `text` has bounded length. */
export function losesPrecision(text: string, value: number): boolean {
  // Its exponent has no bound, and must not meet exact arithmetic: 1e-999999999 is 0 by now, and nothing else could become it.
  if (value === 0) return /^[^eE]*[1-9]/.test(text);
  return compareDecimal(text, value) !== 0;
}

/** True when `text` says a number without a fraction. */
export function isWrittenWhole(text: string): boolean {
  return !/\.|[eE]-/.test(text);
}

export function isFloat(dtype: DType): boolean {
  return dtypes[dtype].kind === 'float';
}
