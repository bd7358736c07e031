// Landlock: from here on only the named files and folders can be opened, and nothing can be written, connected to, or signalled.
// It holds for the calling thread and what comes of it. Node's other threads stay free, so it is for the launcher, whose execve
// ends them; in a running worker it would be no protection.
import { AirlockError } from '../core/index.ts';
import { type PathRule, pathRuleAttributes, rulesetAttributes } from '../jail/index.ts';
import { cString, mustCall, tryCall } from './system-call.ts';

const askVersion = 1;
const pathBeneath = 1;
const currentFolder = -100;
const openPathOnly = 0o10000000;
const closeOnExec = 0o2000000;

/** The version of Landlock's interface; 0 where the kernel has none, or does not let this process use it. */
export function landlockAbi(): number {
  // SAFETY: with this flag the kernel takes no attributes.
  return Math.max(0, Number(tryCall('landlock_create_ruleset', 0, 0, askVersion)));
}

/** @throws WORKER_START_FAILED when there is no Landlock, and when a path cannot be opened. */
export function restrictPaths(rules: readonly PathRule[]): void {
  const abi = landlockAbi();
  if (abi === 0) throw new AirlockError('WORKER_START_FAILED', { detail: 'Landlock: not available' });
  const attributes = rulesetAttributes(abi);
  // SAFETY: the kernel reads as many bytes as it is told.
  const ruleset = mustCall('Landlock', 'landlock_create_ruleset', attributes, attributes.length, 0);
  for (const { path, access } of rules) {
    // SAFETY: a string that ends with 0.
    const fd = mustCall(path, 'openat', currentFolder, cString(path), openPathOnly | closeOnExec);
    // SAFETY: struct landlock_path_beneath_attr, of which the kernel reads its 12 bytes.
    mustCall(`Landlock for ${path}`, 'landlock_add_rule', ruleset, pathBeneath, pathRuleAttributes(access, Number(fd)), 0);
    // SAFETY: opened above and used by nobody else.
    mustCall(path, 'close', fd);
  }
  // SAFETY: numbers only.
  mustCall('Landlock', 'landlock_restrict_self', ruleset, 0);
  mustCall('Landlock', 'close', ruleset);
}
