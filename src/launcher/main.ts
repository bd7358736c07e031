// The entry of the launcher: gives up what a plan says and becomes the program that it names. It runs before anything hostile is
// near, in the process that will be the worker, because what is given up by this process cannot be given up from outside.
// It must never go on after a step that failed: every failure ends it, with one line on standard error and exit code 97.
import { writeSync } from 'node:fs';
import { isAirlockError, printable } from '../core/index.ts';
import { hostArchitecture, type LaunchPlan, launchFailed, limitNames, loadingFilter, parseLaunchPlan } from '../jail/index.ts';
import {
  becomeProgram,
  dropAmbientCapabilities,
  endWithParent,
  exitNow,
  installFilter,
  keepDescriptors,
  noNewPrivileges,
  restrictPaths,
  setResourceLimit,
} from '../kernel/index.ts';

function launch(plan: LaunchPlan): never {
  keepDescriptors(plan.keptDescriptors);
  if (plan.dieWithParent) endWithParent();
  noNewPrivileges();
  dropAmbientCapabilities();
  for (const name of limitNames) {
    const value = plan.limits[name];
    if (value !== undefined) setResourceLimit(name, value);
  }
  if (plan.landlock !== undefined) restrictPaths(plan.landlock);
  // Last, because the filter forbids what the steps above do.
  if (plan.seccomp) installFilter(loadingFilter(hostArchitecture(), process.pid), { allThreads: false });
  becomeProgram(plan.program, plan.args, plan.environment);
}

try {
  launch(parseLaunchPlan(process.argv[2] ?? ''));
} catch (thrown) {
  const text = isAirlockError(thrown) ? (thrown.detail ?? thrown.message) : String(thrown);
  writeSync(2, `launcher: ${printable(text, 500)}\n`);
  exitNow(launchFailed);
}
