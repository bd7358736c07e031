// What the commands of this folder share: the levels of this machine, the jail of each, quantiles, and on what they ran.
import { execFileSync } from 'node:child_process';
import { cpus, loadavg, release } from 'node:os';
import path from 'node:path';
import { defaultVersion, findSlot } from '../../../dist/runtime/index.js';
import { examineJail, openJail, reaches } from '../../../dist/sandbox/index.js';

export const root = path.resolve(import.meta.dirname, '../../..');

const [loadAtStart] = loadavg();

/** TensorFlow, as `airlock runtime install` put it there. */
export const slot = await findSlot(path.join(root, '.airlock'), defaultVersion);

/** Levels that a server starts at, as far as this machine has them. */
export async function serverLevels() {
  const { level } = await examineJail();
  return ['process', 'full'].filter((wanted) => reaches(level, wanted));
}

/** @param {'full' | 'process' | 'none'} level */
export function openJailAt(level) {
  if (level === 'none') return openJail({ unsafeLevel: 'none' });
  // A program that is not there leaves the namespaces out.
  return openJail({ require: level, ...(level === 'process' ? { bubblewrap: '/nonexistent' } : {}) });
}

/** @param {number[]} values @param {number} share */
export function quantile(values, share) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
}

export function machineLine() {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim();
  const { model } = cpus()[0];
  const user = process.getuid() === 0 ? 'root' : 'an unprivileged user';
  const date = new Date().toISOString().slice(0, 10);
  return `${date}, commit ${commit}: ${cpus().length} × ${model.trim()}, Linux ${release()}, Node ${process.versions.node}, TensorFlow ${defaultVersion}, as ${user}, load average ${loadAtStart.toFixed(1)} at the start.`;
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
