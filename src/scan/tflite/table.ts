// Reads one flatbuffer table by its schema, after the verifier has been over it. It never follows an offset without looking where it leads:
// what reads through it stays within the file whatever the bytes say, and a field that does not fit reads as absent.
import type { PagedBytes } from './paged-bytes.ts';
import { type Field, type FieldType, tableSchema, unionMember } from './schema.ts';

const inlineBytes: Readonly<Record<string, number>> = {
  bool: 1,
  i8: 1,
  u8: 1,
  u16: 2,
  i32: 4,
  u32: 4,
  i64: 8,
  u64: 8,
  f32: 4,
};

/** Bytes that one value takes where it stands; 4 for everything that is an offset. */
export function sizeInline(type: FieldType): number {
  return inlineBytes[type] ?? 4;
}

/** Names longer than this are cut. */
const maxStringBytes = 4096;

export interface ByteRange {
  readonly offset: number;
  readonly sizeBytes: number;
}

export class Table {
  readonly bytes: PagedBytes;
  readonly position: number;
  readonly schemaName: string;

  constructor(bytes: PagedBytes, schemaName: string, position: number) {
    this.bytes = bytes;
    this.schemaName = schemaName;
    this.position = position;
  }

  #at(name: string): { readonly field: Field; readonly offset: number } | undefined {
    const field = tableSchema(this.schemaName)?.[name];
    if (field === undefined) return undefined;
    const vtable = this.position - this.bytes.i32(this.position);
    if (4 + field.id * 2 + 2 > this.bytes.u16(vtable)) return undefined;
    const offset = this.bytes.u16(vtable + 4 + field.id * 2);
    return offset === 0 ? undefined : { field, offset: this.position + offset };
  }

  #scalar(type: FieldType, offset: number): number {
    switch (type) {
      case 'bool':
      case 'u8':
        return this.bytes.u8(offset);
      case 'i8':
        return this.bytes.i8(offset);
      case 'u16':
        return this.bytes.u16(offset);
      case 'i32':
        return this.bytes.i32(offset);
      case 'u32':
        return this.bytes.u32(offset);
      case 'i64':
        return this.bytes.i64(offset);
      case 'u64':
        return this.bytes.u64(offset);
      default:
        return this.bytes.f32(offset);
    }
  }

  has(name: string): boolean {
    return this.#at(name) !== undefined;
  }

  /** The field, or `fallback` (the schema's default) when it is not there. */
  number(name: string, fallback = 0): number {
    const at = this.#at(name);
    return at === undefined ? fallback : this.#scalar(at.field.type, at.offset);
  }

  /** Where the content of a string or of a vector lies, with the number of elements. */
  range(name: string): (ByteRange & { readonly count: number }) | undefined {
    const at = this.#at(name);
    if (at === undefined) return undefined;
    const start = at.offset + this.bytes.u32(at.offset);
    const count = this.bytes.u32(start);
    const elementBytes = at.field.type === 'string' ? 1 : sizeInline(at.field.type.slice(1, -1) as FieldType);
    return { offset: start + 4, sizeBytes: count * elementBytes, count };
  }

  string(name: string): string | undefined {
    const range = this.range(name);
    if (range === undefined) return undefined;
    return this.bytes.bytes(range.offset, Math.min(range.sizeBytes, maxStringBytes)).toString('utf8');
  }

  /** Numbers of a vector; undefined when the field is absent. */
  numbers(name: string): readonly number[] | undefined {
    const range = this.range(name);
    if (range === undefined) return undefined;
    const type = (tableSchema(this.schemaName)?.[name]?.type.slice(1, -1) ?? 'u8') as FieldType;
    const size = sizeInline(type);
    return Array.from({ length: range.count }, (_, index) => this.#scalar(type, range.offset + index * size));
  }

  /** Bytes of a vector of bytes, at most `maxBytes`. */
  blob(name: string, maxBytes: number): Buffer | undefined {
    const range = this.range(name);
    return range === undefined ? undefined : this.bytes.bytes(range.offset, Math.min(range.sizeBytes, maxBytes));
  }

  table(name: string): Table | undefined {
    const at = this.#at(name);
    if (at === undefined || !at.field.type.startsWith('table:')) return undefined;
    return new Table(this.bytes, at.field.type.slice(6), at.offset + this.bytes.u32(at.offset));
  }

  tables(name: string): readonly Table[] {
    const range = this.range(name);
    const type = tableSchema(this.schemaName)?.[name]?.type ?? '';
    if (range === undefined || !type.startsWith('[table:')) return [];
    const schemaName = type.slice(7, -1);
    return Array.from({ length: range.count }, (_, index) => {
      const at = range.offset + index * 4;
      return new Table(this.bytes, schemaName, at + this.bytes.u32(at));
    });
  }

  /** The table in a union; undefined when there is none or when nothing in it can be read. */
  union(name: string): Table | undefined {
    const at = this.#at(name);
    if (at === undefined || !at.field.type.startsWith('union:')) return undefined;
    const member = unionMember(at.field.type.slice(6), this.number(`${name}Type`));
    if (member === undefined || member === '-') return undefined;
    return new Table(this.bytes, member, at.offset + this.bytes.u32(at.offset));
  }
}
