// RE2 patterns over a whole string. re2js never backtracks, so no text makes it slow; what is left is bounded here: the pattern, the
// program that it becomes, and program × text. Never hands a pattern to JavaScript's own engine.
import { RE2JS } from 're2js';
import { AirlockError, printable } from '../../core/index.ts';

/** UTF-16 units of a pattern. */
export const maxPatternLength = 1000;

/** Instructions of the compiled program: `.{0,1000}` has 2,002, and costs 20 µs a byte when a text is made to defeat the cache. */
export const maxProgramSize = 2500;

/** Instructions × bytes of one match; about 0.25 s at the worst (15 ns each, measured). */
const maxWork = 2 ** 24;

/** A pattern that was compiled. */
export interface Pattern {
  readonly source: string;
  /** Longer texts are refused without a look: between 6,710 and 1,048,576, by the size of the program. */
  readonly maxBytes: number;
  /** Whether the pattern matches all of these bytes, which are well-formed UTF-8 and at most `maxBytes`. */
  matches(bytes: Uint8Array): boolean;
}

/**
 * Compiles a pattern in RE2 syntax: no look-around, no references.
 * @throws CONTRACT_INVALID when it is not one, longer than `maxPatternLength`, or larger than `maxProgramSize`.
 */
export function compilePattern(source: string): Pattern {
  const invalid = (text: string): AirlockError =>
    new AirlockError('CONTRACT_INVALID', { message: `The pattern ${printable(source, 80)} ${text}` });
  if (source.length > maxPatternLength) throw invalid(`is longer than ${maxPatternLength} characters`);
  let compiled: RE2JS;
  try {
    compiled = RE2JS.compile(source);
  } catch (thrown) {
    throw invalid(`is not in RE2 syntax: ${printable(thrown instanceof Error ? thrown.message : 'unknown', 200)}`);
  }
  const size = compiled.programSize();
  if (size > maxProgramSize) throw invalid(`becomes ${size} instructions; at most ${maxProgramSize} are allowed`);
  return {
    source,
    maxBytes: Math.min(2 ** 20, Math.floor(maxWork / Math.max(size, 1))),
    matches: (bytes) => compiled.testExact(bytes),
  };
}
