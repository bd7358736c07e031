// Where installed runtimes lie: <store>/runtimes/<version>-<arch>/. This file only names and lists; what lies in a slot is
// trusted by nobody before verifySlot has hashed it.
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AirlockError } from '../core/index.ts';
import { archOfMachine, findPin, libraryNames } from './pin.ts';
import type { RuntimeArch } from './pin-types.ts';
import { hasCode } from './runtime-error.ts';

/** One installed TensorFlow. Load the framework library first, then cc. */
export interface RuntimeSlot {
  readonly version: string;
  readonly arch: RuntimeArch;
  /** Absolute. */
  readonly directory: string;
  readonly ccPath: string;
  readonly frameworkPath: string;
}

const slotName = /^(\d{1,3}\.\d{1,3}\.\d{1,3})-(x86_64|aarch64)$/;

/** The folder that holds the slots of a store. */
export function runtimesOf(store: string): string {
  return join(resolve(store), 'runtimes');
}

/** The slot that a version has in a store, whether it is there or not. */
export function slotOf(store: string, version: string, arch: RuntimeArch): RuntimeSlot {
  const directory = join(runtimesOf(store), `${version}-${arch}`);
  const ccPath = join(directory, libraryNames.cc);
  return { version, arch, directory, ccPath, frameworkPath: join(directory, libraryNames.framework) };
}

function isArch(text: string | undefined): text is RuntimeArch {
  return text === 'x86_64' || text === 'aarch64';
}

function compareVersions(a: string, b: string): number {
  return b.localeCompare(a, 'en', { numeric: true });
}

/** The slots of a store, newest version first; empty when there is none. Not verified. */
export async function listSlots(store: string): Promise<readonly RuntimeSlot[]> {
  const entries = await readdir(runtimesOf(store), { withFileTypes: true }).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  const slots = entries.flatMap((entry) => {
    const [, version, arch] = slotName.exec(entry.name) ?? [];
    return entry.isDirectory() && version !== undefined && isArch(arch) ? [slotOf(store, version, arch)] : [];
  });
  return slots.sort((a, b) => compareVersions(a.version, b.version) || compareVersions(a.arch, b.arch));
}

/**
 * The slot of a version, for this machine unless `arch` says otherwise. Not verified: call verifySlot before every load.
 * Errors: RUNTIME_VERSION_UNKNOWN, RUNTIME_NOT_INSTALLED (its message is the command that installs it), PLATFORM_UNSUPPORTED.
 */
export async function findSlot(store: string, version: string, arch: RuntimeArch = archOfMachine()): Promise<RuntimeSlot> {
  findPin(version, arch);
  const found = (await listSlots(store)).find((slot) => slot.version === version && slot.arch === arch);
  if (found === undefined) {
    throw new AirlockError('RUNTIME_NOT_INSTALLED', {
      message: `TensorFlow ${version} is not installed; \`airlock runtime install --version ${version}\` installs it`,
      detail: `looked in ${runtimesOf(store)}`,
    });
  }
  return found;
}
