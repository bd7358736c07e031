// One benchmark at a time in one folder: two would measure each other, and write over each other's configurations.
import fs from 'node:fs';
import path from 'node:path';

/** @param {number} pid */
function isRunning(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/**
 * Takes the lock or throws; it is given back when this process ends.
 * @param {string} benchFolder
 */
export function takeLock(benchFolder) {
  const work = path.join(benchFolder, '.work');
  const file = path.join(work, 'lock');
  fs.mkdirSync(work, { recursive: true });
  if (fs.existsSync(file)) {
    const holder = Number(fs.readFileSync(file, 'utf8'));
    if (holder > 0 && isRunning(holder)) throw new Error(`process ${holder} runs the benchmark already; wait for its end`);
    fs.rmSync(file, { force: true });
  }
  fs.writeFileSync(file, `${process.pid}`, { flag: 'wx' });
  process.once('exit', () => fs.rmSync(file, { force: true }));
}
