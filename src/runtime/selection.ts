// Which TensorFlow serves: the one that the configuration names, unless another was promoted since. The command line asks for a change by writing one small
// file; a running server follows it and writes into it what came of it. A promotion counts once it was carried out: a server that dies half way starts with
// what served before. A way back needs nobody's consent, so it counts at once.
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { withFolderLock } from '../audit/index.ts';
import { AirlockError, jsonOrUndefined } from '../core/index.ts';
import { makePrivateFolder, readPrivateFile, writePrivateFile } from './private-file.ts';
import type { RehearsalVerdict } from './rehearsal-record.ts';

export type SelectionKind = 'promote' | 'rollback';

/** What was asked for last, and whether it is done. */
export interface Selection {
  readonly format: 1;
  /** Of this change; 16 hexadecimal digits. */
  readonly id: string;
  readonly kind: SelectionKind;
  /** What the configuration's `runtime.tensorflow` said at the time; where it says something else by now, it counts and this does not. */
  readonly configured: string;
  readonly version: string;
  /** What served before, and is kept to go back to. */
  readonly previous: string;
  /** The user who asked, or `airlock` for a server that went back by itself. */
  readonly by: string;
  /** As `Date.toISOString` writes it. */
  readonly at: string;
  readonly reason?: string | undefined;
  /** Of a promotion: what its rehearsal said; `unrehearsed` when somebody did not want one. */
  readonly verdict?: RehearsalVerdict | 'unrehearsed' | undefined;
  /** Id of the rehearsal. */
  readonly rehearsal?: string | undefined;
  /** Why somebody took a TensorFlow whose answers differ. */
  readonly accepted?: string | undefined;
  /** `pending`: nobody has begun. `moving`: a server is at it. */
  readonly state: 'pending' | 'moving' | 'done';
  /** Which server began; see `ownerMark`. */
  readonly owner?: string | undefined;
}

const maxSelectionBytes = 64 * 1024;
const fileName = 'selection.json';

const version = z.string().regex(/^\d{1,3}\.\d{1,3}\.\d{1,3}$/);
const text = z.string().max(4_096);

const selectionSchema = z.strictObject({
  format: z.literal(1),
  id: z.string().regex(/^[0-9a-f]{16}$/),
  kind: z.enum(['promote', 'rollback']),
  configured: version,
  version,
  previous: version,
  by: text,
  at: z.iso.datetime({ precision: 3 }),
  reason: text.exactOptional(),
  verdict: z.enum(['same', 'changed', 'failed', 'unrehearsed']).exactOptional(),
  rehearsal: text.exactOptional(),
  accepted: text.exactOptional(),
  state: z.enum(['pending', 'moving', 'done']),
  owner: z.string().max(128).exactOptional(),
}) satisfies z.ZodType<Selection>;

/** The folder of a store in which changes of TensorFlow are asked for and recorded; only the server's user may write it. */
export function rolloutOf(store: string): string {
  return join(resolve(store), 'rollout');
}

export function newSelectionId(): string {
  return randomBytes(8).toString('hex');
}

/**
 * What was asked for last; undefined when nothing ever was.
 * @throws STORE_UNSAFE when another user could have written it, or when it is not what was written: in doubt nothing changes.
 */
export function readSelection(store: string): Selection | undefined {
  const place = join(rolloutOf(store), fileName);
  const bytes = readPrivateFile(place, maxSelectionBytes);
  if (bytes === undefined) return undefined;
  const parsed = selectionSchema.safeParse(jsonOrUndefined(bytes));
  if (parsed.success) return parsed.data;
  throw new AirlockError('STORE_UNSAFE', {
    message: 'The selection of TensorFlow in the store is not what was written',
    detail: place,
  });
}

/**
 * Replaces the selection by what `change` makes of the one that is there, while nobody else does; undefined leaves it. Gives what is there afterwards.
 * @throws what `change` throws; STORE_UNSAFE, STORE_NOT_WRITABLE, DISK_FULL; AUDIT_LOG_FAILED when another process holds the folder for 3 s.
 */
export function changeSelection(
  store: string,
  change: (now: Selection | undefined) => Selection | undefined,
): Selection | undefined {
  const folder = rolloutOf(store);
  makePrivateFolder(folder);
  return withFolderLock(folder, () => {
    const now = readSelection(store);
    const next = change(now);
    if (next === undefined) return now;
    writePrivateFile(folder, fileName, `${JSON.stringify(selectionSchema.parse(next), undefined, 2)}\n`);
    return next;
  });
}

/**
 * The TensorFlow that a selection means for a configuration that names `configured`, and the other slot that must stay: what served before, or what is
 * about to. What was gone back from is nothing to keep.
 * @param serving what a server says that it answers with, which while it moves is another than the one that a start would take: then that one is kept.
 */
export function chosenVersion(
  selection: Selection | undefined,
  configured: string,
  serving?: string,
): { readonly version: string; readonly kept: string | undefined } {
  const chosen = chosenAtStart(selection, configured);
  if (serving === undefined || serving === chosen.version) return chosen;
  return { version: chosen.version, kept: chosen.version };
}

function chosenAtStart(
  selection: Selection | undefined,
  configured: string,
): { readonly version: string; readonly kept: string | undefined } {
  if (selection === undefined || selection.configured !== configured) return { version: configured, kept: undefined };
  const { kind, state, version: wanted, previous } = selection;
  if (kind === 'rollback') return { version: wanted, kept: undefined };
  return state === 'done' ? { version: wanted, kept: previous } : { version: previous, kept: wanted };
}

/** The TensorFlow that a server of this store starts with. @throws STORE_UNSAFE. */
export function selectedVersion(store: string, configured: string): string {
  return chosenVersion(readSelection(store), configured).version;
}
