// Patterns are RE2: a pattern of a contract runs on hostile text, so an engine that backtracks is out of the question. RE2 refuses repeats
// above 1,000, also nested ones, which bounds the program; its length is bounded by the schema.
import { RE2JS } from 're2js';
import { printable } from '../core/index.ts';

/** Instructions of a compiled pattern: each costs time for each character of the input. */
const maxProgram = 20_000;

/** Why `pattern` cannot be used, or undefined. */
export function patternMistake(pattern: string): string | undefined {
  try {
    const size = RE2JS.compile(pattern).programSize();
    return size > maxProgram ? `a program of ${size} instructions, above ${maxProgram}` : undefined;
  } catch (cause) {
    return printable(cause instanceof Error ? cause.message : 'a pattern that cannot be compiled', 120);
  }
}
