// Where installed runtimes lie: <store>/runtimes/<version>-<arch>/. This file only names and lists; what lies in a slot is
// trusted by nobody before verifySlot has hashed it.
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { AirlockError } from '../core/index.ts';
import { manifestDigest } from './manifest.ts';
import { archOfMachine, builtInPins, findPin, libraryNames, type PinTable } from './pin.ts';
import type { RuntimeArch, SlotPin } from './pin-types.ts';
import { hasCode } from './runtime-error.ts';
import { compareVersions } from './version-order.ts';

/** One installed TensorFlow. Load the framework library first, then cc. */
export interface RuntimeSlot {
  readonly version: string;
  readonly arch: RuntimeArch;
  /** Absolute. */
  readonly directory: string;
  readonly ccPath: string;
  readonly frameworkPath: string;
  /** What it has to be. Undefined for a folder whose version nothing pins: it can be listed and never verified. */
  readonly pin?: SlotPin | undefined;
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

/** The slots of a store, newest version first; empty when there is none. Not verified. */
export async function listSlots(store: string, pins: PinTable = builtInPins): Promise<readonly RuntimeSlot[]> {
  const entries = await readdir(runtimesOf(store), { withFileTypes: true }).catch((error: unknown) => {
    if (hasCode(error, 'ENOENT')) return [];
    throw error;
  });
  const slots = entries.flatMap((entry) => {
    const [, version, arch] = slotName.exec(entry.name) ?? [];
    if (!entry.isDirectory() || version === undefined || !isArch(arch)) return [];
    return [{ ...slotOf(store, version, arch), pin: pins.pins.find((pin) => pin.version === version && pin.arch === arch) }];
  });
  return slots.sort((a, b) => compareVersions(b.version, a.version) || compareVersions(b.arch, a.arch));
}

/**
 * The slot of a version, for this machine unless `arch` says otherwise. Not verified: call verifySlot before every load.
 * Errors: RUNTIME_VERSION_UNKNOWN, RUNTIME_NOT_INSTALLED (its message is the command that installs it), PLATFORM_UNSUPPORTED.
 */
export async function findSlot(
  store: string,
  version: string,
  arch: RuntimeArch = archOfMachine(),
  pins: PinTable = builtInPins,
): Promise<RuntimeSlot> {
  const pin = findPin(version, arch, pins);
  const found = (await listSlots(store, pins)).find((slot) => slot.version === version && slot.arch === arch);
  if (found === undefined) {
    const command = pin.origin === 'built' ? 'import DIR' : 'install';
    throw new AirlockError('RUNTIME_NOT_INSTALLED', {
      message: `TensorFlow ${version} is not installed; \`airlock runtime ${command} --version ${version}\` installs it`,
      detail: `looked in ${runtimesOf(store)}`,
    });
  }
  return found;
}

/** SHA-256 over the manifest that a slot must have, hex: one name for all of its bytes. Errors: RUNTIME_VERSION_UNKNOWN where nothing pins it. */
export function slotDigest(slot: RuntimeSlot): string {
  return manifestDigest(slot.pin ?? findPin(slot.version, slot.arch));
}
