// A worker process without any jail, for tests of what server and worker say to each other.
import { spawn } from 'node:child_process';
import type { Duplex } from 'node:stream';
import type { JailedProcess, ProcessExit } from '../../src/sandbox/index.ts';

export interface PlainProcessOptions {
  /** The JavaScript file to run. */
  readonly entry: string;
  readonly args?: readonly string[];
  readonly onLog?: (line: string) => void;
}

export function startPlainProcess({ entry, args = [], onLog }: PlainProcessOptions): JailedProcess {
  const child = spawn(process.execPath, [entry, ...args], {
    env: { TF_CPP_MIN_LOG_LEVEL: '2', OPENSSL_CONF: '/dev/null' },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    cwd: '/',
  });
  child.stderr?.on('data', (chunk: Buffer) => onLog?.(chunk.toString()));
  const exited = new Promise<ProcessExit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal, outOfMemory: false }));
    child.once('error', (error) => resolve({ code: null, signal: null, error, outOfMemory: false }));
  });
  return {
    processId: child.pid,
    socket: child.stdio[3] as Duplex,
    kill: () => {
      child.kill('SIGKILL');
    },
    exited,
    attest: () => Promise.reject(new Error('nothing holds a plain process')),
    usage: () => undefined,
  };
}
