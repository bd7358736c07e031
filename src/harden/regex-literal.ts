// Patterns for RE2 that hardening makes itself. TensorFlow compiles them with UTF-8 on, where a dot also matches some bytes that are no
// UTF-8 (long forms, surrogates); the explicit class below does not.

/** Exactly the well-formed UTF-8 of Unicode: no long forms, no surrogates, nothing past U+10FFFF. */
export const wellFormedUtf8 = '[\\x{0}-\\x{D7FF}\\x{E000}-\\x{10FFFF}]*';
export const onlyAscii = '[\\x{0}-\\x{7F}]*';
/** Everything but the controls of category Cc; tab, newline and carriage return stay. */
export const noControls = '[\\x{9}\\x{A}\\x{D}\\x{20}-\\x{7E}\\x{A0}-\\x{D7FF}\\x{E000}-\\x{10FFFF}]*';

/** Bytes of one pattern. RE2's own limit on a compiled program is about five times as much. */
const maxPatternBytes = 64 * 1024;

/** A pattern that matches exactly this text: every character that could mean something is written as its number. */
export function literalPattern(text: string): string {
  return Array.from(text, (character) => (/^[A-Za-z0-9]$/.test(character) ? character : hex(character))).join('');
}

function hex(character: string): string {
  return `\\x{${(character.codePointAt(0) ?? 0).toString(16)}}`;
}

/** A pattern that matches exactly these texts, or undefined when it would be too long, or a text is not well-formed. */
export function alternatives(texts: Iterable<string>): string | undefined {
  const parts: string[] = [];
  let length = 4;
  for (const text of texts) {
    if (Buffer.from(text, 'utf8').toString('utf8') !== text) return undefined;
    const part = literalPattern(text);
    length += part.length + 1;
    if (length > maxPatternBytes) return undefined;
    parts.push(part);
  }
  return parts.length === 0 ? undefined : `(?:${parts.join('|')})`;
}
