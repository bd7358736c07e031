// Decodes untrusted protobuf messages. The library's decoder trusts the field number alone: it reads a known field with
// whatever wire type was sent, and a nested message may run over the end of its parent. TensorFlow's decoder does neither, so such
// bytes could mean one thing here and another there; they are refused before the library sees them.
import { type DescField, type DescMessage, fromBinary, type MessageShape, ScalarType } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import { isAirlockError, WireReader } from '../core/index.ts';

const fixed32: ReadonlySet<ScalarType> = new Set([ScalarType.FIXED32, ScalarType.SFIXED32, ScalarType.FLOAT]);
const fixed64: ReadonlySet<ScalarType> = new Set([ScalarType.FIXED64, ScalarType.SFIXED64, ScalarType.DOUBLE]);

function wireTypeOf(field: DescField): WireType {
  if (field.message !== undefined) return WireType.LengthDelimited;
  if (field.scalar === undefined) return WireType.Varint;
  if (field.scalar === ScalarType.STRING || field.scalar === ScalarType.BYTES) return WireType.LengthDelimited;
  if (fixed32.has(field.scalar)) return WireType.Bit32;
  return fixed64.has(field.scalar) ? WireType.Bit64 : WireType.Varint;
}

/** What a message may become in memory, and how deep it may nest. */
export interface DecodeLimits {
  /** Nested messages, and unknown fields where they are kept. An empty one has two bytes and becomes an object of a hundred. */
  readonly maxMessages: number;
  /** Elements of repeated numbers and strings, of which one byte may become thirty. */
  readonly maxElements: number;
  /** Messages inside each other. TensorFlow's own decoder ends at 100, and so does the library's. */
  readonly maxDepth: number;
  /** Keeps fields that the schema does not declare, for a message that is written again. */
  readonly keepUnknown: boolean;
}

const smallMessage: DecodeLimits = {
  maxMessages: 100_000,
  maxElements: Number.MAX_SAFE_INTEGER,
  maxDepth: 100,
  keepUnknown: false,
};

type FieldTable = ReadonlyMap<number, DescField>;
const fieldTables = new WeakMap<DescMessage, FieldTable>();

function fieldTable(schema: DescMessage): FieldTable {
  let table = fieldTables.get(schema);
  if (table === undefined) {
    table = new Map(schema.fields.map((field) => [field.number, field]));
    fieldTables.set(schema, table);
  }
  return table;
}

interface Budget {
  readonly limits: DecodeLimits;
  messages: number;
  elements: number;
}

function spend(budget: Budget, field: DescField | undefined, contentBytes: number, reader: WireReader): void {
  if (field?.message !== undefined || (field === undefined && budget.limits.keepUnknown)) budget.messages--;
  else if (field?.fieldKind === 'list') {
    const wireType = wireTypeOf(field);
    // A packed list has one element per number, which takes at least one byte.
    const elementBytes = wireType === WireType.Bit64 ? 8 : wireType === WireType.Bit32 ? 4 : 1;
    budget.elements -= wireType === WireType.LengthDelimited ? 1 : Math.max(1, Math.ceil(contentBytes / elementBytes));
  }
  if (budget.messages < 0 || budget.elements < 0) throw reader.damaged('a message has too many parts');
}

/** `depth` levels lie above this one. A schema may contain itself (an attribute that names a function that has attributes). */
function checkFields(schema: DescMessage, reader: WireReader, depth: number, budget: Budget): void {
  const fields = fieldTable(schema);
  while (reader.next()) {
    const { wireType } = reader;
    const field = fields.get(reader.field);
    const packed = field?.fieldKind === 'list' && wireType === WireType.LengthDelimited;
    if (field !== undefined && wireType !== wireTypeOf(field) && !packed) throw reader.damaged('a field has the wrong wire type');
    spend(budget, field, wireType === WireType.LengthDelimited ? reader.end - reader.start : 0, reader);
    if (field?.message === undefined) continue;
    if (depth + 1 >= budget.limits.maxDepth) throw reader.damaged('its messages are nested too deep');
    const outer = reader.enterField();
    checkFields(field.message, reader, depth + 1, budget);
    reader.leave(outer);
  }
}

/**
 * The message in `bytes`; fields that `schema` does not declare are passed over and, by default, not kept.
 * @throws MODEL_INVALID when the bytes are not a well-formed message of this kind, a string is not UTF-8, or a limit is passed (default:
 * 100,000 nested messages, 100 levels). The caller bounds the number of bytes.
 */
export function decodeMessage<Schema extends DescMessage>(
  schema: Schema,
  bytes: Buffer,
  name: string,
  limits: DecodeLimits = smallMessage,
): MessageShape<Schema> {
  const reader = new WireReader(bytes, name);
  checkFields(schema, reader, 0, { limits, messages: limits.maxMessages, elements: limits.maxElements });
  try {
    return fromBinary(schema, bytes, { readUnknownFields: limits.keepUnknown, recursionLimit: limits.maxDepth });
  } catch (thrown) {
    throw isAirlockError(thrown) ? thrown : reader.damaged('a field cannot be decoded');
  }
}
