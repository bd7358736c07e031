// Writes a message in protobuf's text format, in the layout of Google's own writers: two spaces, fields by number, one per line. The
// library's writer escapes and rounds in its own ways; a schema that people keep under version control must not change by being read.
import { type DescField, type DescMessage, isFieldSet, type MessageShape, ScalarType } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';

const namedEscapes: ReadonlyMap<number, string> = new Map([
  [0x0a, '\\n'],
  [0x0d, '\\r'],
  [0x09, '\\t'],
  [0x22, '\\"'],
  [0x27, "\\'"],
  [0x5c, '\\\\'],
]);

/** Control characters as octal; bytes past ASCII too when they need not be text. */
function quote(bytes: Uint8Array, isUtf8: boolean): string {
  const parts: Buffer[] = [];
  for (const byte of bytes) {
    const named = namedEscapes.get(byte);
    if (named !== undefined) parts.push(Buffer.from(named));
    else if (byte < 0x20 || byte === 0x7f || (byte > 0x7f && !isUtf8))
      parts.push(Buffer.from(`\\${byte.toString(8).padStart(3, '0')}`));
    else parts.push(Buffer.of(byte));
  }
  return `"${Buffer.concat(parts).toString('utf8')}"`;
}

function floatText(value: number, isFloat32: boolean): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  let shortest = value;
  // The fewest digits, from six on, that give the same float32; nine always do.
  for (let digits = 6; isFloat32 && digits <= 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) !== value) continue;
    shortest = short;
    break;
  }
  // As Python writes it, which TFDV is used from: exponents from 1e16 on and below 1e-4, of two digits at least.
  const size = Math.abs(shortest);
  if (size !== 0 && (size >= 1e16 || size < 1e-4)) return shortest.toExponential().replace(/([+-])(\d)$/, '$10$2');
  const text = String(shortest);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

function scalarText(field: DescField, value: unknown): string {
  if (field.enum !== undefined) return field.enum.value[Number(value)]?.name ?? String(value);
  if (typeof value === 'string') return quote(Buffer.from(value), true);
  if (value instanceof Uint8Array) return quote(value, false);
  if (typeof value === 'number' && (field.scalar === ScalarType.FLOAT || field.scalar === ScalarType.DOUBLE))
    return floatText(value, field.scalar === ScalarType.FLOAT);
  return String(value);
}

/** Recursion ends with the descriptors, which are ours and never contain themselves. */
function writeMessage(message: ReflectMessage, indent: string, lines: string[]): void {
  for (const field of message.sortedFields) {
    if (!isFieldSet(message.message, field)) continue;
    const value: unknown = message.get(field);
    const values: Iterable<unknown> = field.fieldKind === 'list' ? message.get(field) : [value];
    for (const item of values) {
      if (field.message === undefined) lines.push(`${indent}${field.name}: ${scalarText(field, item)}`);
      else {
        lines.push(`${indent}${field.name} {`);
        writeMessage(item as ReflectMessage, `${indent}  `, lines);
        lines.push(`${indent}}`);
      }
    }
  }
}

/** `message` as text that every reader of protobuf's text format takes; ends with a newline unless it is empty. Maps are not supported. */
export function formatTextProto<Desc extends DescMessage>(desc: Desc, message: MessageShape<Desc>): string {
  const lines: string[] = [];
  writeMessage(reflect(desc, message), '', lines);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
