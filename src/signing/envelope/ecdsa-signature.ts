// The two ways in which an ECDSA signature is written: r and s side by side, as hardware gives it, and DER, as bundles hold it. Decides
// nothing about whether a signature is right.

const integerTag = 0x02;
const sequenceTag = 0x30;

/** Bytes of r, and of s, in a signature that has them side by side. */
export const scalarBytes = { 'P-256': 32, 'P-384': 48, 'P-521': 66 } as const;

export type Curve = keyof typeof scalarBytes;

/** A DER SEQUENCE of two INTEGERs from r and s side by side; undefined when the length does not fit the curve. */
export function derFromRaw(raw: Buffer, curve: Curve): Buffer | undefined {
  const bytes = scalarBytes[curve];
  if (raw.length !== 2 * bytes) return undefined;
  const body = Buffer.concat([derInteger(raw.subarray(0, bytes)), derInteger(raw.subarray(bytes))]);
  // P-521 needs the long form: two integers of up to 68 bytes.
  const header = body.length < 0x80 ? [sequenceTag, body.length] : [sequenceTag, 0x81, body.length];
  return Buffer.concat([Buffer.from(header), body]);
}

function derInteger(scalar: Buffer): Buffer {
  let start = 0;
  while (start < scalar.length - 1 && scalar[start] === 0) start += 1;
  const digits = scalar.subarray(start);
  // A leading 1 bit would make it negative.
  const padding = digits[0] >= 0x80 ? [0] : [];
  return Buffer.concat([Buffer.from([integerTag, digits.length + padding.length, ...padding]), digits]);
}
