// The header of an .npy file (NEP 1, numpy/lib/format.py): a Python dictionary as text. numpy itself reads it with ast.literal_eval; here
// it is one fixed grammar with three known keys. Object arrays are pickles, and a pickle is a program: they are refused by name, before
// any byte of their data is looked at.
import type { DType } from '../../tensor/index.ts';
import { datasetError } from './dataset-error.ts';

/** How elements lie in the file. */
export type NpyElement =
  | {
      readonly kind: 'number';
      readonly dtype: Exclude<DType, 'DT_STRING'>;
      readonly itemBytes: number;
      readonly bigEndian: boolean;
    }
  /** Byte strings (`S`) and UCS-4 text (`U`), padded with zeros to `itemBytes`. */
  | { readonly kind: 'bytes' | 'ucs4'; readonly itemBytes: number; readonly bigEndian: boolean };

export interface NpyHeader {
  readonly element: NpyElement;
  readonly shape: readonly number[];
  /** Where the data begins. */
  readonly dataOffset: number;
}

/** More than numpy's own 10,000: `max_header_size` of its reader is a guard against slow parsing, which this parser does not have. */
const maxHeaderBytes = 65_536;
const maxRank = 32;
const magic = Buffer.from('\x93NUMPY', 'latin1');

/** Bytes that tell how long the header is. */
export const npyPreludeBytes = 12;

const numbers: Readonly<Record<string, Exclude<DType, 'DT_STRING'>>> = {
  b1: 'DT_BOOL',
  i1: 'DT_INT8',
  i2: 'DT_INT16',
  i4: 'DT_INT32',
  i8: 'DT_INT64',
  u1: 'DT_UINT8',
  u2: 'DT_UINT16',
  u4: 'DT_UINT32',
  u8: 'DT_UINT64',
  f2: 'DT_HALF',
  f4: 'DT_FLOAT',
  f8: 'DT_DOUBLE',
  c8: 'DT_COMPLEX64',
  c16: 'DT_COMPLEX128',
};

export function isNpy(bytes: Uint8Array): boolean {
  return bytes.length >= magic.length && magic.equals(bytes.subarray(0, magic.length));
}

/** Where the data begins, from the first 12 bytes. @throws DATASET_INVALID */
export function npyDataOffset(prelude: Buffer, column?: string): number {
  const place = { column };
  if (prelude.length < npyPreludeBytes || !isNpy(prelude)) throw datasetError(place, 'an .npy file', 'other bytes');
  const [major, minor] = [prelude[6], prelude[7]];
  if (minor !== 0 || major < 1 || major > 3) throw datasetError(place, 'version 1.0, 2.0 or 3.0 of .npy', `${major}.${minor}`);
  const start = major === 1 ? 10 : 12;
  const length = major === 1 ? prelude.readUInt16LE(8) : prelude.readUInt32LE(8);
  if (length > maxHeaderBytes) throw datasetError(place, `a header of at most ${maxHeaderBytes} bytes`, `${length} bytes`);
  return start + length;
}

/** Reads the header from all bytes before the data. @throws DATASET_INVALID, also for object and structured arrays, by name. */
export function readNpyHeader(head: Buffer, column?: string): NpyHeader {
  const dataOffset = npyDataOffset(head, column);
  if (head.length < dataOffset) throw datasetError({ column }, 'a whole header', 'the end of the file');
  const start = head[6] === 1 ? 10 : 12;
  const fields = new HeaderText(head.toString(head[6] === 3 ? 'utf8' : 'latin1', start, dataOffset), column).read();
  if (fields.fortranOrder && fields.shape.length > 1)
    throw datasetError({ column }, 'rows one after the other (numpy.ascontiguousarray)', 'fortran_order: True');
  return { element: elementOf(fields.descr, column), shape: fields.shape, dataOffset };
}

