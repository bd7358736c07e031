// Which distributions on a package index are TensorFlow, and why others that look like it are not taken. Facts as data; read 2026-11 on the index.
import { AirlockError, printable } from '../core/index.ts';
import { normalName } from '../feeds/index.ts';
import type { RuntimeArch } from './pin-types.ts';

/** What pip is asked for: on x86_64 the wheel without CUDA, on aarch64 the only one there is. */
export const officialPackages: Readonly<Record<RuntimeArch, readonly string[]>> = {
  x86_64: ['tensorflow-cpu', 'tensorflow'],
  aarch64: ['tensorflow'],
};

/** By normalised name. */
const strangers: Readonly<Record<string, string>> = {
  'tensorflow-gpu': 'has been an empty package since 2.12',
  'tensorflow-intel': 'is a part of TensorFlow for Windows',
  'intel-tensorflow': 'is built by Intel with changes of its own',
  'intel-tensorflow-avx512': 'is built by Intel with changes of its own',
  'tensorflow-rocm': 'is built by AMD with changes of its own',
  'tensorflow-macos': 'is built by Apple and ended with 2.16',
  'tensorflow-metal': 'is a plug-in of Apple',
  'tensorflow-directml': 'is built by Microsoft and ended with 1.15',
  'tensorflow-aarch64': 'is built by others than the TensorFlow project',
  'tensorflow-cpu-aws': 'is built by Amazon',
  'tf-nightly': 'is of last night: no release, no advisories',
  'tf-nightly-cpu': 'is of last night: no release, no advisories',
};

/**
 * Refuses a distribution that is not published by the TensorFlow project for this architecture.
 * @throws RUNTIME_UNOFFICIAL, saying what it is where that is known
 */
export function assertOfficialPackage(name: string, arch: RuntimeArch): void {
  if (officialPackages[arch].includes(name)) return;
  const normal = normalName(name);
  const why = Object.hasOwn(strangers, normal) ? strangers[normal] : 'is not a distribution of the TensorFlow project';
  throw new AirlockError('RUNTIME_UNOFFICIAL', {
    message: `${printable(name)} ${why}; on ${arch} Airlock takes ${officialPackages[arch].join(' or ')}`,
  });
}
