// The text of a JSON document as UTF-8. Python's json.loads() takes bytes in UTF-8, UTF-16 and UTF-32 with or without a byte order mark
// (json.detect_encoding), so a configuration that other programs cannot read at all is one for Keras.

export interface JsonText {
  readonly utf8: Buffer;
  /** `utf-8` for nearly everybody. */
  readonly encoding: string;
}

function fromUtf32(bytes: Buffer, isLittle: boolean): Buffer {
  const units: string[] = [];
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    const point = isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
    units.push(point <= 0x10ffff ? String.fromCodePoint(point) : '\ufffd');
  }
  return Buffer.from(units.join(''));
}

function fromUtf16(bytes: Buffer, isLittle: boolean): Buffer {
  const even = Buffer.from(bytes.subarray(0, bytes.length & ~1));
  return Buffer.from((isLittle ? even : even.swap16()).toString('utf16le'));
}

/** Finds the encoding out the way Python does: by byte order mark, then by where the first zero bytes are. */
export function jsonText(bytes: Buffer): JsonText {
  const head = bytes.toString('latin1', 0, 4);
  if (head.startsWith('\xef\xbb\xbf')) return { utf8: bytes.subarray(3), encoding: 'utf-8-sig' };
  if (head === '\xff\xfe\0\0') return { utf8: fromUtf32(bytes.subarray(4), true), encoding: 'utf-32' };
  if (head === '\0\0\xfe\xff') return { utf8: fromUtf32(bytes.subarray(4), false), encoding: 'utf-32' };
  if (head.startsWith('\xff\xfe')) return { utf8: fromUtf16(bytes.subarray(2), true), encoding: 'utf-16' };
  if (head.startsWith('\xfe\xff')) return { utf8: fromUtf16(bytes.subarray(2), false), encoding: 'utf-16' };
  if (bytes.length >= 4) {
    if (bytes[0] === 0)
      return {
        utf8: bytes[1] === 0 ? fromUtf32(bytes, false) : fromUtf16(bytes, false),
        encoding: bytes[1] === 0 ? 'utf-32' : 'utf-16',
      };
    if (bytes[1] === 0) {
      const isUtf16 = bytes[2] !== 0 || bytes[3] !== 0;
      return { utf8: isUtf16 ? fromUtf16(bytes, true) : fromUtf32(bytes, true), encoding: isUtf16 ? 'utf-16' : 'utf-32' };
    }
  }
  return { utf8: bytes, encoding: 'utf-8' };
}
