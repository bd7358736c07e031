// Values of a data set as elements of a model's input. Whatever would lose something is refused with its record: a fraction for an
// integer, a number outside its type, text for a number. What a server would take as JSON is taken here, and nothing more.
import { integerRange } from '../../contract/index.ts';
import { type DType, dtypes, halfValue, nearestFloat32, type Tensor, tensorFromValue } from '../../tensor/index.ts';
import { datasetError } from './dataset-error.ts';
import { type Column, type ColumnValues, jsonTypes } from './dataset-types.ts';
import { bytesOfArray, type TypedArray, typedArrayOf } from './typed-array.ts';

/** Where element `index` came from. */
export type PlaceOf = (index: number) => { readonly record: number; readonly column: string };

/** The elements of a column as a flat tensor of `dtype`. @throws DATASET_INVALID */
export function convertColumn(column: Column, dtype: DType, firstRecord: number): Tensor {
  const placeOf = placesOf(column, firstRecord);
  const { values } = column;
  switch (values.kind) {
    case 'numbers':
      return convertNumbers(values, dtype, placeOf);
    case 'strings':
      if (dtype !== 'DT_STRING') throw datasetError({ column: column.name }, dtype, 'strings');
      return { dtype, shape: [values.offsets.length - 1], bytes: values.bytes, offsets: values.offsets };
    default:
      return dtype === 'DT_STRING' ? convertText(values, placeOf) : convertLexemes(values, dtype, placeOf);
  }
}

function placesOf(column: Column, firstRecord: number): PlaceOf {
  return (index) => {
    const { itemShape, missing, rows, name } = column;
    let left = index;
    let present = 0;
    for (let row = 0; row < rows; row++) {
      if (missing?.[row] === 1) continue;
      const shape = 'perRecord' in itemShape ? itemShape.perRecord[present] : itemShape;
      left -= shape.reduce((product, size) => product * size, 1);
      if (left < 0) return { record: firstRecord + row, column: name };
      present++;
    }
    return { record: firstRecord, column: name };
  };
}

function convertText(values: Extract<ColumnValues, { kind: 'cells' | 'json' }>, placeOf: PlaceOf): Tensor {
  const { cells } = values;
  const offsets = new Uint32Array(cells.length + 1);
  const parts = cells.map((cell, index) => {
    const type = values.kind === 'json' ? values.types[index] : jsonTypes.string;
    if (type !== jsonTypes.string && type !== jsonTypes.bytes) throw datasetError(placeOf(index), 'a string', cell);
    const part = Buffer.from(cell, type === jsonTypes.bytes ? 'latin1' : 'utf8');
    offsets[index + 1] = offsets[index] + part.length;
    return part;
  });
  return { dtype: 'DT_STRING', shape: [cells.length], bytes: Buffer.concat(parts), offsets };
}

const integerText = /^(?:0|-?[1-9][0-9]*)$/;
const numberText = /^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$/;
/** Numbers as spreadsheets and Python write them, beyond JSON's grammar: `+1`, `.5`, `5.`, `007`. */
const looseNumber = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const maxNumberChars = 1024;
const booleans: Readonly<Record<string, number>> = { true: 1, false: 0, True: 1, False: 0, TRUE: 1, FALSE: 0, '1': 1, '0': 0 };
const nonFinite: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

function convertLexemes(
  values: Extract<ColumnValues, { kind: 'cells' | 'json' }>,
  dtype: Exclude<DType, 'DT_STRING'>,
  placeOf: PlaceOf,
): Tensor {
  const { cells } = values;
  const types = values.kind === 'json' ? values.types : undefined;
  const data = typedArrayOf(dtype, new Uint8Array(cells.length * dtypes[dtype].itemBytes));
  const { kind } = dtypes[dtype];
  if (kind === 'complex') throw datasetError(placeOf(0), 'numbers of a type that text has', dtype);
  const range = kind === 'int' ? integerRange(dtype) : undefined;
  for (let index = 0; index < cells.length; index++) {
    const cell = cells[index];
    const type = types?.[index];
    if (kind === 'bool') {
      const isRight = type === undefined ? Object.hasOwn(booleans, cell) : type === jsonTypes.boolean;
      if (!isRight) throw datasetError(placeOf(index), 'true or false', cell);
      data[index] = booleans[cell];
    } else if (type !== undefined && type !== jsonTypes.number && type !== jsonTypes.nonFinite) {
      throw datasetError(placeOf(index), `a number for ${dtype}`, cell);
    } else if (range !== undefined) {
      data[index] = integerOf(cell, dtype, range, () => placeOf(index));
    } else {
      data[index] = floatOf(cell, dtype, type === jsonTypes.nonFinite, () => placeOf(index));
    }
  }
  return { dtype, shape: [cells.length], bytes: bytesOfArray(data) };
}

