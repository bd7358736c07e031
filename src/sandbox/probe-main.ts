// The entry of the process that shows whether layers work: tries to list the root, which only Landlock refuses everywhere, says how that
// ended, and waits to be looked at. Must look to the server as a worker does that serves.
import { readdirSync, readSync, writeSync } from 'node:fs';
import { socketDescriptor } from '../jail/index.ts';
import { makeUndumpable } from '../kernel/index.ts';

function listRoot(): string {
  try {
    readdirSync('/');
    return 'worked';
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'failed';
  }
}

// Where /proc is mounted with hidepid=, this hides a process from its own user.
makeUndumpable();
writeSync(socketDescriptor, `${listRoot()}\n`);
// The end of the socket is the server's: then there is nobody left to be looked at by.
readSync(socketDescriptor, Buffer.alloc(1));
