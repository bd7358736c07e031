// Whose store it is, for commands that a person or a timer starts as root beside a server that runs as another user: what root makes in there that server cannot
// read, and it would not start any more. A server asks nothing here: whatever user it runs as, the store is its own.
import { statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AirlockError, printable } from '../core/index.ts';

/**
 * The user whose server uses `store`, when that is not this one; undefined for other users than root, who cannot write there by accident, and for a store in
 * which root's own server has kept its log.
 */
export function foreignOwner(store: string): number | undefined {
  if (process.geteuid?.() !== 0) return undefined;
  // A server that is root in its container may have a folder of somebody else's as its volume.
  if (statSync(join(resolve(store), 'audit'), { throwIfNoEntry: false })?.uid === 0) return undefined;
  for (let place = resolve(store); ; place = dirname(place)) {
    const stats = statSync(place, { throwIfNoEntry: false });
    if (stats !== undefined) return stats.uid === 0 ? undefined : stats.uid;
  }
}

/** @throws STORE_UNSAFE for root beside a server of another user. */
export function assertOwnStore(store: string): void {
  const owner = foreignOwner(store);
  if (owner === undefined) return;
  throw new AirlockError('STORE_UNSAFE', {
    message: `The store belongs to user ${owner}, whose server could not read what root writes into it: run this as that user`,
    detail: printable(store, 4_096),
  });
}
