// A worker process without any jail, for tests of what server and worker say to each other.
import { spawn } from 'node:child_process';
import type { Duplex, Readable } from 'node:stream';
import type { JailedProcess, ProcessExit, StartOptions } from '../../src/sandbox/index.ts';
import { captureLog } from '../../src/sandbox/log-capture.ts';

type PlainOptions = Pick<StartOptions, 'entry' | 'args' | 'execArgv' | 'onLog'>;

export function startPlainProcess({ entry, args = [], execArgv = [], onLog }: PlainOptions): JailedProcess {
  const child = spawn(process.execPath, [...execArgv, entry, ...args], {
    env: { TF_CPP_MIN_LOG_LEVEL: '2', OPENSSL_CONF: '/dev/null' },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    cwd: '/',
  });
  captureLog(child.stdio[2] as Readable, 'stderr', onLog);
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
