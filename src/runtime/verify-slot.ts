// Proves, before every load, that a slot holds exactly the pinned files. The libraries become code in the worker, so anything unexpected
// refuses: another name, a link, a size, a mode that lets other users write, a byte.
// It never repairs. What somebody with this user's rights changes between this check and the load it cannot see.
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AirlockError, isAirlockError, printable } from '../core/index.ts';
import { assertPrivate as assertPrivatePath } from '../provenance/index.ts';
import { hashHandle } from './hash-file.ts';
import { encodeManifest, manifestName } from './manifest.ts';
import { findPin } from './pin.ts';
import type { SlotFile, SlotPin } from './pin-types.ts';
import { countBytes, type OnRuntimeProgress } from './progress.ts';
import { runtimeError } from './runtime-error.ts';
import type { RuntimeSlot } from './slot.ts';

export interface VerifyOptions {
  readonly onProgress?: OnRuntimeProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

const writableByOthers = 0o022;

function invalid(version: string, detail: string): AirlockError {
  return new AirlockError('RUNTIME_SLOT_INVALID', {
    message: `The installed files of TensorFlow ${version} are not the ones that were verified; \`airlock runtime install --version ${version} --repair\` replaces them, or \`import --replace\` those that were built`,
    detail,
  });
}

/** Another user who owns or may write a file could change it after it was hashed. */
function assertPrivate(stats: Stats, name: string, version: string): void {
  if ((stats.mode & writableByOthers) !== 0) throw invalid(version, `${name}: other users may write it`);
  const self = process.geteuid?.();
  if (stats.uid !== 0 && stats.uid !== self) throw invalid(version, `${name}: it belongs to another user (uid ${stats.uid})`);
}

async function assertFolders(slot: RuntimeSlot): Promise<void> {
  const stats = await lstat(slot.directory);
  if (!stats.isDirectory()) throw invalid(slot.version, 'the slot: not a folder');
  assertPrivate(stats, 'the slot', slot.version);
  // Whoever may write the folder above may put another slot in this one's place. It may be a link: an operator may move it to another disk.
  const above = dirname(slot.directory);
  assertPrivate(await stat(above), 'the folder of the slot', slot.version);
  // The same of every folder and link on the way.
  await assertPrivatePath(above, 'STORE_UNSAFE').catch((thrown: unknown) => {
    throw isAirlockError(thrown) ? invalid(slot.version, thrown.detail ?? thrown.message) : thrown;
  });
}

async function assertNames(slot: RuntimeSlot, expected: readonly string[]): Promise<void> {
  const found = await readdir(slot.directory);
  const extra = found.find((name) => !expected.includes(name));
  if (extra !== undefined) throw invalid(slot.version, `${printable(extra)}: not a file of this runtime`);
  const missing = expected.find((name) => !found.includes(name));
  if (missing !== undefined) throw invalid(slot.version, `${missing}: missing`);
}

async function withFile<T>(
  slot: RuntimeSlot,
  file: Pick<SlotFile, 'name' | 'bytes'>,
  use: (handle: FileHandle) => Promise<T>,
): Promise<T> {
  // O_NONBLOCK: opening a named pipe would otherwise wait for ever.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(join(slot.directory, file.name), flags).catch((error: unknown) => {
    throw invalid(
      slot.version,
      `${file.name}: cannot be opened as a plain file (${runtimeError(error, 'INTERNAL').detail ?? 'unknown'})`,
    );
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw invalid(slot.version, `${file.name}: not a plain file`);
    if (stats.size !== file.bytes) throw invalid(slot.version, `${file.name}: ${stats.size} bytes instead of ${file.bytes}`);
    assertPrivate(stats, file.name, slot.version);
    return await use(handle);
  } finally {
    await handle.close();
  }
}

/** verifySlot against a pin of the caller's choice. Only tests and the installer may choose one. */
export async function verifySlotAgainst(slot: RuntimeSlot, pin: SlotPin, options: VerifyOptions = {}): Promise<void> {
  try {
    await assertFolders(slot);
    await assertNames(slot, [manifestName, ...pin.files.map((file) => file.name)]);
    const manifest = encodeManifest(pin);
    await withFile(slot, { name: manifestName, bytes: manifest.length }, async (handle) => {
      if (!manifest.equals(await handle.readFile())) throw invalid(slot.version, `${manifestName}: differs from the pin table`);
    });
    const totalBytes = pin.files.reduce((sum, file) => sum + file.bytes, 0);
    const onBytes = countBytes('verify', totalBytes, options.onProgress);
    for (const file of pin.files) {
      await withFile(slot, file, async (handle) => {
        const digest = await hashHandle(handle, { maxBytes: file.bytes, onBytes, signal: options.signal });
        if (digest.bytes !== file.bytes || digest.sha256 !== file.sha256)
          throw invalid(slot.version, `${file.name}: its SHA-256 is not the pinned one`);
      });
    }
  } catch (error) {
    throw runtimeError(error, 'RUNTIME_SLOT_INVALID');
  }
}

/**
 * Hashes every file of a slot against the manifest and the pin table; 0.6 s for TensorFlow 2.21.0. Call it before every load.
 * Errors: RUNTIME_SLOT_INVALID (`detail` names the file and the reason), RUNTIME_VERSION_UNKNOWN, CANCELLED.
 */
export async function verifySlot(slot: RuntimeSlot, options: VerifyOptions = {}): Promise<void> {
  await verifySlotAgainst(slot, slot.pin ?? findPin(slot.version, slot.arch), options);
}
