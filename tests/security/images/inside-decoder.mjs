// The real decoder, taken over at the moment when it waits for its first image: it tries what an attacker would, and says what came of it.
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

const outcome = (attempt) => {
  try {
    attempt();
    return 'worked';
  } catch (error) {
    return error.code ?? error.message;
  }
};

const attempts = {
  'read what it was loaded from': () => fs.closeSync(fs.openSync(process.argv[1], 'r')),
  'read the accounts': () => fs.closeSync(fs.openSync('/etc/passwd', 'r')),
  'list the root': () => fs.readdirSync('/'),
  'write a file': () => fs.closeSync(fs.openSync('/tmp/x', 'w')),
};

const { readSync } = fs;
fs.readSync = (fd, ...rest) => {
  // Node 24 reads modules by this function as well.
  if (fd !== 3) return readSync(fd, ...rest);
  for (const [name, attempt] of Object.entries(attempts)) fs.writeSync(2, `${name}: ${outcome(attempt)}\n`);
  // Has no rule at all.
  process.kill(process.ppid, 0);
  fs.writeSync(2, 'signalled the parent\n');
  return 0;
};
syncBuiltinESMExports();
const [, , , main] = process.argv;
await import(main);
