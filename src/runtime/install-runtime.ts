// Installs a pinned TensorFlow into a store: pip downloads, we hash, unpack a few files into a staging folder and rename it.
// Until the rename there is no slot, and whatever goes wrong removes the staging folder, so half an install can never be loaded.
import { constants } from 'node:fs';
import { open, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { AirlockError } from '../core/index.ts';
import { type FetchOptions, fetchWheel } from './fetch-wheel.ts';
import { assertGlibc } from './glibc.ts';
import { hashHandle } from './hash-file.ts';
import { archOfMachine, findWheelPin, type PinTable } from './pin.ts';
import type { RuntimeArch, RuntimePin } from './pin-types.ts';
import { countBytes } from './progress.ts';
import { isInstalled, publishSlot, writeManifest } from './publish-slot.ts';
import { assertNotCancelled, runtimeError } from './runtime-error.ts';
import { type RuntimeSlot, slotOf } from './slot.ts';
import { createStaging, removeStaging, type Staging } from './staging.ts';
import { extractWheel } from './wheel.ts';

const spareBytes = 64 * 1024 * 1024;
export interface InstallPinOptions extends FetchOptions {
  /** Folder of the store; made if it is not there. Whoever stops the install finds nothing left behind. */
  readonly store: string;
  /** Replaces an installed slot that fails verification instead of refusing. */
  readonly repair?: boolean | undefined;
}

export interface InstallOptions extends InstallPinOptions {
  readonly version: string;
  /** Default: this machine's. */
  readonly arch?: RuntimeArch | undefined;
  /** Default: those that Airlock comes with. */
  readonly pins?: PinTable | undefined;
}

function unpackedBytes(pin: RuntimePin): number {
  return pin.files.reduce((sum, file) => sum + file.bytes, 0);
}

async function assertSpace(directory: string, pin: RuntimePin): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  const freeBytes = bavail * bsize;
  // pip has the wheel twice for a moment; later the wheel lies beside what comes out of it.
  const neededBytes = pin.wheelBytes + Math.max(pin.wheelBytes, unpackedBytes(pin)) + spareBytes;
  if (freeBytes >= neededBytes) return;
  const megabytes = (bytes: number) => Math.ceil(bytes / 1e6);
  throw new AirlockError('DISK_FULL', {
    message: `Installing TensorFlow ${pin.version} needs ${megabytes(neededBytes)} MB of free disk, and the store has ${megabytes(freeBytes)} MB`,
  });
}

/** Hashes and unpacks through one handle: the bytes that were hashed are the bytes that are unpacked. */
async function unpackWheel(pin: RuntimePin, staging: Staging, options: InstallPinOptions): Promise<void> {
  const path = join(staging.download, pin.wheel);
  const wheel = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    throw new AirlockError('RUNTIME_DOWNLOAD_FAILED', { detail: `pip did not leave ${pin.wheel}`, cause: error });
  });
  try {
    const onHashed = countBytes('hash', pin.wheelBytes, options.onProgress);
    const digest = await hashHandle(wheel, { maxBytes: pin.wheelBytes, onBytes: onHashed, signal: options.signal });
    if (digest.bytes !== pin.wheelBytes || digest.sha256 !== pin.wheelSha256) {
      throw new AirlockError('RUNTIME_HASH_MISMATCH', {
        detail: `${pin.wheel}: ${digest.bytes} bytes, SHA-256 ${digest.sha256}`,
      });
    }
    const onBytes = countBytes('extract', unpackedBytes(pin), options.onProgress);
    await extractWheel(wheel, { files: pin.files, directory: staging.slot, onBytes, signal: options.signal });
  } finally {
    await wheel.close();
  }
}

/** installRuntime with a pin of the caller's choice. Only tests may choose one. */
export async function installPin(pin: RuntimePin, options: InstallPinOptions): Promise<RuntimeSlot> {
  const slot = { ...slotOf(options.store, pin.version, pin.arch), pin };
  if (await isInstalled(slot, pin, options)) return slot;
  const staging = await createStaging(options.store);
  try {
    await assertSpace(staging.root, pin);
    await fetchWheel(pin, staging, options);
    await unpackWheel(pin, staging, options);
    await writeManifest(pin, staging.slot);
    assertNotCancelled(options.signal);
    await publishSlot(slot, pin, staging, options);
    return slot;
  } catch (error) {
    throw runtimeError(error, 'INTERNAL');
  } finally {
    await removeStaging(staging);
  }
}

/**
 * Installs a pinned TensorFlow, or verifies the one that is installed already. Two installs at once are safe.
 * Needs about 1.2 GB of disk while it runs and 0.9 GB afterwards.
 * Errors: PLATFORM_UNSUPPORTED, RUNTIME_VERSION_UNKNOWN, PIP_MISSING, RUNTIME_UNOFFICIAL, RUNTIME_YANKED, RUNTIME_DOWNLOAD_FAILED, RUNTIME_HASH_MISMATCH,
 * RUNTIME_WHEEL_INVALID, RUNTIME_SLOT_INVALID, DISK_FULL, STORE_NOT_WRITABLE, CANCELLED.
 */
export async function installRuntime(options: InstallOptions): Promise<RuntimeSlot> {
  const machine = archOfMachine();
  const pin = findWheelPin(options.version, options.arch ?? machine, options.pins);
  if (pin.arch === machine) assertGlibc(pin);
  return await installPin(pin, options);
}
