// Strict base64. Node's decoder skips characters that it does not know, so two different texts would mean the same bytes.

/** The bytes of canonical RFC 4648 base64 (standard alphabet, padded), or undefined when `text` is anything else. */
export function decodeBase64(text: Buffer): Buffer | undefined {
  const decoded = Buffer.from(text.toString('latin1'), 'base64');
  // Only canonical text comes back unchanged; both conversions are native and fast.
  return decoded.toString('base64') === text.toString('latin1') ? decoded : undefined;
}
