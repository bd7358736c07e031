// What holds the workers of tests that are not about the jail: the level that a server demands by default, and less, said aloud, on a
// machine that does not reach it. Tests of the jail are skipped there instead.
import type { SandboxConfig } from '../../src/config/index.ts';
import { machine } from './jail-level.ts';

/** For `sandbox` in a configuration. Where nothing is built the default, whose error says so. */
export const reachableSandbox: SandboxConfig =
  machine?.level === 'seccomp-only' || machine?.level === 'none' ? { unsafeLevel: machine.level } : { require: 'process' };

/** The same for the command line. */
export const sandboxArguments: readonly string[] =
  'unsafeLevel' in reachableSandbox ? ['--unsafe-sandbox', reachableSandbox.unsafeLevel] : [];

if ('unsafeLevel' in reachableSandbox) {
  process.stderr.write(
    `This machine has no jail: workers of these tests are held by no more than ${reachableSandbox.unsafeLevel}.\n`,
  );
}
