// Decodes small, untrusted protobuf messages. The library's decoder trusts the field number alone: it reads a known field with
// whatever wire type was sent, and a nested message may run over the end of its parent. TensorFlow's decoder does neither, so such
// bytes could mean one thing here and another there; they are refused before the library sees them.
import { type DescField, type DescMessage, fromBinary, type MessageShape, ScalarType } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import { isAirlockError } from '../core/index.ts';
import { ByteCursor } from './byte-cursor.ts';

/** Field number and wire type of a protobuf field. */
export interface WireTag {
  readonly number: number;
  readonly wireType: WireType;
}

/** Reads a field's tag. Fails with MODEL_INVALID on a number of 0, one past 2^29 - 1, and on groups, which TensorFlow never writes. */
export function readWireTag(cursor: ByteCursor): WireTag {
  const tag = cursor.varint();
  const number = Math.floor(tag / 8);
  const wireType = tag % 8;
  if (number < 1 || number > 0x1fff_ffff) throw cursor.damaged('a field has no valid number');
  if (![WireType.Varint, WireType.Bit64, WireType.LengthDelimited, WireType.Bit32].includes(wireType)) {
    throw cursor.damaged('a field has an unknown wire type');
  }
  return { number, wireType };
}

const fixed32: ReadonlySet<ScalarType> = new Set([ScalarType.FIXED32, ScalarType.SFIXED32, ScalarType.FLOAT]);
const fixed64: ReadonlySet<ScalarType> = new Set([ScalarType.FIXED64, ScalarType.SFIXED64, ScalarType.DOUBLE]);

function wireTypeOf(field: DescField): WireType {
  if (field.message !== undefined) return WireType.LengthDelimited;
  if (field.scalar === undefined) return WireType.Varint;
  if (field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES) return WireType.LengthDelimited;
  if (fixed32.has(field.scalar)) return WireType.Bit32;
  return fixed64.has(field.scalar) ? WireType.Bit64 : WireType.Varint;
}

// An empty message has two bytes and becomes an object of a hundred.
const maxMessages = 100_000;

/** Recursion ends with the descriptors, which are ours and not recursive: the depth does not depend on the bytes. */
function checkFields(schema: DescMessage, cursor: ByteCursor, name: string, budget: { messages: number }): void {
  while (cursor.remaining > 0) {
    const { number, wireType } = readWireTag(cursor);
    const field = schema.fields.find((candidate) => candidate.number === number);
    const packed = field?.fieldKind === 'list' && wireType === WireType.LengthDelimited;
    if (field !== undefined && wireType !== wireTypeOf(field) && !packed) throw cursor.damaged('a field has the wrong wire type');
    if (wireType === WireType.Varint) cursor.skipVarint();
    else if (wireType === WireType.Bit64) cursor.skip(8);
    else if (wireType === WireType.Bit32) cursor.skip(4);
    else {
      const length = cursor.varint();
      const start = cursor.position;
      cursor.skip(length);
      if (field?.message !== undefined) {
        budget.messages--;
        if (budget.messages < 0) throw cursor.damaged('a message has too many parts');
        checkFields(field.message, new ByteCursor(name, cursor.bytes, start, start + length), name, budget);
      }
    }
  }
}

/**
 * The message in `bytes`; fields that `schema` does not declare are passed over and not kept.
 * @throws MODEL_INVALID when the bytes are not a well-formed message of this kind, a string is not UTF-8, or there are more than
 * 100,000 nested messages. The caller bounds the number of bytes.
 */
export function decodeMessage<Schema extends DescMessage>(schema: Schema, bytes: Buffer, name: string): MessageShape<Schema> {
  const cursor = new ByteCursor(name, bytes);
  checkFields(schema, cursor, name, { messages: maxMessages });
  try {
    return fromBinary(schema, bytes, { readUnknownFields: false });
  } catch (thrown) {
    throw isAirlockError(thrown) ? thrown : cursor.damaged('a field cannot be decoded');
  }
}
