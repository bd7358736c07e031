// One update of a store at a time: two timers that met would rehearse twice at once on a machine that has room for one, and the second would find its work done or
// under way only at its end.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { withFolderLock } from '../audit/index.ts';
import { AirlockError, isDeadOwner, isLocalOwner, jsonOrUndefined, ownerMark } from '../core/index.ts';
import { makePrivateFolder, readPrivateFile, writePrivateFile } from './private-file.ts';
import { rolloutOf } from './selection.ts';

const fileName = 'updating.json';
const maxBytes = 4_096;
/** One from another container that is as old as this was left behind. */
const abandonedMs = 24 * 3_600_000;

const schema = z.strictObject({ format: z.literal(1), owner: z.string().max(128), since: z.iso.datetime({ precision: 3 }) });

/**
 * Runs `job` while no other update of this store does. What a dead one left behind is taken over.
 * @throws PROMOTION_BUSY while another one runs; what `job` throws; STORE_UNSAFE, STORE_NOT_WRITABLE, DISK_FULL, AUDIT_LOG_FAILED.
 */
export async function withUpdateLock<T>(store: string, job: () => Promise<T>): Promise<T> {
  const folder = rolloutOf(store);
  makePrivateFolder(folder);
  const since = new Date().toISOString();
  withFolderLock(folder, () => {
    const other = holderOf(folder);
    if (other !== undefined)
      throw new AirlockError('PROMOTION_BUSY', { message: `Another update of this store has been running since ${other}` });
    writePrivateFile(folder, fileName, `${JSON.stringify({ format: 1, owner: ownerMark(), since })}\n`);
  });
  try {
    return await job();
  } finally {
    rmSync(join(folder, fileName), { force: true });
  }
}

/** Since when somebody who lives has been at it. */
function holderOf(folder: string): string | undefined {
  const text = readPrivateFile(join(folder, fileName), maxBytes);
  if (text === undefined) return undefined;
  const parsed = schema.safeParse(jsonOrUndefined(text));
  if (!parsed.success || isDeadOwner(parsed.data.owner)) return undefined;
  const { owner, since } = parsed.data;
  return isLocalOwner(owner) || Math.abs(Date.now() - Date.parse(since)) < abandonedMs ? since : undefined;
}
