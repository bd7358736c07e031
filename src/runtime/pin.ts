// Finds the pin of a version. The pin table is the only authority on what TensorFlow is: it is compiled in, and no environment
// variable, configuration key or file of the store may add to it.
import { AirlockError, printable } from '../core/index.ts';
import type { RuntimeArch, RuntimePin } from './pin-types.ts';
import { pins } from './pins.ts';

/** The TensorFlow version that is used where none is named. */
export const defaultVersion = '2.21.0';

export const libraryNames = { cc: 'libtensorflow_cc.so.2', framework: 'libtensorflow_framework.so.2' } as const;

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
export function pinnedVersions(arch: RuntimeArch): readonly string[] {
  return pins.filter((pin) => pin.arch === arch).map((pin) => pin.version);
}

/** The pin of a version. Errors: RUNTIME_VERSION_UNKNOWN, which names the versions that are pinned. */
export function findPin(version: string, arch: RuntimeArch): RuntimePin {
  const found = pins.find((pin) => pin.version === version && pin.arch === arch);
  if (found === undefined) {
    const known = pinnedVersions(arch).join(', ');
    throw new AirlockError('RUNTIME_VERSION_UNKNOWN', {
      message: `TensorFlow ${printable(version, 32)} is not pinned for ${arch}; the pinned versions are ${known}`,
    });
  }
  return found;
}
