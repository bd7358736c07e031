// RE2 patterns over a whole string. re2js never backtracks, so time is linear in the text; what is left is bounded here: the pattern, the
// program that it becomes, program × text, and all matches of a request together. Never hands a pattern to JavaScript's own engine.
import { RE2JS } from 're2js';
import { AirlockError, printable } from '../../core/index.ts';

/** UTF-16 units of a pattern. */
export const maxPatternLength = 1000;

/** Instructions of the compiled program; `.{0,1000}` has 2,002. */
export const maxProgramSize = 2500;

/**
 * Instructions × bytes of one match: 0.6 to 1 s at the worst. re2js makes an automaton while it reads. Where a pattern has to keep many
 * places in mind, as `(.*a.{0,300})+b?`, a text can ask for a new state at every byte, at 300 to 500 ns for each instruction (measured);
 * most patterns have few states, and take 0.02 to 0.3 µs a byte whatever their size.
 */
const maxWork = 2 ** 21;

/** A program of so few instructions has few states in all: at most 0.6 µs a byte. */
const smallProgram = 16;
const maxTextBytes = 2 ** 20;

/** Work of one request that no clock is read for, so that small requests pay nothing for it; 0.5 s at the worst. */
const freeWork = 2 ** 20;
/**
 * Time that the patterns of one request may take beyond that; the text that is under way is matched to its end. Not counted in instructions:
 * at their worst price 10,000 e-mail addresses would be a minute, and are 20 ms. Wide enough for 10 MB of text on a busy machine.
 */
const maxRequestMs = 3_000;
/** A call costs as much as these bytes. */
const callBytes = 8;

/** What the patterns of one request have cost so far. */
export interface PatternWork {
  /** Instructions × bytes. */
  patternWork: number;
  patternMs: number;
}

/** A pattern that was compiled. */
export interface Pattern {
  readonly source: string;
  /** Instructions. */
  readonly size: number;
  /** Longer texts are refused without a look: between 838 and 1,048,576, by the size of the program. */
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
    size,
    maxBytes: size <= smallProgram ? maxTextBytes : Math.floor(maxWork / size),
    matches: (bytes) => compiled.testExact(bytes),
  };
}

/** Whether the pattern matches, as `matches`; undefined, without a look, when the request has had its time. */
export function matchesWithin(pattern: Pattern, bytes: Uint8Array, work: PatternWork): boolean | undefined {
  work.patternWork += pattern.size * (bytes.length + callBytes);
  if (work.patternWork <= freeWork) return pattern.matches(bytes);
  if (work.patternMs >= maxRequestMs) return undefined;
  const startMs = performance.now();
  const isMatch = pattern.matches(bytes);
  work.patternMs += performance.now() - startMs;
  return isMatch;
}
