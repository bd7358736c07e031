// Whether a pattern of a contract can be compiled. It runs on hostile text: rules/pattern.ts compiles it with RE2 and bounds what it costs.
import { isAirlockError } from '../core/index.ts';
import { compilePattern } from './rules/pattern.ts';

/** Why `pattern` cannot be used, or undefined. Safe to show. */
export function patternMistake(pattern: string): string | undefined {
  try {
    compilePattern(pattern);
    return undefined;
  } catch (thrown) {
    if (isAirlockError(thrown)) return thrown.message;
    throw thrown;
  }
}
