// The door of jail: what a worker may do, as commented data, and what turns it into the kernel's own formats. Pure: it calls nothing,
// so that the rules can be tested, and simulated for another processor, on any machine.
import { compileFilter } from './compile-filter.ts';
import { loadingPolicy } from './loading-rules.ts';
import { servingPolicy } from './serving-rules.ts';
import type { Architecture } from './syscall-numbers.ts';

export { callValues } from './call-values.ts';
export { instructionBytes } from './compile-filter.ts';
export { pathRuleAttributes, rulesetAttributes } from './landlock.ts';
export {
  keptDescriptors,
  type LaunchPlan,
  launchFailed,
  limitNames,
  type PathRule,
  parseLaunchPlan,
  type ResourceLimits,
  resourceLimitNumbers,
  socketDescriptor,
} from './launch-plan.ts';
export { type Architecture, type CallName, callNumber, hostArchitecture } from './syscall-numbers.ts';

/** The program that the launcher installs; see loading-rules.ts. `processId` is its own, as it sees it itself. */
export function loadingFilter(architecture: Architecture, processId: number): Buffer {
  return compileFilter(loadingPolicy(processId), architecture);
}

/** The program that a worker installs before it sees a model; see serving-rules.ts. `processId` as above. */
export function servingFilter(architecture: Architecture, processId: number): Buffer {
  return compileFilter(servingPolicy(processId), architecture);
}
