// Servers as child processes: start on a free port, wait until they answer, weigh them, and stop them by their own pid.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const readyTimeoutMs = 120_000;
const stopTimeoutMs = 15_000;

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
// However the harness ends, no server stays behind.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (address && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}

/**
 * @typedef {{ name: string, url: string, pid: number, stop: () => Promise<void>, failure: () => string | undefined }} Server
 */

/**
 * Starts one server and returns when `probe` says that it answers.
 * @param {{ name: string, command: string, args: string[], url: string, logFile: string, probe: () => Promise<boolean> }} what
 * @returns {Promise<Server>}
 */
export async function startServer({ name, command, args, url, logFile, probe }) {
  const log = fs.openSync(logFile, 'w');
  const child = spawn(command, args, { stdio: ['ignore', log, log] });
  running.add(child);
  fs.closeSync(log);
  /** @type {string | undefined} */
  let ended;
  const exit = new Promise((resolve) => {
    const end = (/** @type {string} */ reason) => {
      ended = reason;
      running.delete(child);
      resolve(reason);
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(`ended with ${signal ?? code}`));
  });
  const stop = async () => {
    if (ended !== undefined) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
    await exit;
    clearTimeout(timer);
  };
  const deadline = Date.now() + readyTimeoutMs;
  while (ended === undefined && Date.now() < deadline) {
    if (await probe()) return { name, url, pid: child.pid ?? 0, stop, failure: () => ended };
    await sleep(200);
  }
  const reason = ended ?? 'is not ready in time';
  await stop();
  throw new Error(`${name} ${reason}; its log ends with:\n${fs.readFileSync(logFile, 'utf8').slice(-2000)}`);
}

/**
 * The process and all that it started, each before its own children.
 * @param {number} pid
 * @returns {number[]}
 */
export function familyOf(pid) {
  let text = '';
  try {
    for (const task of fs.readdirSync(`/proc/${pid}/task`)) text += fs.readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8');
  } catch {
    // A thread or the whole process is gone since it was listed.
  }
  return [pid, ...(text.match(/\d+/g) ?? []).map(Number).flatMap(familyOf)];
}

/**
 * Memory of one process: all that is resident, and the part that is its own and not a file's.
 * @param {number} pid
 */
export function memoryOfOne(pid) {
  const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
  return { residentMiB: kilobytes(status, 'VmRSS') / 1024, ownMiB: kilobytes(status, 'RssAnon') / 1024 };
}

/**
 * @param {string} text lines of `Name:  123 kB`
 * @param {string} name
 */
function kilobytes(text, name) {
  const match = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text);
  if (match === null) throw new Error(`the kernel does not say ${name}`);
  return Number(match[1]);
}

/**
 * Resident memory of a server and all its children. `rss` counts a page once per process, so it is unkind to stacks of several
 * processes; proportional memory would not be, but it shrinks whenever a stranger on the machine maps the same libraries.
 * `peakRss` adds up what each process had at its own worst moment.
 * @param {number} pid
 */
export function memoryOf(pid) {
  const family = familyOf(pid);
  const mebibytes = { processes: family.length, rssMiB: 0, peakRssMiB: 0 };
  for (const member of family) {
    const status = fs.readFileSync(`/proc/${member}/status`, 'utf8');
    mebibytes.rssMiB += kilobytes(status, 'VmRSS') / 1024;
    mebibytes.peakRssMiB += kilobytes(status, 'VmHWM') / 1024;
  }
  return mebibytes;
}
