// Well-formed UTF-8, exactly as table 3-7 of the Unicode standard has it: no overlong forms, no surrogates, nothing above U+10FFFF. Node's
// own decoders replace what is wrong; here it is found and refused.

/**
 * The code point that starts at `at`, or -1 when the bytes there are not well-formed or run over `end`. A decoder that accepts C0 80 for
 * NUL, or ED A0 80 for half a character, lets text through that a check of its own has not seen.
 */
export function codePointAt(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at];
  if (lead < 0x80) return lead;
  if (lead < 0xc2 || lead > 0xf4) return -1;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (end - at < length) return -1;
  const second = bytes[at + 1];
  if ((second & 0xc0) !== 0x80) return -1;
  if (length === 2) return ((lead & 0x1f) << 6) | (second & 0x3f);
  const third = bytes[at + 2];
  if ((third & 0xc0) !== 0x80) return -1;
  if (length === 3) {
    // E0: overlong below A0. ED: surrogates from A0.
    if ((lead === 0xe0 && second < 0xa0) || (lead === 0xed && second > 0x9f)) return -1;
    return ((lead & 0x0f) << 12) | ((second & 0x3f) << 6) | (third & 0x3f);
  }
  const fourth = bytes[at + 3];
  // F0: overlong below 90. F4: above U+10FFFF from 90.
  if ((fourth & 0xc0) !== 0x80 || (lead === 0xf0 && second < 0x90) || (lead === 0xf4 && second > 0x8f)) return -1;
  return ((lead & 0x07) << 18) | ((second & 0x3f) << 12) | ((third & 0x3f) << 6) | (fourth & 0x3f);
}

/** Bytes of a code point. */
export function utf8Length(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}

/** The text of these bytes; what is not well-formed becomes U+FFFD. */
export function utf8Text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}

/** Where the bytes stop being well-formed; -1 when they are. */
export function invalidUtf8At(bytes: Uint8Array, start: number, end: number): number {
  let at = start;
  while (at < end) {
    const codePoint = codePointAt(bytes, at, end);
    if (codePoint < 0) return at;
    at += utf8Length(codePoint);
  }
  return -1;
}
