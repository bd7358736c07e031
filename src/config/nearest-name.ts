// Finds the name that somebody who mistyped most likely meant. Only for messages: nothing is ever corrected silently.

/** The name with the fewest edits to `typed`, or undefined when none is near (more than a third of its letters, at least 2). */
export function nearestName(typed: string, names: readonly string[]): string | undefined {
  // The cost below is the product of both lengths, and `typed` is somebody else's text.
  const word = typed.slice(0, 64).toLowerCase();
  let best: string | undefined;
  let bestEdits = Number.POSITIVE_INFINITY;
  for (const name of names) {
    const edits = editDistance(word, name.toLowerCase());
    if (edits < bestEdits) {
      best = name;
      bestEdits = edits;
    }
  }
  return bestEdits <= Math.max(2, Math.floor(word.length / 3)) && bestEdits < word.length ? best : undefined;
}

/** Levenshtein distance: insertions, deletions and replacements of one UTF-16 unit. */
export function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const replaced = previous[column - 1] + (left[row - 1] === right[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[column] + 1, current[column - 1] + 1));
    }
    previous = current;
  }
  return previous[right.length];
}
