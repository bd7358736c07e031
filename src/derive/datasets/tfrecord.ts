// A file of TFRecords as a data set: the features of each tf.Example as columns, and the record's own bytes as the column `@record`.
// Plain or in gzip.
import { BytesColumnBuilder } from './column-builder.ts';
import { datasetError } from './dataset-error.ts';
import {
  batchBytes,
  batchRows,
  type Column,
  type Dataset,
  type DatasetLimits,
  type RecordBatch,
  wholeRecord,
} from './dataset-types.ts';
import { type FeatureValues, readExample } from './example-wire.ts';
import { inflate, isGzip } from './inflate.ts';
import type { SourceFile } from './source-file.ts';
import { tfrecordFrames } from './tfrecord-frames.ts';

/** Records need not be examples when only `@record` is wanted. */
export async function openTfrecord(file: SourceFile, limits: DatasetLimits): Promise<Dataset> {
  const packed = isGzip(await file.bytesAt(0, Math.min(3, file.size)));
  return {
    kind: 'tfrecord',
    name: file.name,
    totalBytes: file.size,
    columns: undefined,
    writableByOthers: file.writableByOthers,
    records: (wanted) => readRecords(packed ? inflate(file.pieces(), limits) : file.pieces(), limits, wanted),
    sha256: () => file.sha256(),
    close: () => file.close(),
  };
}

async function* readRecords(
  source: AsyncIterable<Uint8Array>,
  limits: DatasetLimits,
  wanted: ReadonlySet<string> | undefined,
): AsyncGenerator<RecordBatch, void, undefined> {
  const onlyRecords = wanted?.size === 1 && wanted.has(wholeRecord);
  let firstRecord = 1;
  let batch = new ExampleBatch(firstRecord, limits, wanted);
  for await (const frame of tfrecordFrames(source, limits.maxRecordBytes)) {
    const record = firstRecord + batch.rows;
    batch.add(frame, onlyRecords ? new Map() : readExample(frame, record, limits.maxColumns, limits.maxValues));
    if (batch.rows < batchRows && batch.byteLength < batchBytes) continue;
    yield batch.build();
    firstRecord += batch.rows;
    batch = new ExampleBatch(firstRecord, limits, wanted);
  }
  if (batch.rows > 0) yield batch.build();
}

type Kind = Exclude<FeatureValues['kind'], 'none'>;

/** The lists of one feature, one per record that has it. */
interface FeatureColumn {
  readonly kind: Kind;
  readonly lists: (Exclude<FeatureValues, { kind: 'none' }> | undefined)[];
}

class ExampleBatch {
  rows = 0;
  byteLength = 0;
  readonly #firstRecord: number;
  readonly #limits: DatasetLimits;
  readonly #wanted: ReadonlySet<string> | undefined;
  readonly #records: BytesColumnBuilder | undefined;
  readonly #features = new Map<string, FeatureColumn>();

  constructor(firstRecord: number, limits: DatasetLimits, wanted: ReadonlySet<string> | undefined) {
    this.#firstRecord = firstRecord;
    this.#limits = limits;
    this.#wanted = wanted;
    if (wanted === undefined || wanted.has(wholeRecord)) this.#records = new BytesColumnBuilder(wholeRecord);
  }

  add(frame: Buffer, features: ReadonlyMap<string, FeatureValues>): void {
    const record = this.#firstRecord + this.rows;
    for (const [name, feature] of features) {
      if (feature.kind === 'none' || this.#wanted?.has(name) === false || name === wholeRecord) continue;
      let column = this.#features.get(name);
      if (column === undefined) {
        if (this.#features.size === this.#limits.maxColumns)
          throw datasetError({ record }, `at most ${this.#limits.maxColumns} features`, 'more');
        column = { kind: feature.kind, lists: [] };
        this.#features.set(name, column);
      }
      if (column.kind !== feature.kind)
        throw datasetError({ record, column: name }, `${column.kind} values, as before`, `${feature.kind} values`);
      while (column.lists.length < this.rows) column.lists.push(undefined);
      column.lists.push(feature);
    }
    if (this.#records !== undefined) {
      this.#records.value(frame);
      this.#records.endRecord([]);
    }
    this.rows++;
    this.byteLength += frame.length;
  }

  build(): RecordBatch {
    const columns = new Map<string, Column>();
    if (this.#records !== undefined) columns.set(wholeRecord, this.#records.build());
    for (const [name, { kind, lists }] of this.#features) {
      while (lists.length < this.rows) lists.push(undefined);
      columns.set(name, featureColumn(name, kind, lists));
    }
    return { firstRecord: this.#firstRecord, rows: this.rows, columns };
  }
}

function featureColumn(name: string, kind: Kind, lists: FeatureColumn['lists']): Column {
  const builder = new BytesColumnBuilder(name);
  for (const list of lists) {
    if (list === undefined) {
      builder.missing();
      continue;
    }
    const { values } = list;
    if (list.kind === 'bytes') for (const value of list.values) builder.value(value);
    else builder.value(new Uint8Array(list.values.buffer, list.values.byteOffset, list.values.byteLength));
    // A list of one value is how tf.Example writes a scalar; whoever maps it to an input decides.
    builder.endRecord([values.length]);
  }
  const column = builder.build();
  if (kind === 'bytes' || column.values.kind !== 'strings') return column;
  const { bytes } = column.values;
  return {
    ...column,
    values:
      kind === 'float'
        ? { kind: 'numbers', dtype: 'DT_FLOAT', data: new Float32Array(bytes.buffer) }
        : { kind: 'numbers', dtype: 'DT_INT64', data: new BigInt64Array(bytes.buffer) },
  };
}
