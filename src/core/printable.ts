// Makes text that somebody else chose safe to show on a terminal, in a log line and in an error.
// An input or a model may hold terminal escapes, newlines that forge log lines, or bidirectional controls that reorder what a
// reader sees (Trojan Source, CVE-2021-42574); none of them may reach a screen.

const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

/**
 * `text` with every control, format, surrogate and unassigned character written as \u{…}, cut at `maxLength` UTF-16 units (default 64).
 */
export function printable(text: string, maxLength = 64): string {
  const head = text.length > maxLength ? text.slice(0, maxLength) : text;
  const clean = head.replace(unsafe, (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`);
  return text.length > maxLength ? `${clean}…` : clean;
}

/** The same JSON with every such character outside ASCII written as \u…: it means the same and can be shown. */
export function printableJson(json: string): string {
  return json.replace(unsafe, (characters) =>
    Array.from({ length: characters.length }, (_, at) => `\\u${characters.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
      '',
    ),
  );
}
