// A Parquet file as a data set, one row group in memory at a time. The library decodes; what it is given has been walked before
// (thrift-walk.ts, parquet-pages.ts), because it believes the counts that it reads.
import { type FileMetaData, parquetMetadata, parquetRead } from 'hyparquet';
import { printable } from '../../core/index.ts';
import { asDatasetError, datasetError } from './dataset-error.ts';
import { batchRows, type Column, type Dataset, type DatasetLimits, type RecordBatch } from './dataset-types.ts';
import { boundedCompressors } from './parquet-compressors.ts';
import { checkPages } from './parquet-pages.ts';
import { type ParquetColumn, readParquetColumns, type UnreadableColumn } from './parquet-schema.ts';
import { parquetColumnValues } from './parquet-values.ts';
import type { SourceFile } from './source-file.ts';
import { walkThrift } from './thrift-walk.ts';

const tailBytes = 8;
const maxFooterBytes = 64 * 1024 * 1024;
const maxChunkBytes = 512 * 1024 * 1024;
/** Rows per byte of the file, beyond the first row group: a run of one value may be as long as it likes, and row groups may share their bytes. */
const maxRowsPerByte = 100_000;

/** @throws DATASET_INVALID for damage, encryption, and past the limits; for a type that cannot be read when its column is asked for. */
export async function openParquet(file: SourceFile, limits: DatasetLimits): Promise<Dataset> {
  const metadata = await readFooter(file);
  const rows = metadata.row_groups.reduce((sum, { num_rows: count }) => sum + Math.max(0, Number(count)), 0);
  const maxRows = limits.maxValues + maxRowsPerByte * file.size;
  if (!(rows <= maxRows)) throw datasetError({}, `at most ${maxRows} rows in ${file.size} bytes`, `${rows} rows`);
  let columns: readonly (ParquetColumn | UnreadableColumn)[];
  try {
    columns = readParquetColumns(metadata, limits);
  } catch (thrown) {
    throw asDatasetError(thrown, {}, 'a schema of Parquet');
  }
  return {
    kind: 'parquet',
    name: file.name,
    totalBytes: file.size,
    columns: columns.map(({ name }) => name),
    writableByOthers: file.writableByOthers,
    records: (wanted) =>
      readGroups(
        file,
        metadata,
        columns.filter(({ name }) => wanted?.has(name) !== false),
        limits,
      ),
    sha256: () => file.sha256(),
    close: () => file.close(),
  };
}

async function readFooter(file: SourceFile): Promise<FileMetaData> {
  if (file.size < tailBytes + 4) throw datasetError({}, 'a Parquet file', `${file.size} bytes`);
  const tail = await file.bytesAt(file.size - tailBytes, tailBytes);
  const magic = tail.toString('latin1', 4);
  if (magic === 'PARE') throw datasetError({}, 'a Parquet file without encryption', 'an encrypted one');
  if (magic !== 'PAR1') throw datasetError({}, 'a Parquet file', 'one that does not end as such');
  const length = tail.readUInt32LE(0);
  if (length > maxFooterBytes || length > file.size - tailBytes - 4)
    throw datasetError({}, `a footer of at most ${maxFooterBytes} bytes inside the file`, `${length} bytes`);
  const footer = await file.bytesAt(file.size - tailBytes - length, length + tailBytes);
  walkThrift(footer, 0, length);
  try {
    // Without `geoparquet: false` metadata of the file's own choice would be parsed as JSON.
    return parquetMetadata(new Uint8Array(footer), { geoparquet: false });
  } catch (thrown) {
    throw asDatasetError(thrown, {}, "Parquet's metadata");
  }
}

