// The `traceparent` header of W3C Trace Context (https://www.w3.org/TR/trace-context/, level 1). It is a client's text: what does not match to the letter is as if it had not
// been sent, and of what matches only the two identifiers and one flag are taken. `tracestate` is free text of a client and is never read.

export interface TraceParent {
  /** 32 hex digits, lower case, not all 0. */
  readonly traceId: string;
  /** 16 hex digits, lower case, not all 0. */
  readonly spanId: string;
  readonly isSampled: boolean;
}

/** Version 00 is exactly so long; a later one may go on behind a further hyphen. */
const lengthOfVersion0 = 55;
const maxChars = 512;
const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;
const onlyZeros = /^0+$/;

/** Undefined for what is not there or not valid. A header that was sent twice arrives as one text with a comma, and is not valid. */
export function parseTraceParent(header: string | readonly string[] | undefined): TraceParent | undefined {
  if (typeof header !== 'string' || header.length < lengthOfVersion0 || header.length > maxChars) return undefined;
  const match = pattern.exec(header);
  if (match === null) return undefined;
  const [, version, traceId, spanId, flags] = match;
  if (version === 'ff' || (version === '00' && header.length !== lengthOfVersion0)) return undefined;
  if (onlyZeros.test(traceId) || onlyZeros.test(spanId)) return undefined;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}
