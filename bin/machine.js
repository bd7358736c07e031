// What must be true of this machine before anything is installed. Each check fails in one line that says what to do.
// Old versions of Node load this file too, so it uses nothing that Node 16 lacks before `checkNode` has passed.
import fs from 'node:fs';
import { stop } from './run-step.js';

const minNode = [20, 19];
const gigabyte = 1e9;

/** Node, system and processor. Costs nothing, so it runs at every start; the C library is checked where TensorFlow is installed. */
export function checkPlatform() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < minNode[0] || (major === minNode[0] && minor < minNode[1])) {
    const needed = `${minNode.join('.')} or newer`;
    throw stop(
      `Airlock needs Node ${needed} and this is ${process.versions.node}: install a current LTS from nodejs.org, then run this again.`,
    );
  }
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    throw stop(
      `Airlock runs on Linux on x64 and arm64, and this is ${process.platform} on ${process.arch}: use such a machine or a container.`,
    );
  }
}

/** Free space of the folder's disk, in whole bytes, against what is about to be written. */
export function checkDisk(folder, neededBytes) {
  const { bavail, bsize } = fs.statfsSync(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return;
  const [needed, free] = [neededBytes, freeBytes].map((bytes) => `${(bytes / gigabyte).toFixed(1)} GB`);
  throw stop(
    `Not enough free disk space: the install needs ${needed} and this disk has ${free}: free some, then run this again.`,
  );
}
