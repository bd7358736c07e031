// The data of an .npy file as rows: takes pieces of bytes as they come and gives columns of whole rows. It holds one batch, however large
// the file says that it is, and checks at the end that there was exactly as much data as the header declares.
import { elementCount } from '../../tensor/index.ts';
import { datasetError } from './dataset-error.ts';
import { batchBytes, batchRows, type Column, type ColumnValues, type DatasetLimits } from './dataset-types.ts';
import type { NpyElement, NpyHeader } from './npy-header.ts';
import { type TypedArray, typedArrayOf } from './typed-array.ts';

/** Rows without any bytes, such as those of shape [n, 0]: the file says how many there are and pays for none of them. */
const maxEmptyRows = 10_000;

export class NpyRows {
  readonly name: string;
  /** Rows in all; 1 for an array without dimensions. */
  readonly rows: number;
  readonly itemShape: readonly number[];
  readonly #element: NpyElement;
  readonly #itemElements: number;
  readonly #rowBytes: number;

  /** @throws DATASET_INVALID when a row passes the limits, and for more than 10,000 rows that have no bytes. */
  constructor(name: string, { element, shape }: NpyHeader, limits: DatasetLimits) {
    this.name = name;
    this.#element = element;
    this.rows = shape.length === 0 ? 1 : shape[0];
    this.itemShape = shape.slice(1);
    this.#itemElements = elementCount(this.itemShape);
    this.#rowBytes = this.#itemElements * element.itemBytes;
    if (!(this.#itemElements <= limits.maxValues) || this.#rowBytes > limits.maxRecordBytes)
      throw datasetError({ column: name }, `rows of at most ${limits.maxRecordBytes} bytes`, `shape [${shape.join(', ')}]`);
    if (this.#rowBytes === 0 && this.rows > maxEmptyRows)
      throw datasetError({ column: name }, `at most ${maxEmptyRows} rows without bytes`, `shape [${shape.join(', ')}]`);
    if (!Number.isSafeInteger(this.rows * this.#rowBytes))
      throw datasetError({ column: name }, 'a size that fits 2^53', `shape [${shape.join(', ')}]`);
  }

  get dataBytes(): number {
    return this.rows * this.#rowBytes;
  }

  /** Rows that make a batch of sensible size. */
  get rowsPerBatch(): number {
    return Math.max(1, Math.min(batchRows, this.#rowBytes === 0 ? batchRows : Math.floor(batchBytes / this.#rowBytes)));
  }

  bytesOf(rows: number): number {
    return rows * this.#rowBytes;
  }

  /** The column of `rows` rows that lie in `bytes`; `firstRecord` is for messages. */
  column(bytes: Buffer, rows: number, firstRecord: number): Column {
    const values =
      this.#element.kind === 'number'
        ? numberValues(this.#element, bytes, (index) => this.#place(firstRecord, index))
        : stringValues(this.#element, bytes, rows * this.#itemElements, (index) => this.#place(firstRecord, index));
    return { name: this.name, rows, missing: undefined, itemShape: this.itemShape, values };
  }

  #place(firstRecord: number, index: number) {
    return { record: firstRecord + Math.floor(index / Math.max(1, this.#itemElements)), column: this.name };
  }
}

type PlaceOf = (index: number) => { readonly record: number; readonly column: string };

function numberValues(element: Extract<NpyElement, { kind: 'number' }>, bytes: Buffer, placeOf: PlaceOf): ColumnValues {
  const { dtype, itemBytes, bigEndian } = element;
  // A copy: typed arrays need their elements aligned, and the pieces of a file are not.
  const own = new Uint8Array(bytes.length);
  own.set(bytes);
  const swapBytes = dtype === 'DT_COMPLEX64' || dtype === 'DT_COMPLEX128' ? itemBytes / 2 : itemBytes;
  if (bigEndian && swapBytes > 1) {
    const view = Buffer.from(own.buffer);
    if (swapBytes === 2) view.swap16();
    else if (swapBytes === 4) view.swap32();
    else view.swap64();
  }
  if (dtype === 'DT_BOOL') {
    const bad = own.findIndex((byte) => byte > 1);
    if (bad >= 0) throw datasetError(placeOf(bad), 'booleans as bytes 0 and 1', `byte ${own[bad]}`);
  }
  const data: TypedArray = typedArrayOf(dtype, own);
  return { kind: 'numbers', dtype, data };
}

function stringValues(element: NpyElement, bytes: Buffer, count: number, placeOf: PlaceOf): ColumnValues {
  const { itemBytes } = element;
  const offsets = new Uint32Array(count + 1);
  // UTF-8 takes at most the four bytes per character that UCS-4 takes.
  const target = Buffer.allocUnsafeSlow(bytes.length);
  let size = 0;
  for (let index = 0; index < count; index++) {
    const item = bytes.subarray(index * itemBytes, (index + 1) * itemBytes);
    if (element.kind === 'bytes') {
      let end = item.length;
      while (end > 0 && item[end - 1] === 0) end--;
      size += item.copy(target, size, 0, end);
    } else {
      let end = item.length;
      while (end > 0 && item.readUInt32LE(end - 4) === 0) end -= 4;
      for (let at = 0; at < end; at += 4) {
        const code = element.bigEndian ? item.readUInt32BE(at) : item.readUInt32LE(at);
        if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
          throw datasetError(placeOf(index), 'Unicode characters', `code ${code}`);
        size += target.write(String.fromCodePoint(code), size, 'utf8');
      }
    }
    offsets[index + 1] = size;
  }
  return { kind: 'strings', bytes: target.subarray(0, size), offsets };
}
