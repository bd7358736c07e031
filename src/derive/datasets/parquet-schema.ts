// Which columns of a Parquet file can be read, and as what. A type that a tensor cannot hold exactly (decimals, dates, structs, maps) is
// refused by its name when somebody asks for that column, and is in nobody's way otherwise.
import { type FileMetaData, parquetSchema, type SchemaElement, type SchemaTree } from 'hyparquet';
import type { DType } from '../../tensor/index.ts';
import { datasetError } from './dataset-error.ts';
import type { DatasetLimits } from './dataset-types.ts';

export interface ParquetColumn {
  readonly name: string;
  /** Dots between the names, as chunks are found by. */
  readonly path: string;
  readonly dtype: DType;
  readonly isBoolean: boolean;
  readonly maxRepetitionLevel: number;
  readonly maxDefinitionLevel: number;
}

/** Why a column cannot be read. */
export interface UnreadableColumn {
  readonly name: string;
  readonly reason: string;
}

const maxDepth = 16;

/** @throws DATASET_INVALID for a schema that is no tree, is deep, or has names twice. */
export function readParquetColumns(metadata: FileMetaData, limits: DatasetLimits): readonly (ParquetColumn | UnreadableColumn)[] {
  assertTree(metadata.schema, limits);
  const names = new Set<string>();
  return parquetSchema(metadata).children.map((child) => {
    const { name } = child.element;
    if (names.has(name)) throw datasetError({ column: name }, 'each column once', 'it twice');
    names.add(name);
    return describe(child);
  });
}

/** The library walks the schema by recursion and by the counts that it finds there. */
function assertTree(schema: readonly SchemaElement[], limits: DatasetLimits): void {
  const bad = () => datasetError({}, `a schema of at most ${limits.maxColumns} columns and ${maxDepth} levels`, 'something else');
  if (schema.length === 0 || schema.length > limits.maxColumns * 4) throw bad();
  const open: number[] = [1];
  for (const { num_children: children = 0, name } of schema) {
    const level = open.length - 1;
    if (level < 0 || typeof name !== 'string' || !Number.isInteger(children) || children < 0) throw bad();
    open[level]--;
    if (children > 0) open.push(children);
    if (open.length > maxDepth) throw bad();
    while (open.length > 0 && open[open.length - 1] === 0) open.pop();
  }
  if (open.length > 0) throw bad();
}

function describe(root: SchemaTree): ParquetColumn | UnreadableColumn {
  const { name } = root.element;
  let node = root;
  let repetitions = 0;
  let definitions = 0;
  for (;;) {
    if (node.element.repetition_type === 'REPEATED') repetitions++;
    if (node.element.repetition_type !== 'REQUIRED') definitions++;
    if (node.children.length === 0) break;
    const isList = node.element.converted_type === 'LIST' || node.element.logical_type?.type === 'LIST';
    const isInList = node.element.repetition_type === 'REPEATED' && node !== root;
    if (node.children.length > 1 || !(isList || isInList))
      return { name, reason: node.element.converted_type === 'MAP' ? 'a map' : 'a struct' };
    [node] = node.children;
  }
  const dtype = dtypeOf(node.element);
  if (typeof dtype !== 'string') return { name, reason: dtype.reason };
  return {
    name,
    path: node.path.join('.'),
    dtype,
    isBoolean: node.element.type === 'BOOLEAN',
    maxRepetitionLevel: repetitions,
    maxDefinitionLevel: definitions,
  };
}

const converted: Readonly<Record<string, DType>> = {
  INT_8: 'DT_INT8',
  INT_16: 'DT_INT16',
  INT_32: 'DT_INT32',
  INT_64: 'DT_INT64',
  UINT_8: 'DT_UINT8',
  UINT_16: 'DT_UINT16',
  UINT_32: 'DT_UINT32',
  UINT_64: 'DT_UINT64',
};

/** Widths and physical types must go together: a damaged file may declare 24 bits, or 64 of them in a column of 32. */
function integerType(physical: 'INT32' | 'INT64', bitWidth: number, isSigned: boolean): DType | { readonly reason: string } {
  const name = `${isSigned ? '' : 'U'}INT_${bitWidth}`;
  const fits = physical === 'INT64' ? bitWidth === 64 : bitWidth < 64;
  return fits && Object.hasOwn(converted, name) ? converted[name] : { reason: `an integer of ${bitWidth} bits` };
}

function dtypeOf({ type, converted_type: old, logical_type: logical }: SchemaElement): DType | { readonly reason: string } {
  const name = logical?.type ?? old;
  switch (type) {
    case 'BOOLEAN':
      return name === undefined ? 'DT_BOOL' : { reason: name };
    case 'INT32':
    case 'INT64':
      if (logical?.type === 'INTEGER') return integerType(type, logical.bitWidth, logical.isSigned);
      if (name === undefined) return type === 'INT32' ? 'DT_INT32' : 'DT_INT64';
      if (!Object.hasOwn(converted, name)) return { reason: name };
      return name.endsWith('64') === (type === 'INT64') ? converted[name] : { reason: `${name} in a column of ${type}` };
    case 'FLOAT':
      return name === undefined ? 'DT_FLOAT' : { reason: name };
    case 'DOUBLE':
      return name === undefined ? 'DT_DOUBLE' : { reason: name };
    case 'BYTE_ARRAY':
      return name === undefined || name === 'STRING' || name === 'UTF8' || name === 'ENUM' ? 'DT_STRING' : { reason: name };
    case 'FIXED_LEN_BYTE_ARRAY':
      if (logical?.type === 'FLOAT16') return 'DT_FLOAT';
      return name === undefined ? 'DT_STRING' : { reason: name };
    default:
      return { reason: type ?? 'a type that is not known' };
  }
}
