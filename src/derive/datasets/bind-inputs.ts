// Which columns of a data set feed which inputs of a signature, and the values of one batch as those inputs see them. Names decide; where
// they do not, the user's mapping does. Nothing is matched by order or by likeness unless it is asked for.
import { AirlockError, printable } from '../../core/index.ts';
import { formatShape, type Signature, type Tensor, type TensorSpec } from '../../tensor/index.ts';
import { sameShape } from './column-builder.ts';
import { convertColumn } from './convert-column.ts';
import { datasetError } from './dataset-error.ts';
import { type Column, type Dataset, type RaggedShapes, type RecordBatch, wholeRecord } from './dataset-types.ts';
import { bytesOfArray, typedArrayOf } from './typed-array.ts';

/** One input and where its values come from; without columns it is not in this data set. */
export interface BoundInput {
  readonly spec: TensorSpec;
  /** One column, or several that are the elements of a vector, in order. */
  readonly columns: readonly string[];
}

/** What one input gets from one batch of records. */
export interface InputValues {
  readonly rows: number;
  /** 1 where the record has no value for this input. */
  readonly missing: Uint8Array | undefined;
  /** Of each present record, as the input sees it: without the batch dimension. */
  readonly itemShape: readonly number[] | RaggedShapes;
  /** All elements of all present records, flat. */
  readonly elements: Tensor;
}

/** `column=input`, `a,b,c=input` or `*=input`. */
export interface InputMapping {
  readonly columns: readonly string[] | '*';
  readonly input: string;
}

/** Reads `--map` options. @throws USAGE */
export function parseMapping(text: string): InputMapping {
  const cut = text.lastIndexOf('=');
  const columns = text.slice(0, Math.max(cut, 0)).split(',');
  const input = text.slice(cut + 1);
  if (cut < 1 || input === '' || columns.some((name) => name === ''))
    throw new AirlockError('USAGE', { message: `--map ${printable(text)}: expected column=input, or a,b,c=input` });
  return { columns: columns.length === 1 && columns[0] === '*' ? '*' : columns, input };
}

/**
 * An input takes its mapping, else the column of its own name; an only input of strings takes whole records of a TFRecord file or
 * the files of a folder, and an only input takes an only column.
 * @throws USAGE for a mapping that names no input; DATASET_INVALID for one that names no column.
 */
export function bindInputs(
  signature: Signature,
  dataset: Dataset,
  mappings: readonly InputMapping[] = [],
): readonly BoundInput[] {
  const { inputs } = signature;
  for (const { input, columns } of mappings) {
    if (!inputs.some(({ alias }) => alias === input)) {
      const known = inputs.map(({ alias }) => printable(alias)).join(', ');
      throw new AirlockError('USAGE', { message: `--map: ${printable(input)} is no input of this signature; it has ${known}` });
    }
    const unknown = columns === '*' ? undefined : columns.find((name) => dataset.columns?.includes(name) === false);
    if (unknown !== undefined && mappings.length > 0 && columns !== '*')
      throw datasetError({ column: unknown }, 'a column that the data set has', 'no such column');
  }
  return inputs.map((spec) => ({ spec, columns: columnsFor(spec, signature, dataset, mappings) }));
}

function columnsFor(
  spec: TensorSpec,
  { inputs }: Signature,
  dataset: Dataset,
  mappings: readonly InputMapping[],
): readonly string[] {
  const mapping = mappings.find(({ input }) => input === spec.alias);
  if (mapping !== undefined) {
    if (mapping.columns !== '*') return mapping.columns;
    if (dataset.columns === undefined)
      throw new AirlockError('USAGE', { message: `--map *: a ${dataset.kind} file does not say which columns it has` });
    return dataset.columns;
  }
  const isOnly = inputs.length === 1;
  const takesRecords = dataset.kind === 'tfrecord' || dataset.kind === 'images';
  if (isOnly && takesRecords && spec.dtype === 'DT_STRING') return [wholeRecord];
  if (dataset.columns === undefined || dataset.columns.includes(spec.alias)) return [spec.alias];
  return isOnly && dataset.columns.length === 1 ? dataset.columns : [];
}

/** True when records are stacked along the input's first dimension. */
export function isBatched({ shape }: TensorSpec): boolean {
  return shape === null || shape[0] === -1;
}

/** The values of `input` in `batch`; undefined when no record of it has any. @throws DATASET_INVALID with record and column. */
export function valuesOf({ spec, columns }: BoundInput, batch: RecordBatch): InputValues | undefined {
  if (columns.length === 0) return undefined;
  const parts = columns.map((name) => batch.columns.get(name));
  if (columns.length === 1) {
    const [column] = parts;
    if (column === undefined) return undefined;
    const elements = convertColumn(column, spec.dtype, batch.firstRecord);
    const { rows, missing } = column;
    return { rows, missing, itemShape: fitShapes(spec, column, batch.firstRecord), elements };
  }
  return vectorOf(spec, columns, parts, batch);
}