type IntegerRange = ReturnType<typeof integerRange>;

function integerOf(text: string, dtype: DType, { min, max }: IntegerRange, place: () => ReturnType<PlaceOf>): number | bigint {
  if (text.length > maxNumberChars || !integerText.test(text)) {
    throw datasetError(place(), `a whole number for ${dtype}, without a point${hint(text)}`, text);
  }
  const small = text.length < 16 ? Number(text) : undefined;
  const value = small ?? BigInt(text);
  if (value < min || value > max) throw datasetError(place(), `a number inside ${dtype}`, text);
  return dtypes[dtype].itemBytes === 8 ? BigInt(value) : Number(value);
}

function floatOf(text: string, dtype: DType, isWord: boolean, place: () => ReturnType<PlaceOf>): number {
  if (isWord) return narrow(nonFinite[text], dtype);
  if (text.length > maxNumberChars || !numberText.test(text)) {
    if (text.length > maxNumberChars || !looseNumber.test(text))
      throw datasetError(place(), `a number for ${dtype}${hint(text)}`, text);
  }
  const value = dtype === 'DT_FLOAT' && numberText.test(text) ? nearestFloat32(text) : Number(text);
  const bits = narrow(value, dtype);
  if (!Number.isFinite(value) || isInfinite(bits, dtype)) throw datasetError(place(), `a number inside ${dtype}`, text);
  return bits;
}

function hint(text: string): string {
  const isName = text === '' || /^(nan|na|n\/a|null|none|nil|-)$/i.test(text);
  return isName ? ` (if this means that a value is missing, say so: --missing '${text}')` : '';
}

/** What the typed array of `dtype` holds for `value`: itself, or the bits of the narrow types. */
function narrow(value: number, dtype: DType): number {
  if (dtype !== 'DT_HALF' && dtype !== 'DT_BFLOAT16') return dtype === 'DT_FLOAT' ? Math.fround(value) : value;
  const spec = { alias: '', tensorName: '', dtype, shape: [] };
  try {
    const { bytes } = tensorFromValue(spec, value, { allowNonFinite: true });
    return bytes[0] | (bytes[1] << 8);
  } catch {
    // Too large: what rounds to an infinity.
    return dtype === 'DT_HALF' ? 0x7c00 : 0x7f80;
  }
}

function isInfinite(value: number, dtype: DType): boolean {
  if (dtype === 'DT_HALF') return (value & 0x7fff) === 0x7c00;
  if (dtype === 'DT_BFLOAT16') return (value & 0x7fff) === 0x7f80;
  return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
}

function convertNumbers({ dtype: from, data }: Extract<ColumnValues, { kind: 'numbers' }>, to: DType, placeOf: PlaceOf): Tensor {
  if (to === 'DT_STRING') throw datasetError(placeOf(0), 'strings', from);
  if (from === to) return { dtype: to, shape: [data.length], bytes: bytesOfArray(data) };
  const source = dtypes[from].kind;
  const target = dtypes[to].kind;
  const isRefused = source === 'bool' || target === 'bool' || source === 'complex' || target === 'complex';
  if (isRefused || (source === 'float' && target === 'int'))
    throw datasetError({ column: placeOf(0).column }, `${to}, or a type that becomes it without loss`, from);
  const result = typedArrayOf(to, new Uint8Array(data.length * dtypes[to].itemBytes));
  if (target === 'int') copyIntegers(data, to, result, placeOf);
  else copyFloats(data, from, to, result, placeOf);
  return { dtype: to, shape: [data.length], bytes: bytesOfArray(result) };
}

function copyIntegers(data: TypedArray, to: DType, result: TypedArray, placeOf: PlaceOf): void {
  const { min, max } = integerRange(to);
  const isBig = dtypes[to].itemBytes === 8;
  for (let index = 0; index < data.length; index++) {
    const value = data[index];
    if (value < min || value > max) throw datasetError(placeOf(index), `a number inside ${to}`, String(value));
    result[index] = isBig ? BigInt(value) : Number(value);
  }
}

function copyFloats(data: TypedArray, from: DType, to: DType, result: TypedArray, placeOf: PlaceOf): void {
  for (let index = 0; index < data.length; index++) {
    const value = Number(from === 'DT_HALF' ? halfValue(Number(data[index])) : data[index]);
    const bits = narrow(value, to);
    if (Number.isFinite(value) && isInfinite(bits, to))
      throw datasetError(placeOf(index), `a number inside ${to}`, String(value));
    result[index] = bits;
  }
}
