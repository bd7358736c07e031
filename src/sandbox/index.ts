// The door of sandbox: starts worker processes. The only folder, with the installer's pip call, that may start a process.
export { defaultLogLimits, type LogLimits, type LogLine } from './log-capture.ts';
export { defaultExecArgv, type SpawnedWorker, type SpawnWorkerOptions, spawnWorker, type WorkerExit } from './spawn.ts';
