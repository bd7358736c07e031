// How long a worker takes to start, and what it weighs then: its server is left running and only the worker is ended, so that nothing
// of the server's own start is in the number.
import { setTimeout as sleep } from 'node:timers/promises';
import { familyOf, memoryOfOne } from './processes.js';

/** @typedef {{ level: string, startMs: number, residentMiB: number, ownMiB: number }} Start */
/** @typedef {Exclude<keyof Start, 'level'>} StartNumber */

const pollMs = 2;
const timeoutMs = 60_000;

/**
 * Waits until `look` finds something.
 * @template T
 * @param {() => Promise<T | undefined> | T | undefined} look
 * @param {string} what
 * @returns {Promise<T>}
 */
async function until(look, what) {
  const deadline = performance.now() + timeoutMs;
  while (performance.now() < deadline) {
    const found = await look();
    if (found !== undefined) return found;
    await sleep(pollMs);
  }
  throw new Error(`${what} did not come within ${timeoutMs} ms`);
}

/**
 * Ends the one worker of a server and times from the moment that the server starts another process until it can take requests again.
 * @param {import('./processes.js').Server} server
 * @returns {Promise<Start>}
 */
async function restart(server) {
  const old = familyOf(server.pid);
  // Whatever stands around a worker was started before it.
  process.kill(old[old.length - 1], 'SIGKILL');
  const hasNew = () => (familyOf(server.pid).some((pid) => !old.includes(pid)) ? true : undefined);
  await until(hasNew, `${server.name}: a new worker`);
  const startMs = performance.now();
  const isReady = async () => ((await fetch(new URL('/readyz', server.url))).ok ? true : undefined);
  await until(isReady, `${server.name}: readiness`);
  const tookMs = performance.now() - startMs;
  const status = await (await fetch(new URL('/airlock/v1/status', server.url))).json();
  const family = familyOf(server.pid);
  return { level: status.isolation.level, startMs: tookMs, ...memoryOfOne(family[family.length - 1]) };
}

/**
 * @param {{ id: string, server: import('./processes.js').Server }[]} stacks
 * @param {number} rounds 0 where a worker is not something that can be ended
 */
export async function measureStarts(stacks, rounds) {
  /** @type {Record<string, Start[]>} */
  const starts = Object.fromEntries(stacks.map(({ id }) => [id, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { id, server } of stacks) starts[id].push(await restart(server));
  }
  return starts;
}
