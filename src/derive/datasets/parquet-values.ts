// Values as the Parquet library hands them out (numbers, bigints, bytes, nested lists, null) into columns. Each value is checked against the
// type that the schema declares: a damaged file may pair a schema with other values.
import { type DType, dtypes } from '../../tensor/index.ts';
import { BytesColumnBuilder, sameShape } from './column-builder.ts';
import { datasetError } from './dataset-error.ts';
import { batchBytes, type Column, type RaggedShapes } from './dataset-types.ts';
import type { ParquetColumn } from './parquet-schema.ts';
import { typedArrayOf } from './typed-array.ts';

const maxRank = 8;
/** A dictionary lets a batch name one long value thousands of times. */
const maxBatchBytes = batchBytes * 32;

/** @throws DATASET_INVALID with record and column. */
export function parquetColumnValues(column: ParquetColumn, rows: readonly unknown[], firstRecord: number): Column {
  return column.dtype === 'DT_STRING'
    ? stringColumn(column, rows, firstRecord)
    : numberColumn(column, column.dtype, rows, firstRecord);
}

interface Place {
  readonly record: number;
  readonly column: string;
}

function stringColumn({ name }: ParquetColumn, rows: readonly unknown[], firstRecord: number): Column {
  const builder = new BytesColumnBuilder(name);
  for (const [row, value] of rows.entries()) {
    const place = { record: firstRecord + row, column: name };
    if (value === null) {
      builder.missing();
      continue;
    }
    const shape = flatten(value, place, (leaf) => {
      if (!(leaf instanceof Uint8Array)) throw datasetError(place, 'bytes', typeof leaf);
      if (builder.byteLength + leaf.length > maxBatchBytes)
        throw datasetError(place, `at most ${maxBatchBytes} bytes in ${rows.length} rows`, 'more');
      builder.value(leaf);
    });
    builder.endRecord(shape);
  }
  return builder.build();
}

function numberColumn(
  { name }: ParquetColumn,
  dtype: Exclude<DType, 'DT_STRING'>,
  rows: readonly unknown[],
  firstRecord: number,
): Column {
  const leaves: (number | bigint)[] = [];
  const shapes: (readonly number[])[] = [];
  const missing = new Uint8Array(rows.length);
  let isRegular = true;
  for (const [row, value] of rows.entries()) {
    const place = { record: firstRecord + row, column: name };
    if (value === null) {
      missing[row] = 1;
      continue;
    }
    const shape = flatten(value, place, (leaf) => leaves.push(numberOf(leaf, dtype, place)));
    if (shapes.length > 0 && !sameShape(shapes[0], shape)) isRegular = false;
    shapes.push(shape);
  }
  const data = typedArrayOf(dtype, new Uint8Array(leaves.length * dtypes[dtype].itemBytes));
  for (const [index, leaf] of leaves.entries()) data[index] = leaf;
  const itemShape: readonly number[] | RaggedShapes = isRegular ? (shapes[0] ?? []) : { perRecord: shapes };
  return {
    name,
    rows: rows.length,
    missing: shapes.length === rows.length ? undefined : missing,
    itemShape,
    values: { kind: 'numbers', dtype, data },
  };
}

function numberOf(leaf: unknown, dtype: Exclude<DType, 'DT_STRING'>, place: Place): number | bigint {
  const { kind, itemBytes } = dtypes[dtype];
  const wrong = () => datasetError(place, dtype, leaf === undefined ? 'an index outside the dictionary' : `${typeof leaf}`);
  if (kind === 'bool') {
    if (typeof leaf !== 'boolean') throw wrong();
    return leaf ? 1 : 0;
  }
  if (kind === 'int' && itemBytes === 8) {
    if (typeof leaf !== 'bigint') throw wrong();
    return leaf;
  }
  if (typeof leaf !== 'number') throw wrong();
  if (kind !== 'int') return leaf;
  const bits = itemBytes * 8;
  const isUnsigned = dtype.startsWith('DT_U');
  const low = isUnsigned ? 0 : -(2 ** (bits - 1));
  if (!Number.isInteger(leaf) || leaf < low || leaf >= low + 2 ** bits) throw datasetError(place, dtype, String(leaf));
  return leaf;
}

/** Visits the leaves of nested lists and gives their shape; the depth is bounded, so the recursion is too. */
function flatten(value: unknown, place: Place, onLeaf: (leaf: unknown) => void, level = 0): readonly number[] {
  if (!isList(value)) {
    onLeaf(value);
    return [];
  }
  if (level === maxRank) throw datasetError(place, `at most ${maxRank} dimensions`, 'more');
  let inner: readonly number[] | undefined;
  for (const entry of value) {
    if (entry === null) throw datasetError(place, 'lists without null', 'null');
    const shape = flatten(entry, place, onLeaf, level + 1);
    if (inner !== undefined && !sameShape(inner, shape)) throw datasetError(place, 'lists of one length', 'different lengths');
    inner = shape;
  }
  return [value.length, ...(inner ?? [])];
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}
