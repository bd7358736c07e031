// Finds repeats inside repeats, which make engines that backtrack run for ever. RE2 runs them in linear time; the note is for whoever copies
// the pattern into a client.

/** Where a quantifier ends that stands at `at`, or -1 when none does. */
function quantifierEnd(pattern: string, at: number): number {
  if (pattern[at] === '*' || pattern[at] === '+') return at + 1;
  // {2} repeats as often as it says; only {2,} and {2,9} leave a choice.
  const counted = /^\{\d{1,4},\d{0,4}\}/.exec(pattern.slice(at, at + 12));
  return counted === null ? -1 : at + counted[0].length;
}

/** True when a group that is repeated holds a repeat itself, as in `(a+)+`. */
export function hasNestedRepeat(pattern: string): boolean {
  // One entry per open group: whether a repeat was seen inside it.
  const groups = [false];
  let isClass = false;
  for (let at = 0; at < pattern.length; at++) {
    const character = pattern[at];
    if (character === '\\') {
      at++;
    } else if (isClass) {
      isClass = character !== ']';
    } else if (character === '[') {
      isClass = true;
      // `[]a]` and `[^]a]` hold the bracket itself.
      if (pattern[at + 1] === '^') at++;
      if (pattern[at + 1] === ']') at++;
    } else if (character === '(') {
      groups.push(false);
    } else if (character === ')') {
      const inner = groups.pop() === true;
      if (groups.length === 0) return false;
      const isRepeated = quantifierEnd(pattern, at + 1) > 0;
      if (inner && isRepeated) return true;
      if (inner) groups[groups.length - 1] = true;
    } else if (quantifierEnd(pattern, at) > 0) {
      groups[groups.length - 1] = true;
    }
  }
  return false;
}
