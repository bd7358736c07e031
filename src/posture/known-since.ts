// Remembers since when the data of this store has named an advisory, so that one which arrives late is not overdue on the day it arrives: nobody could have
// acted on it. What the store's first data named counts from its publication. The file can only move a deadline by being written by the store's own user,
// and when it is lost the deadlines are those of publication, which are earlier.
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { AirlockError, jsonOrUndefined } from '../core/index.ts';
import { readPrivateFile, writePrivateFile } from '../runtime/index.ts';
import { dayOf, startOfDayMs } from './days.ts';

const fileName = 'known-since.json';
const maxBytes = 4 * 1024 * 1024;

const day = z.string().refine((text) => startOfDayMs(text) !== undefined);
const schema = z.strictObject({
  format: z.literal(1),
  /** `null`: named from the beginning. */
  known: z.record(z.string().max(64), day.nullable()),
});

/**
 * By advisory, the day on which this store first saw it, for those that its first data did not name. Writes down what is new where `mayWrite`;
 * where not, what is new counts from its publication.
 * @throws STORE_UNSAFE when another user could have written the file, or it is not what was written; STORE_NOT_WRITABLE, DISK_FULL.
 */
export function knownSince(
  store: string,
  ids: readonly string[],
  { nowMs, mayWrite }: { readonly nowMs: number; readonly mayWrite: boolean },
): ReadonlyMap<string, string> {
  const folder = join(resolve(store), 'posture');
  const kept = read(join(folder, fileName));
  const today = dayOf(nowMs);
  const isFirst = kept === undefined;
  const known = new Map<string, string | null>(Object.entries(kept ?? {}));
  const fresh = ids.filter((id) => !known.has(id));
  // What is not written down would be new again tomorrow, and never overdue.
  for (const id of fresh) known.set(id, isFirst || !mayWrite ? null : today);
  if (mayWrite && fresh.length > 0)
    writePrivateFile(folder, fileName, `${JSON.stringify({ format: 1, known: Object.fromEntries(known) })}\n`);
  // A day that is still to come is a clock that was set back, and would move the deadline.
  return new Map([...known].flatMap(([id, since]) => (since === null || since > today ? [] : [[id, since] as const])));
}

function read(place: string): Readonly<Record<string, string | null>> | undefined {
  const text = readPrivateFile(place, maxBytes);
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(jsonOrUndefined(text));
  if (parsed.success) return parsed.data.known;
  throw new AirlockError('STORE_UNSAFE', {
    message: 'What the store remembers of advisories is not what was written',
    detail: place,
  });
}
