// Schemas that no writer makes: each is refused, or its column is, and none reaches the library's recursion.
import type { FileMetaData, SchemaElement } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import { defaultDatasetLimits } from './dataset-types.ts';
import { readParquetColumns } from './parquet-schema.ts';

function columnsOf(...elements: Partial<SchemaElement>[]) {
  const schema = [{ name: 'root', num_children: elements.length }, ...elements] as SchemaElement[];
  const metadata: FileMetaData = { version: 1, schema, num_rows: 0n, row_groups: [], metadata_length: 0 };
  return readParquetColumns(metadata, defaultDatasetLimits);
}

describe('readParquetColumns()', () => {
  it.each<[Partial<SchemaElement>, string]>([
    [{ type: 'INT32', logical_type: { type: 'INTEGER', bitWidth: 16, isSigned: false } }, 'DT_UINT16'],
    [{ type: 'INT64', converted_type: 'UINT_64' }, 'DT_UINT64'],
    [{ type: 'INT32' }, 'DT_INT32'],
    [{ type: 'DOUBLE' }, 'DT_DOUBLE'],
    [{ type: 'BYTE_ARRAY', converted_type: 'UTF8' }, 'DT_STRING'],
  ])('reads %j as %s', (element, dtype) => {
    expect(columnsOf({ name: 'x', repetition_type: 'REQUIRED', ...element })[0]).toMatchObject({ name: 'x', dtype });
  });

  it.each<[Partial<SchemaElement>, string]>([
    [{ type: 'INT32', logical_type: { type: 'INTEGER', bitWidth: 24, isSigned: true } }, 'an integer of 24 bits'],
    [{ type: 'INT32', logical_type: { type: 'INTEGER', bitWidth: 64, isSigned: true } }, 'an integer of 64 bits'],
    [{ type: 'INT64', converted_type: 'INT_8' }, 'INT_8 in a column of INT64'],
    [{ type: 'INT96' }, 'INT96'],
    [{ type: 'BYTE_ARRAY', converted_type: 'JSON' }, 'JSON'],
    [{ type: 'FIXED_LEN_BYTE_ARRAY', logical_type: { type: 'UUID' } }, 'UUID'],
  ])('cannot read %j: %s', (element, reason) => {
    expect(columnsOf({ name: 'x', repetition_type: 'REQUIRED', ...element })).toEqual([{ name: 'x', reason }]);
  });

  it('refuses what is no tree, is deep, or has a column twice', () => {
    const leaf: Partial<SchemaElement> = { name: 'x', type: 'INT32', repetition_type: 'REQUIRED' };
    expect(() => columnsOf(leaf, leaf)).toThrow(/each column once/);
    expect(() => columnsOf({ ...leaf, num_children: 5 })).toThrow(/a schema of at most/);
    expect(() => columnsOf({ ...leaf, num_children: -1 })).toThrow(/a schema of at most/);
    const schema = Array.from({ length: 40 }, (_, index) => ({ name: `n${index}`, num_children: 1 }));
    const metadata: FileMetaData = { version: 1, schema, num_rows: 0n, row_groups: [], metadata_length: 0 };
    expect(() => readParquetColumns(metadata, defaultDatasetLimits)).toThrow(/levels/);
  });
});
