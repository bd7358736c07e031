// What a rehearsal said, as a promotion reads it: which TensorFlow was compared with which, on which versions of which models, and what came of it. The rehearsal
// writes it; whoever promotes reads it strictly, because a record that somebody changed would let a TensorFlow serve that nobody tried.
import { readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { AirlockError, jsonOrUndefined } from '../core/index.ts';
import { readPrivateFile, writePrivateFile } from './private-file.ts';
import { hasCode, runtimeError } from './runtime-error.ts';

/** `same`: nothing differed beyond the tolerances. `changed`: it works and answers differently. `failed`: something did not load or answer. */
export type RehearsalVerdict = 'same' | 'changed' | 'failed';

export interface RehearsedModel {
  readonly name: string;
  /** In decimal digits. */
  readonly version: string;
  /** The content that was rehearsed: the identity of a signed model's manifest, else the digest of the folder's snapshot. */
  readonly identity: string;
  readonly verdict: RehearsalVerdict;
  /** Requests that both answered. */
  readonly requests: number;
  /** The largest differences between two numbers of the answers; Infinity is written as -1. */
  readonly maxAbsolute: number;
  readonly maxRelative: number;
  /** Requests whose largest output was another one. */
  readonly classFlips: number;
}

export interface RehearsalRecord {
  readonly format: 1;
  /** Up to 64 letters, digits and hyphens; names the file. */
  readonly id: string;
  readonly from: string;
  readonly to: string;
  /** As `Date.toISOString` writes it. */
  readonly startedAt: string;
  readonly endedAt: string;
  readonly verdict: RehearsalVerdict;
  readonly reasons: readonly string[];
  readonly models: readonly RehearsedModel[];
  /** Name of the report for people beside the record. */
  readonly report?: string | undefined;
}

const maxRecordBytes = 4 * 1024 * 1024;
const maxModels = 10_000;
/** Records that are looked at; the newest by name, which rehearsals begin with the time. */
const maxRecords = 1_000;

const idPattern = /^[0-9A-Za-z][0-9A-Za-z-]{0,63}$/;
const version = z.string().regex(/^\d{1,3}\.\d{1,3}\.\d{1,3}$/);
const time = z.iso.datetime({ precision: 3 });
const verdict = z.enum(['same', 'changed', 'failed']);
const count = z.number().int().min(0);
const difference = z.number().min(-1);

const modelSchema = z.strictObject({
  name: z.string().min(1).max(1_024),
  version: z.string().regex(/^\d{1,19}$/),
  identity: z.string().min(1).max(256),
  verdict,
  requests: count,
  maxAbsolute: difference,
  maxRelative: difference,
  classFlips: count,
}) satisfies z.ZodType<RehearsedModel>;

const recordSchema = z.strictObject({
  format: z.literal(1),
  id: z.string().regex(idPattern),
  from: version,
  to: version,
  startedAt: time,
  endedAt: time,
  verdict,
  reasons: z.array(z.string().max(4_096)).max(1_000),
  models: z.array(modelSchema).max(maxModels),
  report: z
    .string()
    .regex(/^[0-9A-Za-z][0-9A-Za-z.-]{0,127}$/)
    .exactOptional(),
}) satisfies z.ZodType<RehearsalRecord>;

/** A promotion asks for the last 30 days; older ones tell a person something for a while. */
const keptMs = 90 * 24 * 3_600_000;

/** The folder of a store's rehearsals. */
export function rehearsalsOf(store: string): string {
  return join(resolve(store), 'rehearsals');
}

/** Undefined for text that is no record. Never throws. */
export function parseRehearsal(text: string): RehearsalRecord | undefined {
  const parsed = recordSchema.safeParse(jsonOrUndefined(text));
  return parsed.success ? parsed.data : undefined;
}

/**
 * Keeps a record as `<store>/rehearsals/<id>.json`, mode 0600, and gives its path. Records that ended more than 90 days before this one go, with their reports: a timer
 * that rehearses each night would fill the store.
 * @throws INTERNAL for a record that would not be read back; STORE_UNSAFE, STORE_NOT_WRITABLE, DISK_FULL.
 */
export function writeRehearsal(store: string, record: RehearsalRecord): string {
  const text = `${JSON.stringify(record, undefined, 2)}\n`;
  if (parseRehearsal(text) === undefined || Buffer.byteLength(text) > maxRecordBytes)
    throw new AirlockError('INTERNAL', { detail: 'a rehearsal made a record that could not be read back' });
  const folder = rehearsalsOf(store);
  writePrivateFile(folder, `${record.id}.json`, text);
  removeOld(store, Date.parse(record.endedAt) - keptMs);
  return join(folder, `${record.id}.json`);
}

/** What cannot be removed stays: it takes room and decides nothing. */
function removeOld(store: string, beforeMs: number): void {
  const folder = rehearsalsOf(store);
  for (const { id, endedAt } of readRehearsals(store).records) {
    if (Date.parse(endedAt) >= beforeMs) continue;
    for (const name of [`${id}.html`, `${id}.json`]) {
      try {
        rmSync(join(folder, name), { force: true });
      } catch {
        // As above.
      }
    }
  }
}

export interface Rehearsals {
  /** Those that ended last first. */
  readonly records: readonly RehearsalRecord[];
  /** Names of files that are no records; they count for nothing. */
  readonly unreadable: readonly string[];
}

/**
 * The records of a store, the newest 1000 by name. What is not a record, or could have been written by another user, is named and left out.
 * @throws STORE_NOT_WRITABLE when the folder cannot be listed.
 */
export function readRehearsals(store: string): Rehearsals {
  const folder = rehearsalsOf(store);
  const wanted = listOrNone(folder).filter((name) => name.endsWith('.json'));
  const records: RehearsalRecord[] = [];
  const unreadable: string[] = [];
  for (const name of wanted.sort().slice(-maxRecords)) {
    const record = readRecord(join(folder, name));
    // A copy under another name would be a second vote.
    if (record === undefined || name !== `${record.id}.json`) unreadable.push(name);
    else records.push(record);
  }
  records.sort((a, b) => (a.endedAt < b.endedAt ? 1 : -1));
  return { records, unreadable };
}

function listOrNone(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (thrown) {
    if (hasCode(thrown, 'ENOENT')) return [];
    throw runtimeError(thrown, 'STORE_NOT_WRITABLE');
  }
}

function readRecord(place: string): RehearsalRecord | undefined {
  try {
    return parseRehearsal(readPrivateFile(place, maxRecordBytes) ?? '');
  } catch {
    return undefined;
  }
}
