// Checks that every offset, vtable, vector and string of a TFLite flatbuffer stays within the file, before anything reads through them. The
// Python and C++ interpreters do not: `tf.lite.Interpreter` 2.21 ends with SIGSEGV on a bad root or vector offset. The rules are those of
// the flatbuffers library's own verifier, with its bound on the number of tables; each visit counts, so that tables which share each other
// cannot make a small file take forever. It never builds anything.
import { AirlockError } from '../../core/index.ts';
import type { PagedBytes } from './paged-bytes.ts';
import { type Field, type FieldType, tableSchema, unionMember } from './schema.ts';
import { sizeInline } from './table.ts';

/** As `flatbuffers::Verifier` has it by default. */
export const maxTables = 1_000_000;
/** Numbers in vectors that are read; a big model has some hundred thousand. */
const maxElements = 16_000_000;

export interface VerifiedFlatbuffer {
  readonly rootOffset: number;
  /** The first byte after everything that was reached. */
  readonly endOffset: number;
  readonly tables: number;
  /** The first value that does not lie at a multiple of its size, which a verifier refuses and x86 reads all the same. */
  readonly misaligned: string | undefined;
}

interface Path {
  readonly parent: Path | undefined;
  readonly label: string;
  readonly index?: number;
}

function pathText(path: Path): string {
  const parts: string[] = [];
  for (let at: Path | undefined = path; at !== undefined; at = at.parent) {
    parts.unshift(at.index === undefined ? at.label : `${at.label}[${at.index}]`);
  }
  return parts.join('.');
}

const fieldLists = new Map<string, readonly { readonly name: string; readonly field: Field }[]>();

function fieldsOf(schemaName: string): readonly { readonly name: string; readonly field: Field }[] {
  let fields = fieldLists.get(schemaName);
  if (fields === undefined) {
    fields = Object.entries(tableSchema(schemaName) ?? {}).map(([name, field]) => ({ name, field }));
    fieldLists.set(schemaName, fields);
  }
  return fields;
}

class Verifier {
  readonly #bytes: PagedBytes;
  endOffset = 8;
  tables = 0;
  misaligned: string | undefined;
  #elements = 0;

  constructor(bytes: PagedBytes) {
    this.#bytes = bytes;
  }

  #bad(path: Path, what: string): AirlockError {
    return new AirlockError('MODEL_INVALID', { message: `${this.#bytes.name}: ${pathText(path)} ${what}` });
  }

  #inside(path: Path, what: string, offset: number, length: number, alignment: number): void {
    if (!this.#bytes.has(offset, length)) {
      throw this.#bad(path, `has ${what} at offset ${offset} with ${length} bytes, and the file has ${this.#bytes.sizeBytes}`);
    }
    if (offset % alignment !== 0) this.misaligned ??= `${pathText(path)} at offset ${offset}`;
    this.endOffset = Math.max(this.endOffset, offset + length);
  }

  /** Offset 0 would lead to itself; one past 2^31 is what a reader with signed offsets takes for a negative one. */
  #follow(path: Path, at: number): number {
    this.#inside(path, 'an offset', at, 4, 4);
    const distance = this.#bytes.u32(at);
    if (distance === 0 || distance >= 2 ** 31) throw this.#bad(path, `has an offset of ${distance} at ${at}`);
    return at + distance;
  }

  #vector(path: Path, at: number, elementBytes: number): { readonly start: number; readonly count: number } {
    const position = this.#follow(path, at);
    this.#inside(path, 'the length of a vector', position, 4, 4);
    const count = this.#bytes.u32(position);
    this.#inside(path, `a vector of ${count}`, position + 4, count * elementBytes, Math.min(elementBytes, 8));
    return { start: position + 4, count };
  }

  #charge(path: Path, count: number): void {
    this.#elements += count;
    if (this.#elements > maxElements) throw this.#bad(path, `makes it more than ${maxElements} numbers and characters to read`);
  }

  #value(path: Path, type: FieldType, at: number): void {
    if (type === 'string') {
      const { start, count } = this.#vector(path, at, 1);
      this.#inside(path, 'the end of a string', start + count, 1, 1);
      if (this.#bytes.u8(start + count) !== 0) throw this.#bad(path, 'is a string without an end');
      this.#charge(path, Math.min(count, 4096));
    } else if (type.startsWith('table:')) {
      this.table(path, type.slice(6), this.#follow(path, at));
    } else if (type.startsWith('[table:')) {
      const { start, count } = this.#vector(path, at, 4);
      const schemaName = type.slice(7, -1);
      for (let index = 0; index < count; index++) {
        const element: Path = { parent: path.parent, label: path.label, index };
        this.table(element, schemaName, this.#follow(element, start + index * 4));
      }
    } else if (type.startsWith('[')) {
      const elementType = type.slice(1, -1) as FieldType;
      const { count } = this.#vector(path, at, sizeInline(elementType));
      if (elementType !== 'u8') this.#charge(path, count);
    } else {
      this.#inside(path, 'a value', at, sizeInline(type), sizeInline(type));
    }
  }

  table(path: Path, schemaName: string, position: number): void {
    if (++this.tables > maxTables) throw this.#bad(path, `makes it more than ${maxTables} tables`);
    this.#inside(path, 'a table', position, 4, 4);
    const vtable = position - this.#bytes.i32(position);
    this.#inside(path, 'a vtable', vtable, 4, 2);
    const vtableBytes = this.#bytes.u16(vtable);
    if (vtableBytes < 4 || vtableBytes % 2 !== 0) throw this.#bad(path, `has a vtable of ${vtableBytes} bytes`);
    this.#inside(path, 'a vtable', vtable, vtableBytes, 2);
    this.endOffset = Math.max(this.endOffset, Math.min(position + this.#bytes.u16(vtable + 2), this.#bytes.sizeBytes));
    const offsetOf = (id: number): number => (4 + id * 2 + 2 > vtableBytes ? 0 : this.#bytes.u16(vtable + 4 + id * 2));
    for (const { name, field } of fieldsOf(schemaName)) {
      const offset = offsetOf(field.id);
      if (offset === 0) continue;
      const fieldPath: Path = { parent: path, label: name };
      if (!field.type.startsWith('union:')) {
        this.#value(fieldPath, field.type, position + offset);
        continue;
      }
      const target = this.#follow(fieldPath, position + offset);
      const typeOffset = offsetOf(field.id - 1);
      if (typeOffset === 0) continue;
      this.#inside(fieldPath, 'a type', position + typeOffset, 1, 1);
      const type = this.#bytes.u8(position + typeOffset);
      const member = unionMember(field.type.slice(6), type);
      if (member !== undefined) this.table(fieldPath, member, target);
    }
  }
}

/** @throws MODEL_INVALID that says which field leads where it must not. */
export function verifyFlatbuffer(bytes: PagedBytes): VerifiedFlatbuffer {
  if (bytes.sizeBytes < 8) throw new AirlockError('MODEL_INVALID', { message: `${bytes.name} is too short for a flatbuffer` });
  const root: Path = { parent: undefined, label: 'model' };
  const rootOffset = bytes.u32(0);
  const verifier = new Verifier(bytes);
  verifier.table(root, 'Model', rootOffset);
  return { rootOffset, endOffset: verifier.endOffset, tables: verifier.tables, misaligned: verifier.misaligned };
}
