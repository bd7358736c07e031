// What a data set looks like once its file format is forgotten: batches of records, each a set of named columns with typed values.
// Data only. Nothing here holds an object per number.

import type { Source } from '../../contract/index.ts';
import type { DType } from '../../tensor/index.ts';
import type { TypedArray } from './typed-array.ts';

export type DatasetKind = Extract<Source['kind'], 'csv' | 'jsonl' | 'parquet' | 'npy' | 'npz' | 'tfrecord' | 'images'>;

/** What one reading may cost. All of them are checked before anything is allocated for what follows. */
export interface DatasetLimits {
  /** Bytes of the file, and of what it inflates to. */
  readonly maxBytes: number;
  /** Bytes of one record: a line of JSON, a row of CSV, an example, an image, a row of an array. */
  readonly maxRecordBytes: number;
  readonly maxColumns: number;
  /** Values of one column in one record, and in one row group of Parquet. */
  readonly maxValues: number;
  /** Files of a folder, entries of an archive. */
  readonly maxFiles: number;
  /** Inflated over packed, once more than 64 MiB have come out. DEFLATE itself ends at 1,032. */
  readonly maxRatio: number;
}

/** Defaults: 1 TiB, 64 MiB per record, 10,000 columns, 16 million values, 1 million files, ratio 1,000. */
export const defaultDatasetLimits: DatasetLimits = {
  maxBytes: 2 ** 40,
  maxRecordBytes: 64 * 1024 * 1024,
  maxColumns: 10_000,
  maxValues: 16_000_000,
  maxFiles: 1_000_000,
  maxRatio: 1_000,
};

export interface DatasetOptions {
  /** Default: by the file's first bytes, then by its name. */
  readonly kind?: DatasetKind | undefined;
  /** Text that stands for a missing value in CSV; none by default, so that nothing is guessed. */
  readonly missing?: readonly string[] | undefined;
  /** CSV's separator; one ASCII character, default a comma (a tab for `.tsv`). */
  readonly separator?: string | undefined;
  readonly limits?: Partial<DatasetLimits> | undefined;
  /** Called with the bytes of the file that have been read so far. */
  readonly onProgress?: ((doneBytes: number) => void) | undefined;
}

/** One open file or folder. */
export interface Dataset {
  readonly kind: DatasetKind;
  /** The file's own name, for messages and `Source.name`. */
  readonly name: string;
  readonly totalBytes: number;
  /** The columns, where the format says so before its data; undefined for JSONL and TFRecord. */
  readonly columns: readonly string[] | undefined;
  /** True when somebody other than its owner may write the file or its folder: whoever can, decides what the contract allows. */
  readonly writableByOthers: boolean;
  /**
   * All records from the first on, once. Without `wanted` every column.
   * @throws DATASET_INVALID with the record (from 1) and the column; the iteration is then over.
   */
  records(wanted?: ReadonlySet<string>): AsyncGenerator<RecordBatch, void, undefined>;
  /** Of all bytes that were read, as `Source.sha256` has it. Only when `records()` has come to its end. */
  sha256(): string;
  close(): Promise<void>;
}

export interface RecordBatch {
  /** Number of the first record, from 1: a line of JSON, a row of data in CSV (without the header), a row of an array. */
  readonly firstRecord: number;
  readonly rows: number;
  readonly columns: ReadonlyMap<string, Column>;
  /** What people call the records, where they have names: the path of an image's file, safe to show. */
  readonly labels?: readonly string[];
}

/** The values of one column in one batch, in order of the records, without gaps: a missing value takes no place. */
export interface Column {
  readonly name: string;
  readonly rows: number;
  /** 1 where a record has no value here; undefined when all have one. */
  readonly missing: Uint8Array | undefined;
  /** Shape of the value of every present record; `[]` for scalars. */
  readonly itemShape: readonly number[] | RaggedShapes;
  readonly values: ColumnValues;
}

/** One shape per present record. */
export interface RaggedShapes {
  readonly perRecord: readonly (readonly number[])[];
}

export type ColumnValues =
  /** Text whose type the model's input decides: cells of CSV. */
  | { readonly kind: 'cells'; readonly cells: readonly string[] }
  /** JSON's scalars: the text of numbers as written, so that no digit is lost; `types[i]` says which kind. */
  | { readonly kind: 'json'; readonly cells: readonly string[]; readonly types: Uint8Array }
  /** Numbers in memory; half, bfloat16 and bool as their bits. */
  | { readonly kind: 'numbers'; readonly dtype: Exclude<DType, 'DT_STRING'>; readonly data: TypedArray }
  | { readonly kind: 'strings'; readonly bytes: Uint8Array; readonly offsets: Uint32Array };

/** The kinds of JSON scalars in `types`; `bytes` is text in latin1, one character per byte. */
export const jsonTypes = { number: 0, string: 1, boolean: 2, nonFinite: 3, bytes: 4 } as const;

/** The name of the column that holds a record's own bytes: a serialized example, the file of an image. */
export const wholeRecord = '@record';

/** Records in one batch, and about how many bytes of them: what is in memory at one time. */
export const batchRows = 4096;
export const batchBytes = 8 * 1024 * 1024;
