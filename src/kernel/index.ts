// The door of kernel: the few Linux calls that Node does not have. It changes the process that calls it, mostly for good, so only
// the launcher and the worker may import it.
export { becomeProgram, keepDescriptors } from './become-program.ts';
export { installFilter } from './install-filter.ts';
export { exitNow, libc } from './libc.ts';
export {
  denyExecutableMemory,
  dropAmbientCapabilities,
  endWithParent,
  makeUndumpable,
  noNewPrivileges,
  setResourceLimit,
} from './process-control.ts';
export { landlockAbi, restrictPaths } from './restrict-paths.ts';
export { type CallArgument, cString, errnoName, systemCall, tryCall } from './system-call.ts';