function elementOf(descr: string, column: string | undefined): NpyElement {
  const match = /^([<>|=])?([a-zA-Z])(\d{1,9})?$/.exec(descr);
  const refuse = (got: string) => datasetError({ column }, 'an array of numbers, booleans or strings', got);
  if (match === null) throw refuse(`dtype ${descr}`);
  const [, order, letter, digits] = match;
  if (letter === 'O') throw refuse('an object array, whose data is a Python pickle: loading it would run code');
  // numpy writes `=` never; it would mean the byte order of a machine that is not here.
  const bigEndian = order === '>';
  if (order === '=') throw refuse(`dtype ${descr}`);
  if (letter === 'S' || letter === 'U') {
    const itemBytes = Number(digits ?? Number.NaN) * (letter === 'U' ? 4 : 1);
    if (!Number.isSafeInteger(itemBytes)) throw refuse(`dtype ${descr}`);
    return { kind: letter === 'S' ? 'bytes' : 'ucs4', itemBytes, bigEndian };
  }
  const dtype = Object.hasOwn(numbers, letter + digits) ? numbers[letter + digits] : undefined;
  if (dtype === undefined) throw refuse(`dtype ${descr}`);
  if (order === undefined && digits !== '1') throw refuse(`dtype ${descr} without a byte order`);
  return { kind: 'number', dtype, itemBytes: Number(digits), bigEndian };
}

interface HeaderFields {
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

/** `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }` and nothing else; spaces where numpy may put them. */
class HeaderText {
  readonly #text: string;
  readonly #column: string | undefined;
  #at = 0;

  constructor(text: string, column: string | undefined) {
    this.#text = text;
    this.#column = column;
  }

  read(): HeaderFields {
    let descr: string | undefined;
    let fortranOrder: boolean | undefined;
    let shape: readonly number[] | undefined;
    this.#expect('{');
    while (!this.#accept('}')) {
      const key = this.#string();
      this.#expect(':');
      if (key === 'descr' && descr === undefined) descr = this.#descr();
      else if (key === 'fortran_order' && fortranOrder === undefined) fortranOrder = this.#boolean();
      else if (key === 'shape' && shape === undefined) shape = this.#tuple();
      else throw this.#error('the keys descr, fortran_order and shape, once each');
      if (!this.#accept(',')) {
        this.#expect('}');
        break;
      }
    }
    if (/[^ \n]/.test(this.#text.slice(this.#at))) throw this.#error('the end of the header');
    if (descr === undefined || fortranOrder === undefined || shape === undefined)
      throw this.#error('the keys descr, fortran_order and shape');
    return { descr, fortranOrder, shape };
  }

  #descr(): string {
    this.#spaces();
    if (this.#text[this.#at] === '[') throw datasetError({ column: this.#column }, 'an array of one type', 'a structured array');
    return this.#string();
  }

  #spaces(): void {
    while (this.#text[this.#at] === ' ') this.#at++;
  }

  #accept(character: string): boolean {
    this.#spaces();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#accept(character)) throw this.#error(character);
  }

  #string(): string {
    this.#spaces();
    const quote = this.#text[this.#at];
    const end = quote === "'" || quote === '"' ? this.#text.indexOf(quote, this.#at + 1) : -1;
    if (end < 0) throw this.#error('a string');
    const value = this.#text.slice(this.#at + 1, end);
    if (value.length > 64 || value.includes('\\')) throw this.#error('a short string without escapes');
    this.#at = end + 1;
    return value;
  }

  #boolean(): boolean {
    this.#spaces();
    for (const word of ['True', 'False']) {
      if (!this.#text.startsWith(word, this.#at)) continue;
      this.#at += word.length;
      return word === 'True';
    }
    throw this.#error('True or False');
  }

  #tuple(): readonly number[] {
    const sizes: number[] = [];
    this.#expect('(');
    while (!this.#accept(')')) {
      this.#spaces();
      const digits = /^(?:0|[1-9]\d{0,15})/.exec(this.#text.slice(this.#at, this.#at + 17))?.[0];
      if (digits === undefined || !Number.isSafeInteger(Number(digits))) throw this.#error('a size');
      if (sizes.length === maxRank) throw this.#error(`at most ${maxRank} dimensions`);
      this.#at += digits.length;
      // Python 2 wrote `3L`.
      if (this.#text[this.#at] === 'L') this.#at++;
      sizes.push(Number(digits));
      if (!this.#accept(',')) {
        this.#expect(')');
        break;
      }
    }
    return sizes;
  }

  #error(expected: string) {
    return datasetError({ column: this.#column }, `${expected} in the header of .npy`, this.#text.slice(this.#at, this.#at + 20));
  }
}
