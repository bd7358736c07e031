// JSON Lines as a data set: one object per line, one column per key. A key that a line leaves out, and null, are missing values.
import { isAirlockError } from '../../core/index.ts';
import { TextColumnBuilder } from './column-builder.ts';
import { datasetError } from './dataset-error.ts';
import { batchBytes, batchRows, type Column, type Dataset, type DatasetLimits, type RecordBatch } from './dataset-types.ts';
import { inflate, isGzip } from './inflate.ts';
import { JsonRecordParser } from './json-record.ts';
import { linesOf } from './lines.ts';
import type { SourceFile } from './source-file.ts';

/** Plain or in gzip. */
export async function openJsonl(file: SourceFile, limits: DatasetLimits): Promise<Dataset> {
  const packed = isGzip(await file.bytesAt(0, Math.min(3, file.size)));
  return {
    kind: 'jsonl',
    name: file.name,
    totalBytes: file.size,
    columns: undefined,
    writableByOthers: file.writableByOthers,
    records: (wanted) => readLines(packed ? inflate(file.pieces(), limits) : file.pieces(), limits, wanted),
    sha256: () => file.sha256(),
    close: () => file.close(),
  };
}

async function* readLines(
  source: AsyncIterable<Uint8Array>,
  limits: DatasetLimits,
  wanted: ReadonlySet<string> | undefined,
): AsyncGenerator<RecordBatch, void, undefined> {
  let firstRecord = 1;
  let batch = new LineBatch(limits, wanted);
  for await (const line of linesOf(source, limits.maxRecordBytes)) {
    // The last line may be empty, and editors leave such lines behind.
    if (isBlank(line)) continue;
    batch.add(line, firstRecord + batch.rows);
    if (batch.rows < batchRows && batch.byteLength < batchBytes) continue;
    yield batch.build(firstRecord);
    firstRecord += batch.rows;
    batch = new LineBatch(limits, wanted);
  }
  if (batch.rows > 0) yield batch.build(firstRecord);
}

/** True for a line of nothing but JSON's white space. */
export function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

class LineBatch {
  rows = 0;
  byteLength = 0;
  readonly #limits: DatasetLimits;
  readonly #wanted: ReadonlySet<string> | undefined;
  readonly #builders = new Map<string, TextColumnBuilder>();

  constructor(limits: DatasetLimits, wanted: ReadonlySet<string> | undefined) {
    this.#limits = limits;
    this.#wanted = wanted;
  }

  add(line: Buffer, record: number): void {
    const column = (name: string) => this.#column(name, record);
    try {
      new JsonRecordParser(record, { column }, this.#limits, line.length).read(line);
    } catch (thrown) {
      if (!isAirlockError(thrown) || thrown.code === 'DATASET_INVALID') throw thrown;
      const [violation] = thrown.violations;
      throw datasetError({ record }, violation?.expected ?? 'one JSON value per line', violation?.got ?? thrown.message);
    }
    this.rows++;
    this.byteLength += line.length;
    for (const builder of this.#builders.values()) if (builder.rows < this.rows) builder.missing();
  }

  #column(name: string, record: number): TextColumnBuilder | undefined {
    if (this.#wanted?.has(name) === false) return undefined;
    const known = this.#builders.get(name);
    if (known !== undefined) return known;
    if (this.#builders.size === this.#limits.maxColumns)
      throw datasetError({ record }, `at most ${this.#limits.maxColumns} keys`, 'more');
    const builder = new TextColumnBuilder(name, true);
    for (let row = 0; row < this.rows; row++) builder.missing();
    this.#builders.set(name, builder);
    return builder;
  }

  build(firstRecord: number): RecordBatch {
    const columns = new Map<string, Column>();
    for (const [name, builder] of this.#builders) columns.set(name, builder.build());
    return { firstRecord, rows: this.rows, columns };
  }
}
