// Reads DER (X.690) strictly: one encoding for one value, every byte accounted for. Hand-written because the readers at hand
// accept other encodings, ignore what follows, and call themselves for every level; certificates, revocation lists and time
// stamps come from strangers. One call reads one level, so depth is decided by who reads. Must never allocate by a length that
// was not compared with the bytes there.
import { AirlockError } from '../../core/index.ts';

export interface DerElement {
  /** The identifier byte: class, constructed bit, number. */
  readonly tag: number;
  /** The whole element, a view. */
  readonly raw: Buffer;
  /** Without tag and length, a view. */
  readonly content: Buffer;
}

/** The identifier bytes that X.509, CMS and time stamps use. */
export const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  /** A context-specific tag of a value that replaces the type's own (IMPLICIT), not constructed. */
  context: (number: number) => 0x80 + number,
  /** The same, constructed, and what EXPLICIT tags are. */
  contextConstructed: (number: number) => 0xa0 + number,
} as const;

/** A list of revoked certificates in the largest file that is read here has fewer. */
const maxChildren = 200_000;
const longTag = 0x1f;
const constructedBit = 0x20;

/**
 * The one element that `bytes` consists of; `tag` is what it must be. KEY_INVALID when it is not DER: lengths in more bytes
 * than needed or without an end, tags above 30, anything behind the element.
 */
export function readElement(bytes: Buffer, tag: number): DerElement {
  const element = elementAt(bytes, 0);
  if (element.raw.length !== bytes.length) {
    throw derError('something follows the element');
  }
  if (element.tag !== tag) {
    throw derError(`expected the tag ${tag}, got ${element.tag}`);
  }
  return element;
}

/** The elements that a constructed one consists of, one level down, at most 200,000. KEY_INVALID. */
export function childrenOf(element: DerElement): DerElement[] {
  if ((element.tag & constructedBit) === 0) {
    throw derError(`the tag ${element.tag} has no parts`);
  }
  const children: DerElement[] = [];
  for (let at = 0; at < element.content.length; ) {
    if (children.length === maxChildren) {
      throw derError(`an element has more than ${maxChildren} parts`);
    }
    const child = elementAt(element.content, at);
    at += child.raw.length;
    children.push(child);
  }
  return children;
}

function elementAt(bytes: Buffer, start: number): DerElement {
  const tag = bytes[start];
  const first = bytes[start + 1];
  if (tag === undefined || first === undefined) {
    throw derError('it ends early');
  }
  if ((tag & longTag) === longTag || tag === 0) {
    throw derError('it has a tag that is not used here');
  }
  let at = start + 2;
  let length = first;
  if (first >= 0x80) {
    const size = first - 0x80;
    // Four bytes hold more than any file that is read here.
    if (size === 0 || size > 4 || at + size > bytes.length) {
      throw derError('a length cannot be read');
    }
    length = bytes.readUIntBE(at, size);
    if (length < 0x80 || length < 2 ** (8 * (size - 1))) {
      throw derError('a length is longer than needed');
    }
    at += size;
  }
  if (length > bytes.length - at) {
    throw derError('it ends early');
  }
  return { tag, raw: bytes.subarray(start, at + length), content: bytes.subarray(at, at + length) };
}

/** KEY_INVALID: what was read is not what it should be; whoever reads for others gives it their own code. */
export function derError(what: string): AirlockError {
  return new AirlockError('KEY_INVALID', { message: `The DER encoding is not valid: ${what}` });
}
