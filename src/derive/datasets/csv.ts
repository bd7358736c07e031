// CSV (RFC 4180) with a header row, as a data set. Cells stay text: whether `007` is a number or a word is for the model's input to say,
// and a number keeps every digit. Quotes are strict, every row has as many cells as the header, and nothing is trimmed.
import { Readable } from 'node:stream';
import { type Options, Parser } from 'csv-parse';
import { AirlockError, printable } from '../../core/index.ts';
import { TextColumnBuilder } from './column-builder.ts';
import { asDatasetError, datasetError } from './dataset-error.ts';
import { batchBytes, batchRows, type Dataset, type DatasetLimits, type RecordBatch } from './dataset-types.ts';
import type { SourceFile } from './source-file.ts';
import { onlyUtf8 } from './utf8-guard.ts';

export interface CsvOptions {
  readonly separator: string;
  readonly missing: readonly string[];
  readonly limits: DatasetLimits;
}

const maxHeaderBytes = 4 * 1024 * 1024;

/** Reads the header. @throws DATASET_INVALID for a header with empty or double names. */
export async function openCsv(file: SourceFile, options: CsvOptions): Promise<Dataset> {
  if (!/^[\x20-\x7e\t]$/.test(options.separator) || options.separator === '"')
    throw new AirlockError('USAGE', { message: 'The separator of CSV must be one ASCII character' });
  const columns = await readHeader(file, options);
  return {
    kind: 'csv',
    name: file.name,
    totalBytes: file.size,
    columns,
    writableByOthers: file.writableByOthers,
    records: (wanted) => readRows(file, columns, options, wanted),
    sha256: () => file.sha256(),
    close: () => file.close(),
  };
}

function parserOptions({ separator, limits }: CsvOptions): Options {
  return { delimiter: separator, max_record_size: limits.maxRecordBytes, relax_quotes: false, skip_empty_lines: false };
}

async function readHeader(file: SourceFile, options: CsvOptions): Promise<string[]> {
  const start = await file.bytesAt(0, Math.min(maxHeaderBytes, file.size));
  let header: string[] | undefined;
  const parser = new RowParser({ ...parserOptions(options), to: 1 }, (row) => {
    header ??= row;
  });
  for await (const text of onlyUtf8(Readable.from([start.subarray(0, endOfHeader(start))]))) await parser.write(text);
  await parser.end();
  if (header === undefined || file.size === 0) throw datasetError({}, 'a header row', 'an empty file');
  if (header.length > options.limits.maxColumns) throw datasetError({}, `at most ${options.limits.maxColumns} columns`, 'more');
  const seen = new Set<string>();
  for (const name of header) {
    if (name === '') throw datasetError({}, 'a name for each column', 'an empty one in the header');
    if (seen.has(name)) throw datasetError({ column: name }, 'each name once in the header', 'it twice');
    seen.add(name);
  }
  return header;
}

/** A header may hold line breaks in quotes; it ends at the first one outside. */
function endOfHeader(bytes: Buffer): number {
  let quoted = false;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] === 0x22) quoted = !quoted;
    else if (!quoted && (bytes[at] === 0x0a || bytes[at] === 0x0d)) return at;
  }
  if (bytes.length === maxHeaderBytes) throw datasetError({}, `a header of at most ${maxHeaderBytes} bytes`, 'more');
  return bytes.length;
}

async function* readRows(
  file: SourceFile,
  names: readonly string[],
  options: CsvOptions,
  wanted: ReadonlySet<string> | undefined,
): AsyncGenerator<RecordBatch, void, undefined> {
  const missing = new Set(options.missing);
  const picked = names.flatMap((name, index) => (wanted === undefined || wanted.has(name) ? [{ name, index }] : []));
  const ready: RecordBatch[] = [];
  let firstRecord = 1;
  let builders = picked.map(({ name }) => new TextColumnBuilder(name, false));
  let rows = 0;
  let chars = 0;
  const finish = () => {
    ready.push({ firstRecord, rows, columns: new Map(builders.map((builder) => [builder.name, builder.build()])) });
    firstRecord += rows;
    builders = picked.map(({ name }) => new TextColumnBuilder(name, false));
    rows = 0;
    chars = 0;
  };
  const parser = new RowParser({ ...parserOptions(options), from: 2 }, (row) => {
    for (const [place, { index }] of picked.entries()) {
      const cell = row[index];
      chars += cell.length;
      if (missing.has(cell)) builders[place].missing();
      else {
        builders[place].value(cell);
        builders[place].endRecord(scalar);
      }
    }
    rows++;
    if (rows === batchRows || chars > batchBytes) finish();
  });
  for await (const text of onlyUtf8(file.pieces())) {
    await parser.write(text);
    yield* ready.splice(0);
  }
  await parser.end();
  if (rows > 0) finish();
  yield* ready.splice(0);
}

const scalar: readonly number[] = [];

/** csv-parse, fed piece by piece; rows come in order while it is written, and all of them have come at its end. */
class RowParser {
  readonly #parser: Parser;
  #failure: unknown;

  constructor(options: Options, onRow: (row: string[]) => void) {
    this.#parser = new Parser(options);
    this.#parser.on('data', onRow);
    this.#parser.on('error', (thrown: unknown) => {
      this.#failure ??= thrown;
    });
  }

  write(text: Buffer): Promise<void> {
    return this.#step((done) => this.#parser.write(text, done));
  }

  end(): Promise<void> {
    return this.#step((done) => {
      this.#parser.once('end', () => done(undefined));
      this.#parser.once('error', done);
      this.#parser.end();
    });
  }

  async #step(act: (done: (thrown: unknown) => void) => void): Promise<void> {
    if (this.#failure === undefined)
      await new Promise<void>((resolve) => {
        act((thrown) => {
          this.#failure ??= thrown ?? undefined;
          resolve();
        });
      });
    if (this.#failure !== undefined) throw csvError(this.#failure);
  }
}

function csvError(thrown: unknown) {
  const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  // Rows that were complete, the header among them: the number of the first one that was not.
  const records = thrown instanceof Error && 'records' in thrown ? Number(thrown.records) : 0;
  const place = records > 0 ? { record: records } : {};
  const known: Readonly<Record<string, readonly [string, string]>> = {
    CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: ['as many cells as the header has', 'more or fewer'],
    CSV_RECORD_INCONSISTENT_COLUMNS: ['as many cells as the header has', 'more or fewer'],
    CSV_MAX_RECORD_SIZE: ['a row inside the limit of bytes', 'a longer one'],
    CSV_QUOTE_NOT_CLOSED: ['a closing quote', 'the end of the file'],
    INVALID_OPENING_QUOTE: ['a quote only at the start of a cell', 'one inside'],
    CSV_INVALID_CLOSING_QUOTE: ['a separator after a closing quote', 'something else'],
  };
  const text = Object.hasOwn(known, code) ? known[code] : undefined;
  if (text !== undefined) return datasetError(place, text[0], text[1]);
  return asDatasetError(thrown, place, `a row of CSV (${printable(code)})`);
}
