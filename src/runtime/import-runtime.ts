// Makes a slot of libraries that somebody built from source. They are copied while they are hashed, each from one descriptor, and become a slot only
// when every digest is the one that the builders attested and a person has agreed to pin it.

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AirlockError, printable } from '../core/index.ts';
import { addPin } from './add-pin.ts';
import { type BuildRules, checkBuild } from './built-attestation.ts';
import { manifestDigest } from './manifest.ts';
import { libraryNames } from './pin.ts';
import type { BuiltPin, RuntimeArch, SlotFile } from './pin-types.ts';
import { countBytes, type OnRuntimeProgress } from './progress.ts';
import { isInstalled, publishSlot, writeManifest } from './publish-slot.ts';
import { assertNotCancelled, runtimeError } from './runtime-error.ts';
import { type RuntimeSlot, slotOf } from './slot.ts';
import { createStaging, removeStaging } from './staging.ts';

export interface ImportOptions extends BuildRules {
  readonly store: string;
  /** The folder with the libraries and licences; only what the attestations name is read. */
  readonly directory: string;
  readonly version: string;
  readonly arch: RuntimeArch;
  /** Sigstore bundles, one for each builder. */
  readonly attestations: readonly Buffer[];
  /** The file of pins that gets the entry. */
  readonly pinsFile: string;
  /** Asked with the pin before anything counts; false ends it. */
  readonly confirm: (pin: BuiltPin, digest: string) => Promise<boolean>;
  /** Takes the place of another pin and another slot of this version. */
  readonly replace?: boolean | undefined;
  readonly onProgress?: OnRuntimeProgress | undefined;
  readonly signal?: AbortSignal | undefined;
}

const maxFileBytes = 4 * 1024 ** 3;
const pieceBytes = 1024 * 1024;

const required = [libraryNames.cc, libraryNames.framework, 'LICENSE'];

function refuse(name: string, why: string): AirlockError {
  return new AirlockError('RUNTIME_ATTESTATION_INVALID', { message: `${printable(name)} ${why}` });
}

async function openPlain(path: string, name: string): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(path, flags).catch((cause: unknown) => {
    throw new AirlockError('RUNTIME_ATTESTATION_INVALID', {
      message: `${name} cannot be opened as a plain file`,
      detail: path,
      cause,
    });
  });
  const stats = await handle.stat();
  if (stats.isFile() && stats.size <= maxFileBytes) return handle;
  await handle.close();
  throw refuse(name, 'is no plain file of at most 4 GiB');
}

/** Copies a file into the staging folder while it is hashed: what was hashed is what will be loaded. */
async function takeFile(
  from: FileHandle,
  target: string,
  name: string,
  onBytes: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<SlotFile> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const to = await open(target, flags, 0o444);
  try {
    const hash = createHash('sha256');
    const piece = Buffer.allocUnsafe(pieceBytes);
    let bytes = 0;
    for (;;) {
      const { bytesRead } = await from.read(piece, 0, pieceBytes, bytes);
      if (bytesRead === 0) break;
      bytes += bytesRead;
      if (bytes > maxFileBytes) throw refuse(name, 'grows while it is read');
      const part = piece.subarray(0, bytesRead);
      hash.update(part);
      await to.writeFile(part);
      onBytes(bytesRead);
      assertNotCancelled(signal);
    }
    await to.chmod(0o444);
    await to.sync();
    return { name, bytes, sha256: hash.digest('hex') };
  } finally {
    await to.close();
  }
}

async function takeFiles(
  names: readonly string[],
  digests: ReadonlyMap<string, string>,
  slot: string,
  options: ImportOptions,
): Promise<SlotFile[]> {
  const directory = resolve(options.directory);
  const files: SlotFile[] = [];
  for (const name of names) {
    const from = await openPlain(join(directory, name), name);
    try {
      const onBytes = countBytes('extract', (await from.stat()).size, options.onProgress);
      const file = await takeFile(from, join(slot, name), name, onBytes, options.signal);
      if (file.sha256 !== digests.get(name)) throw refuse(name, 'is not the file that the builders attested');
      files.push(file);
    } finally {
      await from.close();
    }
  }
  return files;
}

/**
 * Imports libraries and pins them. Nothing is left behind when it fails or when nobody agrees.
 * @throws RUNTIME_ATTESTATION_INVALID, BUNDLE_INVALID, BUNDLE_UNSUPPORTED, KEY_INVALID, RUNTIME_PINS_INVALID, RUNTIME_SLOT_INVALID (another slot of
 * this version is there), STORE_NOT_WRITABLE, DISK_FULL, CANCELLED (also when nobody agreed)
 */
export async function importRuntime(options: ImportOptions): Promise<RuntimeSlot> {
  const { store, version, arch, signal } = options;
  const { builders, digests } = checkBuild(options.attestations, options);
  const names = Array.from(digests.keys()).sort();
  for (const name of required) if (!digests.has(name)) throw refuse(name, 'is not among what the builders attested');
  const staging = await createStaging(store);
  try {
    const files = await takeFiles(names, digests, staging.slot, options);
    const pin: BuiltPin = { origin: 'built', version, arch, builders, files };
    await writeManifest(pin, staging.slot);
    const slot = { ...slotOf(store, version, arch), pin };
    const repair = options.replace;
    const isThere = await isInstalled(slot, pin, { repair, signal });
    if (!(await options.confirm(pin, manifestDigest(pin))))
      throw new AirlockError('CANCELLED', { message: 'Nothing was imported; --yes imports what is shown' });
    await addPin(options.pinsFile, pin, options.replace);
    if (!isThere) await publishSlot(slot, pin, staging, { repair, signal });
    return slot;
  } catch (error) {
    throw runtimeError(error, 'INTERNAL');
  } finally {
    await removeStaging(staging);
  }
}
