// Whether the RE2 inside TensorFlow can compile a pattern that our engine has compiled. A graph whose pattern cannot be compiled answers no
// request at all, so what is not certain counts as an obstacle. Reads the pattern once, from left to right; compiles nothing.
import { classInstructions, re2Classes } from './re2-classes.ts';

/**
 * RE2 compiles 477,000 instructions and gives up before 1.2 million (measured with TensorFlow 2.21). It counts bytes where our engine counts
 * characters, so a pattern that is small there may be far too large here.
 */
const maxInstructions = 100_000;

/** One character in a pattern: at most four bytes, and in a pattern that folds case three such characters. */
const perCharacter = 12;
/** `\w`, `\D` and their like, and the dot. */
const perEscape = 24;
/** A range, which RE2 makes up to seven sequences of four bytes of. */
const perRange = 30;

interface Group {
  /** Instructions of all that was read in it. */
  total: number;
  /** Of the last thing in it, which a repeat would repeat. */
  last: number;
}

/** Why RE2 in TensorFlow 2.21 could not compile `pattern`, which our engine has compiled, or would read it otherwise; or undefined. */
export function re2Obstacle(pattern: string): string | undefined {
  if (pattern.includes('(?<'))
    return 'it names a group as (?<name>…), which the RE2 in TensorFlow does not know: write (?P<name>…)';
  if (pattern.includes('\0')) return 'it holds a NUL';
  const groups: Group[] = [{ total: 0, last: 0 }];
  for (let at = 0; at < pattern.length; ) {
    const group = groups[groups.length - 1];
    const character = pattern[at];
    let length = 1;
    if (character === '(') {
      groups.push({ total: 2, last: 0 });
      length = /^\(\?(?:P<\w+>|[A-Za-z-]*:?)/.exec(pattern.slice(at, at + 1000))?.[0].length ?? 1;
    } else if (character === ')') {
      groups.pop();
      if (groups.length === 0) return 'its brackets cannot be told';
      append(groups[groups.length - 1], group.total);
    } else if (character === '|') append(group, 2);
    else if (character === '*' || character === '+' || character === '?') repeat(group, 1);
    else if (character === '{') {
      const counted = /^\{(\d{1,4})(,?)(\d{0,4})\}/.exec(pattern.slice(at, at + 12));
      length = counted?.[0].length ?? 1;
      if (counted === null) append(group, perCharacter);
      else repeat(group, Math.max(Number(counted[1]) + (counted[2] === '' ? 0 : 1), Number(counted[3])));
    } else if (character === '[') {
      const found = readClass(pattern, at);
      if (typeof found === 'string') return found;
      append(group, found.instructions);
      length = found.length;
    } else if (character === '\\') {
      const found = readEscape(pattern, at);
      if (typeof found === 'string') return found;
      append(group, found.instructions);
      length = found.length;
    } else append(group, character === '.' ? perEscape : perCharacter);
    at += length;
    if (groups[groups.length - 1].total > maxInstructions) return tooLarge;
  }
  return undefined;
}

const tooLarge =
  'RE2 would make too large a program of it: repeat a class of Unicode without a number (\\p{L}+) and limit the length with maxCodePoints';

interface Read {
  readonly instructions: number;
  /** UTF-16 units of the pattern. */
  readonly length: number;
}

function append(group: Group, instructions: number): void {
  group.last = instructions;
  group.total += instructions;
}

/** A repeat copies what it repeats, once for each time that it may be there. */
function repeat(group: Group, times: number): void {
  const repeated = Math.max(times, 1) * (group.last + 1);
  group.total += repeated - group.last;
  group.last = repeated;
}

function readEscape(pattern: string, at: number): Read | string {
  const next = pattern[at + 1];
  if (next === 'p' || next === 'P') return readUnicodeClass(pattern, at);
  if (next === 'C') return 'it matches single bytes (\\C)';
  if (next === 'x' && pattern[at + 2] === '{')
    return { instructions: perEscape, length: Math.max(pattern.indexOf('}', at), at + 2) + 1 - at };
  if (next !== 'Q') return { instructions: perEscape, length: 2 };
  const end = pattern.indexOf('\\E', at + 2);
  const text = end === -1 ? pattern.slice(at + 2) : pattern.slice(at + 2, end);
  return { instructions: text.length * perCharacter, length: text.length + (end === -1 ? 2 : 4) };
}

function readUnicodeClass(pattern: string, at: number): Read | string {
  const found = /^\\[pP](?:([A-Z])|\{\^?([A-Za-z_]{1,40})\})/.exec(pattern.slice(at, at + 48));
  const name = found?.[1] ?? found?.[2];
  if (found === null || name === undefined || !re2Classes.has(name))
    return `it has the class ${name === undefined ? '\\p' : `\\p{${name}}`}, which the RE2 in TensorFlow does not know, or holds other characters there`;
  return { instructions: classInstructions(name), length: found[0].length };
}

/** A class in brackets: at most the instructions of all its parts. */
function readClass(pattern: string, start: number): Read | string {
  let instructions = perEscape;
  let at = start + 1;
  // A range takes three characters to write, but one character that is left out makes two ranges of one.
  const isNegated = pattern[at] === '^';
  const perClassCharacter = isNegated ? perRange : perRange / 3;
  if (isNegated) at++;
  // `[]a]` holds the bracket itself.
  for (let isFirst = true; at < pattern.length && (isFirst || pattern[at] !== ']'); isFirst = false) {
    const named = /^\[:\^?[a-z]{1,10}:\]/.exec(pattern.slice(at, at + 16));
    if (named !== null) {
      instructions += 2 * perEscape;
      at += named[0].length;
    } else if (pattern[at] === '\\') {
      const found = readEscape(pattern, at);
      if (typeof found === 'string') return found;
      instructions += found.instructions;
      at += found.length;
    } else {
      instructions += perClassCharacter;
      at++;
    }
  }
  return { instructions, length: at + 1 - start };
}