async function* readGroups(
  file: SourceFile,
  metadata: FileMetaData,
  columns: readonly (ParquetColumn | UnreadableColumn)[],
  limits: DatasetLimits,
): AsyncGenerator<RecordBatch, void, undefined> {
  await file.digestFirst();
  let firstRecord = 1;
  for (const [index, group] of metadata.row_groups.entries()) {
    const rows = Number(group.num_rows);
    if (!Number.isSafeInteger(rows) || rows < 0 || rows > limits.maxValues)
      throw datasetError({}, `row groups of at most ${limits.maxValues} rows`, `${group.num_rows} rows`);
    const budget = { values: limits.maxValues, bytes: maxChunkBytes };
    const parts = new Map<string, readonly Column[]>();
    for (const column of columns) {
      if ('reason' in column)
        throw datasetError({ column: column.name }, 'numbers, booleans, strings or lists of them', column.reason);
      if (rows > 0) parts.set(column.name, await readChecked(file, metadata, index, rows, column, budget, firstRecord));
    }
    // Rows of which nothing is read are only counted.
    const step = columns.length === 0 ? rows : batchRows;
    for (let start = 0, part = 0; start < rows; start += step, part++) {
      const batch = new Map<string, Column>();
      for (const [name, list] of parts) batch.set(name, list[part]);
      yield { firstRecord: firstRecord + start, rows: Math.min(step, rows - start), columns: batch };
    }
    firstRecord += rows;
  }
  await file.assertUnchanged();
}

/** The library's types promise fields that a damaged footer leaves out, so whatever stumbles over one is the file's fault. */
async function readChecked(...args: Parameters<typeof readColumn>): Promise<readonly Column[]> {
  try {
    return await readColumn(...args);
  } catch (thrown) {
    throw asDatasetError(thrown, { column: args[4].name }, 'a column of Parquet');
  }
}

/** One column of one row group, in batches. `budget` is what is left of the group's. */
async function readColumn(
  file: SourceFile,
  metadata: FileMetaData,
  index: number,
  rows: number,
  column: ParquetColumn,
  budget: { values: number; bytes: number },
  firstRecord: number,
): Promise<readonly Column[]> {
  const place = { column: column.name };
  const group = metadata.row_groups[index];
  const chunk = group.columns.find(({ meta_data: meta }) => meta?.path_in_schema.join('.') === column.path);
  if (chunk?.crypto_metadata !== undefined || chunk?.encrypted_column_metadata !== undefined)
    throw datasetError(place, 'a column without encryption', 'an encrypted one');
  const meta = chunk?.meta_data;
  if (chunk === undefined || meta === undefined || chunk.file_path)
    throw datasetError(place, 'a column inside this file', 'none');
  const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
  const bytes = Number(meta.total_compressed_size);
  const values = Number(meta.num_values);
  budget.values -= values;
  budget.bytes -= Number(meta.total_uncompressed_size);
  if (!(values >= 0 && values <= 2 ** 31) || budget.values < 0 || budget.bytes < 0 || !(bytes >= 0 && bytes <= maxChunkBytes))
    throw datasetError(place, 'smaller row groups', `${printable(String(meta.num_values))} values in ${bytes} bytes`);
  const held = await file.bytesAt(start, bytes);
  const output: unknown[] = [];
  checkPages(held, { ...column, column: column.name, codec: meta.codec, values, compressors: boundedCompressors });
  const before = metadata.row_groups.slice(0, index).reduce((sum, { num_rows: count }) => sum + Number(count), 0);
  await parquetRead({
    file: {
      byteLength: file.size,
      // The library sees only what was checked.
      slice: (from, to = file.size) => {
        if (from < start || to > start + bytes) throw datasetError(place, 'offsets inside the column', 'others');
        return copyOf(held.subarray(from - start, to - start));
      },
    },
    metadata: {
      ...metadata,
      row_groups: metadata.row_groups.map((other, at) => (at === index ? { ...group, columns: [chunk] } : other)),
    },
    columns: [column.name],
    rowStart: before,
    rowEnd: before + rows,
    compressors: boundedCompressors,
    utf8: false,
    geoparquet: false,
    parsers: { stringFromBytes: (text) => text },
    onChunk: ({ columnData }) => {
      for (const value of columnData) output.push(value);
    },
  });
  if (output.length !== rows) throw datasetError(place, `${rows} rows, as the footer says`, `${output.length}`);
  const parts: Column[] = [];
  for (let from = 0; from < rows; from += batchRows)
    parts.push(parquetColumnValues(column, output.slice(from, from + batchRows), firstRecord + from));
  return parts;
}

function copyOf(bytes: Uint8Array): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}
