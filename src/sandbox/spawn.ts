// Starts a worker process. It is a separate process and not yet a jail: it has this user's rights, and what keeps it from using them
// is added around the command that is built here (a launcher, seccomp, bubblewrap). Nothing of the server's environment, standard
// streams or open files may reach it.
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import { AirlockError } from '../core/index.ts';
import { captureLog, type LogLine } from './log-capture.ts';

export interface SpawnWorkerOptions {
  /** The JavaScript file to run. */
  readonly entry: string;
  /** Options for Node before the entry; default a heap limit, because tensors live outside the heap. */
  readonly execArgv?: readonly string[];
  /** Each line that the worker prints, printable and bounded. */
  readonly onLog: (line: LogLine) => void;
}

export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Set when the process could not be started at all. */
  readonly error?: Error;
}

export interface SpawnedWorker {
  /** Undefined when the process could not be started. */
  readonly processId: number | undefined;
  /** The server's end of the socket pair whose other end is the worker's file descriptor 3. */
  readonly socket: Duplex;
  /** Ends the worker with SIGKILL, which nothing in it can catch. */
  readonly kill: () => void;
  /** Settles when the process is gone; never rejects. */
  readonly exited: Promise<WorkerExit>;
}

export const defaultExecArgv: readonly string[] = ['--max-old-space-size=128'];

// All that TensorFlow and Node need. The server's environment may hold credentials, and NODE_OPTIONS or LD_PRELOAD would be code.
const environment: NodeJS.ProcessEnv = {
  // Errors only: TensorFlow writes a line for each request that it refuses.
  TF_CPP_MIN_LOG_LEVEL: '2',
  // Node reads the system's OpenSSL configuration at start and exits when it may not.
  OPENSSL_CONF: '/dev/null',
};

const options: SpawnOptions = {
  env: environment,
  // 'pipe' on file descriptor 3 is a Unix socket pair, readable and writable on both ends.
  stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  // In the server's own process group, so that a Ctrl-C reaches it too; when the server dies in any way, the worker reads the end of
  // its socket and exits.
  detached: false,
  cwd: '/',
};

/**
 * Starts `entry` in a process of its own, with an almost empty environment and one socket. A process that could not be started
 * has exited with an `error`.
 * @throws WORKER_START_FAILED when this process may open no more files.
 */
export function spawnWorker({ entry, execArgv = defaultExecArgv, onLog }: SpawnWorkerOptions): SpawnedWorker {
  const child = spawn(process.execPath, [...execArgv, entry], options);
  const exited = exitOf(child);
  // Missing when no file descriptor was left to make them of.
  const [, stdout, stderr, socket] = child.stdio ?? [];
  if (!stdout || !stderr || !socket) throw new AirlockError('WORKER_START_FAILED', { detail: 'no file descriptors are left' });
  captureLog(stdout as Readable, 'stdout', onLog);
  captureLog(stderr as Readable, 'stderr', onLog);
  return {
    processId: child.pid,
    socket: socket as Duplex,
    kill: () => {
      child.kill('SIGKILL');
    },
    exited,
  };
}

function exitOf(child: ChildProcess): Promise<WorkerExit> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }));
    child.on('error', (error) => {
      // Also raised when a signal could not be sent, which a process that is gone has no use for.
      if (child.pid === undefined) resolve({ code: null, signal: null, error });
    });
  });
}
