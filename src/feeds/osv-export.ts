// The export files of OSV: a zip with one JSON document for each record (all.zip of an ecosystem), or a JSON array, one record, or one record a line. Bounded
// before anything is unpacked; of tens of thousands of records only those are parsed that name a package that is kept.
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import type { PublishedRecord } from '../advisories/index.ts';
import { readOsvRecord } from './osv-record.ts';

const maxEntries = 500_000;
const maxRecordBytes = 8 * 1024 * 1024;
const maxTotalBytes = 4 * 1024 ** 3;
const zipMagic = Buffer.from('PK\x03\x04');

export interface OsvExport {
  readonly records: readonly PublishedRecord[];
  /**
   * The day of the last change of any record in it, also of other packages; undefined for an empty one, and for a single record, which says nothing
   * about what else there is. So old is what it knows at least.
   */
  readonly read: string | undefined;
}

/** A string says why it cannot be used. */
export async function readOsvExport(bytes: Buffer): Promise<OsvExport | string> {
  const reader = new ExportReader();
  if (bytes.subarray(0, 4).equals(zipMagic)) {
    const problem = await readZip(bytes, reader);
    if (problem !== undefined) return problem;
  } else {
    const problem = readJson(bytes, reader);
    if (problem !== undefined) return problem;
  }
  return reader.problem ?? { records: [...reader.records.values()], read: reader.isList ? reader.read : undefined };
}

class ExportReader {
  readonly records = new Map<string, PublishedRecord>();
  problem: string | undefined;
  /** False for a record that stands alone. */
  isList = true;
  #lastMs = Number.NEGATIVE_INFINITY;

  get read(): string | undefined {
    // A clock that is wrong somewhere must not make the data look newer than today.
    return Number.isFinite(this.#lastMs) ? new Date(Math.min(this.#lastMs, Date.now())).toISOString().slice(0, 10) : undefined;
  }

  text(text: string): void {
    const [, modified] = /"modified"\s*:\s*"([0-9TZ:.+-]{10,40})"/.exec(text) ?? [];
    this.#lastMs = Math.max(this.#lastMs, Date.parse(modified ?? '') || Number.NEGATIVE_INFINITY);
    if (!/"(?:tensorflow|keras)/i.test(text)) return;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      this.problem ??= 'a record is not JSON';
      return;
    }
    this.value(value);
  }

  value(value: unknown): void {
    const record = readOsvRecord(value);
    if (typeof record === 'string') this.problem ??= `a record cannot be read (${record})`;
    else if (record !== undefined) this.records.set(record.id, record);
  }
}

function readJson(bytes: Buffer, reader: ExportReader): string | undefined {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return 'it is not UTF-8';
  }
  let whole: unknown;
  try {
    whole = JSON.parse(text);
  } catch {
    const lines = text.split('\n').filter((line) => line.trim() !== '');
    if (lines.length < 2) return 'it is not JSON';
    if (lines.length > maxEntries) return 'it has too many records';
    for (const line of lines) {
      if (!line.startsWith('{')) return 'it is neither JSON nor one record a line';
      reader.text(line);
    }
    return undefined;
  }
  if (isPage(whole) && typeof whole.next_page_token === 'string' && whole.next_page_token !== '')
    return 'it is one page of several';
  const values = Array.isArray(whole) ? whole : isPage(whole) ? whole.vulns : [whole];
  reader.isList = Array.isArray(whole) || isPage(whole);
  if (values.length > maxEntries) return 'it has too many records';
  for (const value of values) reader.text(JSON.stringify(value));
  return undefined;
}

/** What the API answers, kept as a file. */
function isPage(value: unknown): value is { readonly vulns: readonly unknown[]; readonly next_page_token?: unknown } {
  return typeof value === 'object' && value !== null && 'vulns' in value && Array.isArray(value.vulns);
}

async function readZip(bytes: Buffer, reader: ExportReader): Promise<string | undefined> {
  let zip: ZipFile;
  try {
    zip = await yauzl.fromBufferPromise(bytes, { lazyEntries: true, decodeStrings: true, validateEntrySizes: true });
  } catch {
    return 'it is a damaged zip file';
  }
  if (zip.entryCount > maxEntries) return 'it has too many records';
  let total = 0;
  try {
    for await (const entry of zip.eachEntry()) {
      if (!entry.fileName.endsWith('.json')) continue;
      total += entry.uncompressedSize;
      if (entry.uncompressedSize > maxRecordBytes || total > maxTotalBytes) return 'what is in it is too large';
      reader.text(await readEntry(zip, entry));
    }
  } catch {
    return 'it is a damaged zip file';
  }
  return undefined;
}

async function readEntry(zip: ZipFile, entry: Entry): Promise<string> {
  const pieces: Buffer[] = [];
  const stream = await zip.openReadStreamPromise(entry);
  for await (const piece of stream) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}
