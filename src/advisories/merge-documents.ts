// Puts documents and records of feeds together. Nothing is ever lost: of two versions of one entry the newer counts, and what only one side has stays. The
// same updates in any order, or twice, give the same document.
import type { AdvisoryDocument, BundledLibrary, PublishedRecord } from './advisory-types.ts';

export function mergeDocuments(a: AdvisoryDocument, b: AdvisoryDocument): AdvisoryDocument {
  const [newer, older] = isNewer(a, b) ? [a, b] : [b, a];
  return {
    format: 1,
    read: later(a.read, b.read),
    curated: newer.curated,
    sources: newer.sources,
    tensorflow: joined(newer.tensorflow, older.tensorflow, ({ id }) => id),
    keras: joined(newer.keras, older.keras, ({ id }) => id),
    libraries: joined(newer.libraries, older.libraries, nameOf),
    records: mergeRecords(a.records, b.records),
  };
}

/** @param read The day on which a feed said all of this; absent when it did not say everything that it knows. */
export function addRecords(document: AdvisoryDocument, records: readonly PublishedRecord[], read?: string): AdvisoryDocument {
  return {
    ...document,
    read: read === undefined ? document.read : later(document.read, read),
    records: mergeRecords(document.records, records),
  };
}

function isNewer(a: AdvisoryDocument, b: AdvisoryDocument): boolean {
  if (a.curated !== b.curated) return a.curated > b.curated;
  const own = ({ tensorflow, keras, libraries }: AdvisoryDocument): string => JSON.stringify([tensorflow, keras, libraries]);
  return own(a) > own(b);
}

/** The newer ones as they are, then those that only the older side has. */
function joined<T>(newer: readonly T[], older: readonly T[], keyOf: (entry: T) => string): readonly T[] {
  const known = new Set(newer.map(keyOf));
  return [...newer, ...older.filter((entry) => !known.has(keyOf(entry)))];
}

function nameOf({ library, cves }: BundledLibrary): string {
  return `${library} ${cves.join()}`;
}

function mergeRecords(a: readonly PublishedRecord[], b: readonly PublishedRecord[]): readonly PublishedRecord[] {
  const kept = new Map<string, PublishedRecord>();
  for (const record of [...a, ...b]) {
    const known = kept.get(record.id);
    kept.set(record.id, known === undefined ? record : newerOf(known, record));
  }
  return [...kept.values()].sort((x, y) => (x.id < y.id ? -1 : 1));
}

/** The one that was changed later; without a date, or with the same, the one that stretches further. */
function newerOf(a: PublishedRecord, b: PublishedRecord): PublishedRecord {
  if (a.modified !== b.modified) return Date.parse(a.modified || '1970-01-01') > Date.parse(b.modified || '1970-01-01') ? a : b;
  // {"introduced":"0"} sorts after {"introduced":"0","fixed":…}: in doubt what is affected without end.
  return JSON.stringify(a) > JSON.stringify(b) ? a : b;
}

function later(a: string, b: string): string {
  return a > b ? a : b;
}
