// Installs a pinned TensorFlow into a store: pip downloads, we hash, unpack a few files into a staging folder and rename it.
// Until the rename there is no slot, and whatever goes wrong removes the staging folder, so half an install can never be loaded.
import { constants } from 'node:fs';
import { lstat, open, rename, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { AirlockError } from '../core/index.ts';
import { watchDownload } from './download-watch.ts';
import { assertGlibc } from './glibc.ts';
import { hashHandle } from './hash-file.ts';
import { encodeManifest, manifestName } from './manifest.ts';
import { archOfMachine, findPin } from './pin.ts';
import type { RuntimeArch, RuntimePin } from './pin-types.ts';
import { downloadWheel, findPip, type PipEnvironment } from './pip.ts';
import { countBytes, type OnRuntimeProgress } from './progress.ts';
import { assertNotCancelled, hasCode, runtimeError } from './runtime-error.ts';
import { type RuntimeSlot, runtimesOf, slotOf } from './slot.ts';
import { createStaging, removeStaging, type Staging } from './staging.ts';
import { verifySlotAgainst } from './verify-slot.ts';
import { extractWheel } from './wheel.ts';

const spareBytes = 64 * 1024 * 1024;
const defaultStallAfterMs = 120_000;

export interface InstallPinOptions {
  /** Folder of the store; made if it is not there. */
  readonly store: string;
  readonly onProgress?: OnRuntimeProgress | undefined;
  /** Stops the install; nothing is left behind. */
  readonly signal?: AbortSignal | undefined;
  /** What pip sees; default: the environment of this process. */
  readonly env?: PipEnvironment | undefined;
  /** Replaces an installed slot that fails verification instead of refusing. */
  readonly repair?: boolean | undefined;
  /** Gives a download up after this long without a byte. Default 120,000. */
  readonly stallAfterMs?: number | undefined;
}

export interface InstallOptions extends InstallPinOptions {
  readonly version: string;
  /** Default: this machine's. */
  readonly arch?: RuntimeArch | undefined;
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

/** True when the slot is there and verifies. Errors: RUNTIME_SLOT_INVALID when it is there and does not, unless `repair`. */
async function isInstalled(slot: RuntimeSlot, pin: RuntimePin, options: InstallPinOptions): Promise<boolean> {
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

async function fetchWheel(pin: RuntimePin, staging: Staging, options: InstallPinOptions): Promise<void> {
  const env = options.env ?? process.env;
  const pip = await findPip({ cwd: staging.temporary, env, signal: options.signal });
  const watch = {
    directories: [staging.temporary, staging.download],
    totalBytes: pin.wheelBytes,
    onProgress: options.onProgress,
    stallAfterMs: options.stallAfterMs ?? defaultStallAfterMs,
    signal: options.signal,
  };
  const { temporary, download: destination } = staging;
  await watchDownload(watch, (signal) => downloadWheel({ pin, pip, env, temporary, destination, signal }));
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

async function writeManifest(pin: RuntimePin, directory: string): Promise<void> {
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
async function publish(slot: RuntimeSlot, pin: RuntimePin, staging: Staging, options: InstallPinOptions): Promise<void> {
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
  await syncFolder(runtimesOf(options.store));
}

/** installRuntime with a pin of the caller's choice. Only tests may choose one. */
export async function installPin(pin: RuntimePin, options: InstallPinOptions): Promise<RuntimeSlot> {
  const slot = slotOf(options.store, pin.version, pin.arch);
  if (await isInstalled(slot, pin, options)) return slot;
  const staging = await createStaging(options.store);
  try {
    await assertSpace(staging.root, pin);
    await fetchWheel(pin, staging, options);
    await unpackWheel(pin, staging, options);
    await writeManifest(pin, staging.slot);
    assertNotCancelled(options.signal);
    await publish(slot, pin, staging, options);
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
 * Errors: PLATFORM_UNSUPPORTED, RUNTIME_VERSION_UNKNOWN, PIP_MISSING, RUNTIME_DOWNLOAD_FAILED, RUNTIME_HASH_MISMATCH,
 * RUNTIME_WHEEL_INVALID, RUNTIME_SLOT_INVALID, DISK_FULL, STORE_NOT_WRITABLE, CANCELLED.
 */
export async function installRuntime(options: InstallOptions): Promise<RuntimeSlot> {
  const machine = archOfMachine();
  const pin = findPin(options.version, options.arch ?? machine);
  if (pin.arch === machine) assertGlibc(pin);
  return await installPin(pin, options);
}
