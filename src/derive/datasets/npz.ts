// An .npz file as a data set: a ZIP with one array per entry, each a column; records are their rows side by side. Entries are inflated as
// they are read, a batch at a time. What the archive's directory says is believed only as far as the entries bear it out.
import { crc32 } from 'node:zlib';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { printable } from '../../core/index.ts';
import { ByteQueue } from './byte-queue.ts';
import { asDatasetError, datasetError } from './dataset-error.ts';
import { batchRows, type Column, type Dataset, type DatasetLimits, type RecordBatch } from './dataset-types.ts';
import { ratioFreeBytes } from './inflate.ts';
import { npyDataOffset, npyPreludeBytes, readNpyHeader } from './npy-header.ts';
import { NpyRows } from './npy-rows.ts';
import type { SourceFile } from './source-file.ts';

const maxEntries = 1_000;
const maxNameBytes = 256;
const methodStored = 0;
const methodDeflated = 8;

interface ArrayEntry {
  readonly entry: Entry;
  readonly dataOffset: number;
  readonly rows: NpyRows;
}

/** @throws DATASET_INVALID for object arrays, encryption, other compressions, double names, overlapping entries, and past the limits. */
export async function openNpz(file: SourceFile, limits: DatasetLimits): Promise<Dataset> {
  const arrays = new Map<string, ArrayEntry>();
  // ZipFile.close() would close the descriptor under the file that owns it, so it is never called.
  const zip = await yauzl
    .fromFdPromise(file.fd, { autoClose: false, decodeStrings: false })
    .catch((thrown: unknown) => Promise.reject(asDatasetError(thrown, {}, 'an undamaged ZIP')));
  for (const [name, entry] of await listEntries(zip, file, limits)) arrays.set(name, await readHead(zip, entry, name, limits));
  return {
    kind: 'npz',
    name: file.name,
    totalBytes: file.size,
    columns: [...arrays.keys()],
    writableByOthers: file.writableByOthers,
    records: (wanted) =>
      readArrays(
        file,
        zip,
        [...arrays.values()].filter(({ rows }) => wanted?.has(rows.name) !== false),
      ),
    sha256: () => file.sha256(),
    close: () => file.close(),
  };
}

async function listEntries(zip: ZipFile, file: SourceFile, limits: DatasetLimits): Promise<ReadonlyMap<string, Entry>> {
  const entries = new Map<string, Entry>();
  if (zip.entryCount > maxEntries) throw datasetError({}, `at most ${maxEntries} entries`, `${zip.entryCount}`);
  let packed = 0;
  let size = 0;
  try {
    for await (const entry of zip.eachEntry()) {
      const raw: unknown = entry.fileName;
      const bytes = Buffer.isBuffer(raw) ? raw : Buffer.from(String(raw));
      const full = bytes.toString('utf8');
      const name = full.replace(/\.npy$/, '');
      if (bytes.length > maxNameBytes || printable(full, maxNameBytes) !== full || name === full || name === '')
        throw datasetError({}, 'entries that are arrays: name.npy', full);
      const place = { column: name };
      if (entries.has(name)) throw datasetError(place, 'each name once', 'a second entry');
      if (entry.isEncrypted()) throw datasetError(place, 'an entry without encryption', 'an encrypted one');
      if (entry.compressionMethod !== methodStored && entry.compressionMethod !== methodDeflated)
        throw datasetError(place, 'an entry that is stored or deflated', `compression ${entry.compressionMethod}`);
      packed += entry.compressedSize;
      size += entry.uncompressedSize;
      // Entries that overlap inflate one kernel of bytes again and again ("A better zip bomb", Fifield 2019).
      if (packed > file.size) throw datasetError(place, 'entries that do not overlap', 'more bytes than the file has');
      if (size > limits.maxBytes) throw datasetError(place, `at most ${limits.maxBytes} bytes inflated`, 'more');
      if (entry.uncompressedSize > ratioFreeBytes && entry.uncompressedSize > entry.compressedSize * limits.maxRatio)
        throw datasetError(place, `at most ${limits.maxRatio} bytes out of each byte`, 'more');
      entries.set(name, entry);
    }
  } catch (thrown) {
    throw asDatasetError(thrown, {}, 'an undamaged ZIP');
  }
  return entries;
}

async function readHead(zip: ZipFile, entry: Entry, name: string, limits: DatasetLimits): Promise<ArrayEntry> {
  const queue = new ByteQueue(inflated(zip, entry, name, false));
  try {
    const prelude = await queue.take(npyPreludeBytes);
    const rest = npyDataOffset(prelude, name) - npyPreludeBytes;
    const header = readNpyHeader(Buffer.concat([prelude, await queue.take(Math.max(0, rest))]), name);
    const rows = new NpyRows(name, header, limits);
    if (header.dataOffset + rows.dataBytes !== entry.uncompressedSize)
      throw datasetError({ column: name }, `${rows.dataBytes} bytes of data, as the header says`, 'another size');
    return { entry, dataOffset: header.dataOffset, rows };
  } finally {
    await queue.close();
  }
}

async function* inflated(zip: ZipFile, entry: Entry, name: string, checked: boolean): AsyncGenerator<Buffer, void, undefined> {
  try {
    // yauzl ends the stream with an error when it inflates to another size than the directory says.
    const stream = await zip.openReadStreamPromise(entry);
    let checksum = 0;
    for await (const piece of stream) {
      const bytes: Buffer = piece;
      if (checked) checksum = crc32(bytes, checksum);
      yield bytes;
    }
    if (checked && checksum !== entry.crc32)
      throw datasetError({ column: name }, 'data with the right checksum', 'another checksum');
  } catch (thrown) {
    throw asDatasetError(thrown, { column: name }, 'an undamaged entry');
  }
}

async function* readArrays(
  file: SourceFile,
  zip: ZipFile,
  arrays: readonly ArrayEntry[],
): AsyncGenerator<RecordBatch, void, undefined> {
  await file.digestFirst();
  const total = arrays[0]?.rows.rows ?? 0;
  for (const { rows } of arrays) {
    if (rows.rows !== total)
      throw datasetError({ column: rows.name }, `${total} rows, as ${printable(arrays[0].rows.name)} has`, `${rows.rows} rows`);
  }
  const perBatch = Math.min(batchRows, ...arrays.map(({ rows }) => rows.rowsPerBatch));
  const queues = arrays.map(({ entry, rows }) => new ByteQueue(inflated(zip, entry, rows.name, true)));
  try {
    for (const [index, queue] of queues.entries()) await queue.take(arrays[index].dataOffset);
    for (let done = 0; done < total; ) {
      const count = Math.min(perBatch, total - done);
      const columns = new Map<string, Column>();
      for (const [index, { rows }] of arrays.entries()) {
        const bytes = await queues[index].take(rows.bytesOf(count));
        if (bytes.length !== rows.bytesOf(count)) throw datasetError({ column: rows.name }, 'all rows', 'the end of the entry');
        columns.set(rows.name, rows.column(bytes, count, done + 1));
      }
      yield { firstRecord: done + 1, rows: count, columns };
      done += count;
    }
    // Only at its end is an entry's checksum known.
    for (const queue of queues) await queue.atEnd();
  } finally {
    for (const queue of queues) await queue.close();
  }
  await file.assertUnchanged();
}
