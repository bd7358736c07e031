// A thread that adds up the memory of all processes below this one, as often as it can be had: the server's own event loop, and the tests on it, may be late just when
// memory grows. Writes into `workerData`: [0] the most since it was last set to 0, [1] now, [2] how often it looked.
import { readFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

const pageBytes = 4096;
const everyMs = 5;
const listEveryMs = 50;

function childrenOf(id) {
  try {
    return readFileSync(`/proc/${id}/task/${id}/children`, 'latin1').match(/\d+/g) ?? [];
  } catch {
    return [];
  }
}

const family = (id) => childrenOf(id).flatMap((child) => [child, ...family(child)]);

/** What is the process's own, as the server's watchdog counts it: resident without what it shares with files. */
function ownBytes(id) {
  try {
    const [, resident, shared] = readFileSync(`/proc/${id}/statm`, 'latin1').split(' ').map(Number);
    return (resident - shared) * pageBytes;
  } catch {
    return 0;
  }
}

let ids = [];
let listedAtMs = 0;

/** Children of each thread: Node starts processes from its first one, whose number is the process's. */
function look() {
  const atMs = performance.now();
  if (atMs - listedAtMs > listEveryMs) {
    ids = family(process.pid);
    listedAtMs = atMs;
  }
  const bytes = ids.reduce((sum, id) => sum + ownBytes(id), 0);
  workerData[1] = bytes;
  workerData[2]++;
  if (bytes > workerData[0]) workerData[0] = bytes;
}

setInterval(look, everyMs);
