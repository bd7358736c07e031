// The option by which a user opens the jail. Its name says what it is, and what it opens is printed at start.
import { Option } from 'commander';

export type UnsafeLevel = 'seccomp-only' | 'none';

/** @param where what the help adds. */
export function unsafeSandboxOption(where = ''): Option {
  const levels: readonly UnsafeLevel[] = ['seccomp-only', 'none'];
  return new Option(
    '--unsafe-sandbox <level>',
    `run with a weaker jail: where the machine can do no better, or to find out what the jail costs${where}`,
  ).choices(levels);
}
