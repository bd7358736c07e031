// What a DSSE signature is over: type and payload, each with its length, so that no byte can be moved from one to the other.
// Never encodes a payload that was parsed and written again: only the very bytes that the bundle has.

/** DSSE v1: `DSSEv1`, then the lengths in bytes and the values of type and payload, separated by single spaces. */
export function preAuthEncoding(type: string, payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `), payload]);
}

const quote = 0x27;
const doubleQuote = 0x22;
const backslash = 0x5c;
const hexDigits = Buffer.from('0123456789abcdef');
const escapes: ReadonlyMap<number, string> = new Map([
  [0x09, '\\t'],
  [0x0a, '\\n'],
  [0x0d, '\\r'],
]);

/**
 * What model-signing 0.2 signed by mistake: a capital V, and the payload as Python's `repr(bytes)` writes it. Only for signers
 * that may use this form. Takes up to four times the payload's size.
 */
export function preAuthEncodingV02(type: string, payload: Uint8Array): Buffer {
  const mark = payload.includes(quote) && !payload.includes(doubleQuote) ? doubleQuote : quote;
  const head = Buffer.from(`DSSEV1 ${[...type].length} ${type} ${payload.length} b${String.fromCharCode(mark)}`);
  const text = Buffer.allocUnsafe(head.length + payload.length * 4 + 1);
  let end = head.copy(text);
  for (const byte of payload) {
    const letters = escapes.get(byte);
    if (letters !== undefined) {
      end += text.write(letters, end, 'latin1');
    } else if (byte < 0x20 || byte > 0x7e) {
      text[end++] = backslash;
      text[end++] = 0x78;
      text[end++] = hexDigits[byte >> 4];
      text[end++] = hexDigits[byte & 0x0f];
    } else {
      if (byte === mark || byte === backslash) text[end++] = backslash;
      text[end++] = byte;
    }
  }
  text[end++] = mark;
  return text.subarray(0, end);
}
