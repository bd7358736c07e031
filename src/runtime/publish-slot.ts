// The last steps of an install and of an import: the manifest, and the rename that makes a staging folder a slot. Until then there is no slot, so half
// an install can never be loaded.
import { constants } from 'node:fs';
import { lstat, open, rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { encodeManifest, manifestName } from './manifest.ts';
import type { SlotPin } from './pin-types.ts';
import type { OnRuntimeProgress } from './progress.ts';
import { hasCode, runtimeError } from './runtime-error.ts';
import type { RuntimeSlot } from './slot.ts';
import type { Staging } from './staging.ts';
import { verifySlotAgainst } from './verify-slot.ts';

export interface PublishOptions {
  /** Replaces a slot that fails verification instead of refusing. */
  readonly repair?: boolean | undefined;
  readonly onProgress?: OnRuntimeProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** True when the slot is there and verifies. Errors: RUNTIME_SLOT_INVALID when it is there and does not, unless `repair`. */
export async function isInstalled(slot: RuntimeSlot, pin: SlotPin, options: PublishOptions): Promise<boolean> {
  const stats = await lstat(slot.directory).catch(() => undefined);
  if (stats === undefined) return false;
  try {
    await verifySlotAgainst(slot, pin, options);
    return true;
  } catch (error) {
    if (options.repair === true && runtimeError(error, 'INTERNAL').code === 'RUNTIME_SLOT_INVALID') return false;
    throw error;
  }
}

export async function writeManifest(pin: SlotPin, directory: string): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const handle = await open(join(directory, manifestName), flags, 0o444);
  try {
    await handle.writeFile(encodeManifest(pin));
    await handle.chmod(0o444);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Gives the staged files their place. When another install was faster its slot is kept, after it has been verified. */
export async function publishSlot(slot: RuntimeSlot, pin: SlotPin, staging: Staging, options: PublishOptions): Promise<void> {
  await syncFolder(staging.slot);
  try {
    await rename(staging.slot, slot.directory);
  } catch (error) {
    // ENOTDIR: a file or link has the slot's name.
    if (!hasCode(error, 'EEXIST', 'ENOTEMPTY', 'ENOTDIR')) throw error;
    if (await isInstalled(slot, pin, options)) return;
    await rename(slot.directory, join(staging.root, 'replaced'));
    await rename(staging.slot, slot.directory);
  }
  await syncFolder(dirname(slot.directory));
}
