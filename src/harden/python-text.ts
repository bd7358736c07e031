// Values as Python source. Names, patterns and words of a contract come from a file that anybody may have written; nothing of them may end
// a literal or a comment and become code.

/** Everything that means something inside a literal, and everything that is not ASCII, by its number. */
const plain = /[A-Za-z0-9 _.,:;!?()[\]{}<>=+*/|^$@~-]/;

/** A string literal in ASCII, whatever `text` holds. */
export function pythonString(text: string): string {
  const parts = Array.from(text, (character) => (plain.test(character) ? character : escaped(character.codePointAt(0) ?? 0)));
  return `"${parts.join('')}"`;
}

function escaped(code: number): string {
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (code < 0x1_0000) return `\\u${code.toString(16).padStart(4, '0')}`;
  return `\\U${code.toString(16).padStart(8, '0')}`;
}

/** A number literal, exact. */
export function pythonNumber(value: number | bigint): string {
  if (typeof value === 'bigint') return String(value);
  if (Number.isNaN(value)) return 'float("nan")';
  if (!Number.isFinite(value)) return value > 0 ? 'float("inf")' : 'float("-inf")';
  if (Object.is(value, -0)) return '-0.0';
  return String(value);
}

/** A list literal, several items to a line. */
export function pythonList(items: readonly string[]): string {
  const lines: string[] = [];
  let line = '';
  for (const item of items) {
    if (line !== '' && line.length + item.length > 100) {
      lines.push(line.trimEnd());
      line = '';
    }
    line += `${item}, `;
  }
  if (line !== '') lines.push(line.trimEnd());
  return lines.length <= 1 ? `[${(lines[0] ?? '').replace(/,$/, '')}]` : `[\n        ${lines.join('\n        ')}\n    ]`;
}
