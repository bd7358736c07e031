// Finds the pin of a version. Pins are the only authority on what TensorFlow is: those that are compiled in, and those of one reviewed file that the
// operator names in the configuration or on the command line, which nobody else may be able to write. No environment variable and nothing in
// the store adds to them, so whoever can write the store, or stands between us and an index, cannot say what TensorFlow is.
import { AirlockError, printable } from '../core/index.ts';
import type { RuntimeArch, RuntimePin, SlotPin } from './pin-types.ts';
import { pins } from './pins.ts';
import { compareVersions } from './version-order.ts';

/** The TensorFlow version that is used where none is named. */
export const defaultVersion = '2.21.0';

export const libraryNames = { cc: 'libtensorflow_cc.so.2', framework: 'libtensorflow_framework.so.2' } as const;

/** All that may lie in a slot beside its manifest. */
export const slotFileNames: readonly string[] = ['LICENSE', 'THIRD_PARTY_NOTICES.txt', libraryNames.cc, libraryNames.framework];

/** The pins that count for one command or one server. */
export interface PinTable {
  readonly pins: readonly SlotPin[];
}

/** What Airlock comes with. */
export const builtInPins: PinTable = { pins };

const archByNodeArch: Readonly<Record<string, RuntimeArch>> = { x64: 'x86_64', arm64: 'aarch64' };

/** The architecture of this machine. Errors: PLATFORM_UNSUPPORTED on anything but Linux on x86_64 or aarch64. */
export function archOfMachine(platform: string = process.platform, nodeArch: string = process.arch): RuntimeArch {
  const arch = Object.hasOwn(archByNodeArch, nodeArch) ? archByNodeArch[nodeArch] : undefined;
  if (platform !== 'linux' || arch === undefined) {
    throw new AirlockError('PLATFORM_UNSUPPORTED', {
      message: `TensorFlow runs under Airlock on Linux on x86_64 and aarch64 only, not on ${platform} on ${nodeArch}`,
    });
  }
  return arch;
}

/** The versions that are pinned for an architecture, newest first. */
export function pinnedVersions(arch: RuntimeArch, table: PinTable = builtInPins): readonly string[] {
  const versions = table.pins.filter((pin) => pin.arch === arch).map((pin) => pin.version);
  return Array.from(new Set(versions)).sort((a, b) => compareVersions(b, a));
}

/** The pin of a version. Errors: RUNTIME_VERSION_UNKNOWN, which names the versions that are pinned. */
export function findPin(version: string, arch: RuntimeArch, table: PinTable = builtInPins): SlotPin {
  const found = table.pins.find((pin) => pin.version === version && pin.arch === arch);
  if (found === undefined) {
    const known = pinnedVersions(arch, table).join(', ');
    throw new AirlockError('RUNTIME_VERSION_UNKNOWN', {
      message: `TensorFlow ${printable(version, 32)} is not pinned for ${arch}; the pinned versions are ${known}, and \`airlock runtime pin\` adds one to a file of pins`,
    });
  }
  return found;
}

/** The official wheel of a version. Errors: RUNTIME_VERSION_UNKNOWN, also for one that was built and has to be imported. */
export function findWheelPin(version: string, arch: RuntimeArch, table: PinTable = builtInPins): RuntimePin {
  const pin = findPin(version, arch, table);
  if (pin.origin === undefined) return pin;
  throw new AirlockError('RUNTIME_VERSION_UNKNOWN', {
    message: `TensorFlow ${version} is pinned as built from source; \`airlock runtime import\` puts it into the store`,
  });
}
