// The entry of the process that shows whether layers work: tries to list the root, which only Landlock refuses everywhere, says how that
// ended, and waits to be looked at. Imports nothing of ours, so that it can be run in any set of layers.
import { readdirSync, readSync, writeSync } from 'node:fs';

const socketFd = 3;

function listRoot(): string {
  try {
    readdirSync('/');
    return 'worked';
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'failed';
  }
}

writeSync(socketFd, `${listRoot()}\n`);
// The end of the socket is the server's: then there is nobody left to be looked at by.
readSync(socketFd, Buffer.alloc(1));