/** Several columns of scalars as rows of one vector; a row that lacks one of them is missing as a whole. */
function vectorOf(
  spec: TensorSpec,
  names: readonly string[],
  parts: readonly (Column | undefined)[],
  batch: RecordBatch,
): InputValues | undefined {
  const { dtype } = spec;
  if (dtype === 'DT_STRING') throw datasetError({ column: names[0] }, 'columns of numbers for a vector', 'an input of strings');
  const columns: Column[] = [];
  for (const [index, part] of parts.entries()) {
    // JSON may leave a key out of every record of a batch.
    if (part === undefined) return undefined;
    if (!isScalar(part)) throw datasetError({ column: names[index] }, 'one number per record for a vector', 'a list');
    columns.push(part);
  }
  const missing = new Uint8Array(batch.rows);
  for (const column of columns)
    column.missing?.forEach((flag, row) => {
      missing[row] |= flag;
    });
  const rows = missing.reduce((count, flag) => count - flag, batch.rows);
  const sources = columns.map((column) => {
    const tensor = convertColumn(column, dtype, batch.firstRecord);
    return typedArrayOf(dtype, tensor.bytes);
  });
  const itemBytes = sources[0].BYTES_PER_ELEMENT;
  const data = typedArrayOf(dtype, new Uint8Array(rows * columns.length * itemBytes));
  for (const [place, source] of sources.entries()) {
    let from = 0;
    let to = 0;
    for (let row = 0; row < batch.rows; row++) {
      if (missing[row] === 0) data[to++ * columns.length + place] = source[from];
      if (columns[place].missing?.[row] !== 1) from++;
    }
  }
  const column: Column = {
    name: names.join(','),
    rows: batch.rows,
    missing: rows === batch.rows ? undefined : missing,
    itemShape: [columns.length],
    values: { kind: 'numbers', dtype, data },
  };
  const elements: Tensor = { dtype, shape: [data.length], bytes: bytesOfArray(data) };
  return { rows: batch.rows, missing: column.missing, itemShape: fitShapes(spec, column, batch.firstRecord), elements };
}

function isScalar({ itemShape }: Column): boolean {
  return !('perRecord' in itemShape) && itemShape.length === 0;
}

function fitShapes(spec: TensorSpec, column: Column, firstRecord: number): readonly number[] | RaggedShapes {
  const { itemShape } = column;
  const fail = (shape: readonly number[], present: number) => {
    let row = -1;
    for (let left = present; left >= 0 && row < column.rows - 1; ) if (column.missing?.[++row] !== 1) left--;
    throw datasetError(
      { record: firstRecord + Math.max(row, 0), column: column.name },
      `a value of the shape ${formatShape(itemSpec(spec))} for ${printable(spec.alias)}`,
      formatShape(shape),
    );
  };
  if (!('perRecord' in itemShape)) return fitShape(spec, itemShape) ?? fail(itemShape, 0);
  const fitted = itemShape.perRecord.map((shape, index) => fitShape(spec, shape) ?? fail(shape, index));
  return fitted.every((shape) => sameShape(shape, fitted[0])) && fitted.length > 0 ? fitted[0] : { perRecord: fitted };
}

/** The shape of one record; null for any. */
function itemSpec(spec: TensorSpec): readonly number[] | null {
  return spec.shape === null ? null : isBatched(spec) ? spec.shape.slice(1) : spec.shape;
}

/**
 * The shape in which the input takes a value of shape `got`: as it is; a scalar as a list of one and the reverse, which is how tables and
 * examples write scalars; a flat list as the fixed shape with as many elements. Undefined when it does not fit.
 */
function fitShape(spec: TensorSpec, got: readonly number[]): readonly number[] | undefined {
  const expected = itemSpec(spec);
  if (expected === null) return got;
  const fits = (shape: readonly number[]) =>
    shape.length === expected.length && shape.every((size, index) => expected[index] === -1 || expected[index] === size);
  if (fits(got)) return got;
  const count = got.reduce((product, size) => product * size, 1);
  if (count === 1 && got.length <= 1 && expected.every((size) => size === -1 || size === 1)) return expected.map(() => 1);
  const isFixed = expected.every((size) => size !== -1);
  if (got.length === 1 && isFixed && expected.reduce((product, size) => product * size, 1) === count) return expected;
  // A model without a batch dimension may still be fed arrays whose rows are whole inputs of batch 1.
  return spec.shape?.[0] === 1 && fitsTail(spec.shape, got) ? [1, ...got] : undefined;
}

function fitsTail(shape: readonly number[], got: readonly number[]): boolean {
  return got.length === shape.length - 1 && got.every((size, index) => shape[index + 1] === -1 || shape[index + 1] === size);
}

/** The columns that these inputs read. */
export function wantedColumns(inputs: readonly BoundInput[]): ReadonlySet<string> {
  return new Set(inputs.flatMap(({ columns }) => columns));
}
