// Text of a file: UTF-8 with or without a mark, or UTF-16 with one, which is what PowerShell writes with `pip freeze > requirements.txt`.

/** Undefined when it is neither, or holds a NUL. */
export function decodeText(bytes: Uint8Array): string | undefined {
  const [first, second] = bytes;
  const encoding = first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}
