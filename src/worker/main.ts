// The entry of the worker process: the only place in Airlock where TensorFlow, a model and requests meet. Started by src/sandbox with
// the socket to the server as file descriptor 3; imports core, tensor, jail, kernel and native only, because everything here is lost to
// whoever takes over the process.
import { writeSync } from 'node:fs';
import { isAirlockError, printable } from '../core/index.ts';
import { socketDescriptor } from '../jail/index.ts';
import { exitNow } from '../kernel/index.ts';
import { serveFrames } from './serve-frames.ts';

function describe(thrown: unknown): string {
  if (isAirlockError(thrown)) return `${thrown.code} ${thrown.detail ?? ''}`;
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}

// A Ctrl-C or a service manager signals the whole group; the server must still get answers to what it lets finish. The worker ends
// with its socket, and by SIGKILL.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

let exitCode = 0;
try {
  serveFrames(socketDescriptor);
} catch (thrown) {
  // A broken pipe only says that the server went away first.
  writeSync(2, `worker: ${printable(describe(thrown), 2000)}\n`);
  exitCode = 1;
}
exitNow(exitCode);
