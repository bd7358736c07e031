// Says early and plainly that a wheel cannot load on this system, instead of letting the dynamic loader say it after 850 MB.
import { AirlockError } from '../core/index.ts';
import type { RuntimePin } from './pin-types.ts';

interface GlibcVersion {
  readonly major: number;
  readonly minor: number;
}

/** The glibc that the C library of this process reports; null on musl (Alpine), where no official wheel loads. */
function glibcOfMachine(): GlibcVersion | null {
  const report: object = process.report.getReport();
  const header = 'header' in report ? report.header : undefined;
  const named =
    typeof header === 'object' && header !== null && 'glibcVersionRuntime' in header ? header.glibcVersionRuntime : '';
  const text = /^(\d+)\.(\d+)/.exec(String(named));
  return text === null ? null : { major: Number(text[1]), minor: Number(text[2]) };
}

/** The glibc that a wheel's platform tags promise to run on: the lowest of its `manylinux_2_N` tags. */
export function requiredGlibc(platformTags: readonly string[]): GlibcVersion {
  const found = platformTags.flatMap((tag) => {
    const match = /^manylinux_(\d+)_(\d+)_/.exec(tag);
    return match === null ? [] : [{ major: Number(match[1]), minor: Number(match[2]) }];
  });
  return found.sort((a, b) => a.major - b.major || a.minor - b.minor).at(0) ?? { major: 2, minor: 17 };
}

/** Errors: PLATFORM_UNSUPPORTED when this system's C library is not glibc or is older than the wheel needs. */
export function assertGlibc(pin: RuntimePin, actual: GlibcVersion | null = glibcOfMachine()): void {
  const required = requiredGlibc(pin.platformTags);
  const newEnough = actual !== null && (actual.major - required.major || actual.minor - required.minor) >= 0;
  if (newEnough) return;
  const have = actual === null ? 'another C library' : `glibc ${actual.major}.${actual.minor}`;
  throw new AirlockError('PLATFORM_UNSUPPORTED', {
    message: `TensorFlow ${pin.version} needs glibc ${required.major}.${required.minor} or newer, and this system has ${have}`,
  });
}
