import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readStartTime } from '../core/index.ts';
import { isGone, parseStatus, readLimits, readOwnNamespaces, readThreads, readUsage } from './process-status.ts';

const kernel = path.resolve(import.meta.dirname, '../../dist/kernel/index.js');
const whyNot = existsSync(kernel) ? '' : ' (skipped: not built, run `npm run build`)';

const held = `Name:\tnode\\nUid:\\t0
Uid:\t62000\t62000\t62000\t62000
CapInh:\t0000000000000000
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapAmb:\t0000000000000000
NoNewPrivs:\t1
Seccomp:\t2
Seccomp_filters:\t2
`;

describe('parseStatus', () => {
  it('reads what holds a thread', () => {
    expect(parseStatus(held)).toEqual({ filters: 2, noNewPrivileges: true, userId: 62000, withoutCapabilities: true });
  });

  it('takes one filter for granted where the kernel does not count them', () => {
    expect(parseStatus(held.replace(/Seccomp_filters.*\n/, '')).filters).toBe(1);
    expect(parseStatus(held.replace(/Seccomp_filters.*\n/, '').replace('Seccomp:\t2', 'Seccomp:\t0')).filters).toBe(0);
  });

  it.each(['CapPrm', 'CapEff', 'CapAmb'])('sees one capability in %s', (set) => {
    expect(parseStatus(held.replace(`${set}:\t00000000`, `${set}:\t00000001`)).withoutCapabilities).toBe(false);
  });

  it('counts every missing line against the process', () => {
    expect(parseStatus('')).toEqual({ filters: 0, noNewPrivileges: false, userId: 0, withoutCapabilities: false });
  });
});

describe('a process as /proc has it', () => {
  it('is read: threads, limits, namespaces, usage', () => {
    expect(readThreads('self').length).toBeGreaterThan(3);
    expect(readLimits(process.pid)['Max core file size']).toMatch(/^\d+$|^unlimited$/);
    expect(readOwnNamespaces(process.pid)).toEqual([]);
    const usage = readUsage(process.pid);
    expect(usage?.memoryBytes).toBeGreaterThan(10 * 1024 * 1024);
    expect(usage?.memoryBytes).toBeLessThan(process.memoryUsage.rss());
    expect(usage?.threads).toBeGreaterThan(3);
    const { user, system } = process.cpuUsage();
    expect(Math.abs((usage?.cpuMs ?? 0) - (user + system) / 1000)).toBeLessThan(200);
    // This very thread runs while it asks.
    expect(usage?.computing).toBe(true);
  });

  it('is seen to be gone', () => {
    // Above the largest process id there is.
    const nobody = 2 ** 22 + 1;
    expect(readUsage(nobody)).toBeUndefined();
    expect(readOwnNamespaces(nobody)).toBeUndefined();
    expect(() => readLimits(nobody)).toThrow('ENOENT');
  });
});

describe.skipIf(whyNot !== '')(`a process whose first thread has ended${whyNot}`, () => {
  it('is not gone while others go on, and is seen to be headless', async () => {
    const script = `
      import { Worker } from 'node:worker_threads';
      import { tryCall } from ${JSON.stringify(kernel)};
      const busy = new Worker("require('node:worker_threads').parentPort.postMessage(0); for (;;);", { eval: true, execArgv: [] });
      busy.once('message', () => { console.log('up'); setTimeout(() => tryCall('exit', 0), 100); });`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const { pid = 0 } = child;
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    const startTime = readStartTime(pid);
    await expect.poll(() => readUsage(pid)?.isHeadless, { timeout: 10_000 }).toBe(true);
    expect(readUsage(pid)?.computing).toBe(true);
    expect(isGone(pid, startTime)).toBe(false);
    child.kill('SIGKILL');
    await exited;
    expect(readUsage(pid)).toBeUndefined();
    expect(isGone(pid, startTime)).toBe(true);
  });

  it('is another one when it began at another time', () => {
    expect(isGone(process.pid, readStartTime(process.pid))).toBe(false);
    expect(isGone(process.pid, undefined)).toBe(false);
    expect(isGone(process.pid, '1')).toBe(true);
  });
});
