// The entry of the decoder process: the only place in Airlock where an image meets libvips. Started by src/sandbox with the socket to the
// server as file descriptor 3; it gives up everything that it does not need before it gets the first byte of an image. Imports core, tensor,
// jail and kernel only, because everything here is lost to whoever takes over the process.
import { writeSync } from 'node:fs';
import { printable } from '../core/index.ts';
import { hostArchitecture, servingFilter, socketDescriptor } from '../jail/index.ts';
import { denyExecutableMemory, exitNow, installFilter } from '../kernel/index.ts';
import { prepareDecoder } from './decode-image.ts';
import { sealArgument } from './messages.ts';
import { serveImages } from './serve-images.ts';

// A Ctrl-C or a service manager signals the whole group; the server must still get answers to what it lets finish.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

let exitCode = 0;
try {
  await prepareDecoder();
  if (process.argv[2] === sealArgument) {
    // Neither Node, which was started to interpret only, nor libvips makes code at run time.
    denyExecutableMemory();
    // On every thread: libvips and Node have started some.
    installFilter(servingFilter(hostArchitecture(), process.pid), { allThreads: true });
  }
  await serveImages(socketDescriptor);
} catch (thrown) {
  // A broken pipe only says that the server went away first.
  writeSync(2, `decoder: ${printable(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown), 2000)}\n`);
  exitCode = 1;
}
exitNow(exitCode);
