// Collects the values of one column until a batch is full. One builder per column and batch; what it gave away it does not touch again.
import { type Column, type ColumnValues, jsonTypes, type RaggedShapes } from './dataset-types.ts';

export type JsonType = (typeof jsonTypes)[keyof typeof jsonTypes];

/** Which records have a value, and of which shape. */
class RecordShapes {
  rows = 0;
  #absent: number[] = [];
  #shapes: (readonly number[])[] = [];
  #isRegular = true;

  present(shape: readonly number[]): void {
    this.rows++;
    const [first] = this.#shapes;
    if (first !== undefined && this.#isRegular && first !== shape && !sameShape(first, shape)) this.#isRegular = false;
    this.#shapes.push(shape);
  }

  absent(): void {
    this.#absent.push(this.rows);
    this.rows++;
  }

  get missing(): Uint8Array | undefined {
    if (this.#absent.length === 0) return undefined;
    const mask = new Uint8Array(this.rows);
    for (const row of this.#absent) mask[row] = 1;
    return mask;
  }

  get itemShape(): readonly number[] | RaggedShapes {
    return this.#isRegular ? (this.#shapes[0] ?? []) : { perRecord: this.#shapes };
  }
}

/** Text of numbers and strings, see `ColumnValues`. */
export class TextColumnBuilder {
  readonly name: string;
  readonly #isJson: boolean;
  readonly #shapes = new RecordShapes();
  readonly #cells: string[] = [];
  readonly #types: number[] = [];

  constructor(name: string, isJson: boolean) {
    this.name = name;
    this.#isJson = isJson;
  }

  get rows(): number {
    return this.#shapes.rows;
  }

  value(text: string, type: JsonType = jsonTypes.string): void {
    this.#cells.push(text);
    if (this.#isJson) this.#types.push(type);
  }

  /** Ends a record whose values have been given. */
  endRecord(shape: readonly number[]): void {
    this.#shapes.present(shape);
  }

  missing(): void {
    this.#shapes.absent();
  }

  build(): Column {
    const values: ColumnValues = this.#isJson
      ? { kind: 'json', cells: this.#cells, types: Uint8Array.from(this.#types) }
      : { kind: 'cells', cells: this.#cells };
    const { rows, missing, itemShape } = this.#shapes;
    return { name: this.name, rows, missing, itemShape, values };
  }
}

/** Byte strings. */
export class BytesColumnBuilder {
  readonly name: string;
  readonly #shapes = new RecordShapes();
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(name: string) {
    this.name = name;
  }

  get rows(): number {
    return this.#shapes.rows;
  }

  get byteLength(): number {
    return this.#bytes;
  }

  /** Keeps `part`, which nobody may change afterwards. */
  value(part: Uint8Array): void {
    this.#parts.push(part);
    this.#bytes += part.length;
  }

  endRecord(shape: readonly number[]): void {
    this.#shapes.present(shape);
  }

  missing(): void {
    this.#shapes.absent();
  }

  build(): Column {
    const bytes = new Uint8Array(this.#bytes);
    const offsets = new Uint32Array(this.#parts.length + 1);
    for (const [index, part] of this.#parts.entries()) {
      bytes.set(part, offsets[index]);
      offsets[index + 1] = offsets[index] + part.length;
    }
    const { rows, missing, itemShape } = this.#shapes;
    return { name: this.name, rows, missing, itemShape, values: { kind: 'strings', bytes, offsets } };
  }
}

export function sameShape(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((size, index) => size === other[index]);
}
