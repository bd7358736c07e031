// The door of sandbox: opens a jail, starts processes in it, and reads back from the kernel what holds them. The only folder, with the
// installer's pip call, that may start a process.
export type {
  Attestation,
  Jail,
  JailedProcess,
  JailFindings,
  JailLevel,
  JailLimits,
  LayerName,
  LayerReport,
  ProcessExit,
  ProcessUsage,
  StartOptions,
} from './jail.ts';
export { reaches } from './jail.ts';
export type { LogLine } from './log-capture.ts';
export { assumeJail, examineJail, type OpenJailOptions, openJail } from './open-jail.ts';
export { defaultExecArgv } from './start-command.ts';
