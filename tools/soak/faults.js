// What goes wrong during a soak, by chance from a seed: workers are killed, clients misbehave, the disk that the log is on is full for a while.
import { unruly } from './clients.js';
import { pause } from './soaked-server.js';

const betweenKillsMs = 1_500;
/** Of ten kills, those that wait until all models are back from the last ones; the others meet workers that load. */
const patientKills = 8;
const maxPatienceMs = 10_000;
const betweenUnrulyMs = 100;
const diskFullMs = 1_000;

/** Ends one process of the server's, now and then. */
async function killWorkers({ server, random, faults, isOver }) {
  while (!isOver()) {
    await pause(betweenKillsMs / 2 + random.below(betweenKillsMs));
    const endMs = performance.now() + (random.below(10) < patientKills ? maxPatienceMs : 0);
    while (!isOver() && performance.now() < endMs && !(await server.isReady())) await pause(50);
    const leaves = server.leaves();
    if (isOver() || leaves.length === 0) continue;
    try {
      process.kill(random.of(leaves), 'SIGKILL');
      faults.kills++;
    } catch {
      // It ended meanwhile.
    }
  }
}

async function misbehave(context) {
  const { random, faults, isOver } = context;
  const kinds = Object.keys(unruly);
  const under = new Set();
  while (!isOver()) {
    const kind = random.of(kinds);
    faults[kind]++;
    const one = unruly[kind](context).finally(() => under.delete(one));
    under.add(one);
    await pause(random.below(2 * betweenUnrulyMs));
  }
  await Promise.all(under);
}

/** In the middle of each stretch of time. */
async function fillDisk({ server, faults, isOver, stretchMs }) {
  while (!isOver()) {
    await pause(stretchMs / 2);
    if (isOver()) return;
    if (!server.fillDisk()) return;
    faults.diskFull++;
    await pause(diskFullMs);
    server.emptyDisk();
    await pause(stretchMs / 2);
  }
}

export async function runFaults(context) {
  await Promise.all([killWorkers(context), misbehave(context), fillDisk(context)]);
}
