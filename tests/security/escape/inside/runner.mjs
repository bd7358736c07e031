// What runs in the worker's place: gives up what the worker gives up, in the same order and by the same code, then makes one attack
// and says what came of it. One line of JSON in, two out: when the process is sealed, and how the attack ended.
import { readSync, writeSync } from 'node:fs';
import { hostArchitecture, servingFilter } from '../../../../dist/jail/index.js';
import { denyExecutableMemory, exitNow, installFilter, makeUndumpable, noNewPrivileges } from '../../../../dist/kernel/index.js';
import { attacks } from './attacks.mjs';

const channel = 3;

function readLine() {
  const piece = Buffer.alloc(4096);
  let line = '';
  while (!line.endsWith('\n')) {
    const count = readSync(channel, piece);
    if (count === 0) exitNow(0);
    line += piece.toString('utf8', 0, count);
  }
  return line;
}

const say = (answer) => writeSync(channel, `${JSON.stringify(answer)}\n`);

async function outcomeOf(attack, targets) {
  try {
    return (await attack.attempt({ ...targets, ownProcess: process.pid, program: process.execPath })) === false
      ? { worked: false, by: 'no effect' }
      : { worked: true };
  } catch (refusal) {
    // Without a code it is a mistake of the attack's, which proves nothing.
    return { worked: false, by: refusal.code, mistake: refusal.code === undefined ? String(refusal) : undefined };
  }
}

const { name, targets, seal } = JSON.parse(readLine());
const attack = attacks.find((candidate) => candidate.name === name);
if (seal) {
  try {
    noNewPrivileges();
  } catch {
    // The loading filter forbids it: it is set. Without a launcher, which the matrix tries, it is not.
  }
  installFilter(servingFilter(hostArchitecture(), process.pid), { allThreads: true });
  makeUndumpable();
  if (attack.withoutCode) denyExecutableMemory();
}
say({ sealed: true });
say(await outcomeOf(attack, targets));
// Until this process is ended: libuv may lose what comes with the end of a socket, after a descriptor came along with a piece.
readLine();
exitNow(0);
