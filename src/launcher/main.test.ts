// What the launcher leaves of a process, on this machine's kernel. Each test starts the real launcher, which becomes a Node that
// tries something and prints what came of it.
import { spawn } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LaunchPlan, PathRule } from '../jail/index.ts';
import { landlockAbi } from '../kernel/index.ts';
import { launcherEntry } from './index.ts';

const whyNot = existsSync(launcherEntry) ? '' : ' (skipped: not built, run `npm run build`)';
const noLandlock = whyNot || (landlockAbi() > 0 ? '' : ' (skipped: this kernel has no Landlock)');

const folder = mkdtempSync(path.join(realpathSync(tmpdir()), 'airlock-launcher-'));
const secret = path.join(folder, 'secret');
const permitted = path.join(folder, 'permitted');
beforeAll(() => {
  writeFileSync(secret, 'secret');
  writeFileSync(permitted, 'permitted');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

function plan(script: string, changes: Partial<LaunchPlan> = {}): LaunchPlan {
  return {
    program: process.execPath,
    args: ['-e', script],
    environment: { OPENSSL_CONF: '/dev/null' },
    keptDescriptors: 4,
    dieWithParent: true,
    limits: { core: 0, fileSize: 0, openFiles: 256, data: 4 * 1024 ** 3, addressSpace: 2 ** 36 },
    seccomp: true,
    ...changes,
  };
}

/** Runs the launcher with a plan; `extra` are further file descriptors from 4 that it inherits. */
async function launch(planOrText: LaunchPlan | string, extra: readonly (number | 'ignore')[] = []): Promise<Ended> {
  const argument = typeof planOrText === 'string' ? planOrText : JSON.stringify(planOrText);
  const child = spawn(process.execPath, [launcherEntry, argument], {
    env: { SECRET: 'of the server' },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe', ...extra],
  });
  const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.once('exit', (code, signal) => resolve([code, signal]));
  });
  const [out, err] = await Promise.all([child.stdout, child.stderr].map((stream) => (stream === null ? '' : text(stream))));
  const [code, signal] = await ended;
  return { code, signal, out, err };
}

/** What the kernel says of the process itself; the script that is launched prints it. */
const printStatus = `const { readFileSync } = require('fs');
  console.log(readFileSync('/proc/self/status', 'latin1'), readFileSync('/proc/self/limits', 'latin1'))`;

describe.skipIf(whyNot !== '')(`the launcher${whyNot}`, () => {
  it('sets no_new_privs, one filter and the limits, and becomes the program under its own id', async () => {
    const { out, code, err } = await launch(
      plan(printStatus, { limits: { core: 0, fileSize: 0, openFiles: 99, data: 3 * 1024 ** 3, addressSpace: 2 ** 35 } }),
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^NoNewPrivs:\t1$/m);
    expect(out).toMatch(/^Seccomp:\t2$/m);
    const own = Number(/^Seccomp_filters:\t(\d+)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? 0);
    expect(out).toMatch(new RegExp(`^Seccomp_filters:\\t${own + 1}$`, 'm'));
    expect(out).toMatch(/^Max core file size +0 +0 /m);
    expect(out).toMatch(/^Max file size +0 +0 /m);
    expect(out).toMatch(/^Max open files +99 +99 /m);
    expect(out).toMatch(/^Max data size +3221225472 +3221225472 /m);
    expect(out).toMatch(/^Max address space +34359738368 +34359738368 /m);
  });

  it('gives exactly the environment and the arguments of the plan', async () => {
    const script = 'console.log(JSON.stringify([process.env, process.argv.slice(1), process.cwd()]))';
    const { out } = await launch(plan(script, { args: ['-e', script, 'ä', '', 'b c'], environment: { A: 'ü=1', B: '' } }));
    expect(JSON.parse(out)).toEqual([{ A: 'ü=1', B: '' }, ['ä', '', 'b c'], process.cwd()]);
  });

  it('keeps the descriptors that it is told to keep, and closes one that somebody leaked', async () => {
    const fd = openSync(secret, constants.O_RDONLY);
    // At a position, because the descriptors are of one open file.
    const read = (number: number): string =>
      `const b = Buffer.alloc(6);
       try { require('fs').readSync(${number}, b, 0, 6, 0); console.log(String(b)); } catch (e) { console.log(e.code); }`;
    // Node marks inherited descriptors itself, but stops looking at the first gap of 16.
    const gap = new Array(40).fill('ignore');
    const withoutLauncher = spawn(process.execPath, ['-e', read(44)], {
      stdio: ['ignore', 'pipe', 'ignore', 'ignore', ...gap, fd],
    });
    expect(await text(withoutLauncher.stdout as Readable)).toBe('secret\n');
    expect((await launch(plan(read(44)), [...gap, fd])).out).toBe('EBADF\n');
    expect((await launch(plan(read(4), { keptDescriptors: 5 }), [fd])).out).toBe('secret\n');
    closeSync(fd);
  });

  it('forbids what the loading filter forbids, and survives being refused', async () => {
    const script = `const fs = require('fs'); const tried = {};
      const attempt = (name, run) => { try { run(); tried[name] = 'worked'; } catch (e) { tried[name] = e.code; } };
      attempt('read', () => fs.readFileSync('/proc/self/status'));
      attempt('write', () => fs.writeFileSync(${JSON.stringify(path.join(folder, 'new'))}, 'x'));
      attempt('mkdir', () => fs.mkdirSync(${JSON.stringify(path.join(folder, 'folder'))}));
      attempt('unlink', () => fs.unlinkSync(${JSON.stringify(secret)}));
      attempt('signal', () => process.kill(process.ppid, 0));
      tried.spawn = require('child_process').spawnSync(process.execPath, ['-v']).error?.code;
      require('net').connect(80, '127.0.0.1').on('error', (e) => { tried.connect = e.code; console.log(JSON.stringify(tried)); });`;
    const { out, code } = await launch(plan(script));
    const tried = { read: 'worked', write: 'EPERM', mkdir: 'EPERM', unlink: 'EPERM', signal: 'EPERM' };
    expect(JSON.parse(out)).toMatchObject({ ...tried, connect: 'EPERM' });
    expect(JSON.parse(out).spawn).toMatch(/^E/);
    expect(code).toBe(0);
    expect(readFileSync(secret, 'latin1')).toBe('secret');
  });

  it.skipIf(noLandlock !== '')(`opens only what Landlock names${noLandlock}`, async () => {
    const libraries: PathRule[] = ['/lib', '/lib64', '/usr/lib']
      .filter((name) => existsSync(name))
      .map((name) => ({ path: name, access: 'execute' }));
    const landlock: PathRule[] = [
      ...libraries,
      { path: realpathSync(process.execPath), access: 'execute' },
      { path: '/etc/ld.so.cache', access: 'read' },
      { path: '/dev/null', access: 'read' },
      { path: '/dev/urandom', access: 'read' },
      { path: permitted, access: 'read' },
    ];
    const script = `const fs = require('fs');
      for (const name of ${JSON.stringify([permitted, secret, folder, '/etc/passwd', '/proc/self/environ'])})
        try { console.log(fs.statSync(name).isDirectory() ? fs.readdirSync(name) : fs.readFileSync(name, 'latin1')); }
        catch (e) { console.log(e.code); }`;
    const { out, err } = await launch(plan(script, { landlock, seccomp: false }));
    expect(err).toBe('');
    expect(out.trim().split('\n')).toEqual(['permitted', 'EACCES', 'EACCES', 'EACCES', 'EACCES']);
  });

  it.each([
    ['no plan', ''],
    ['a plan that is not JSON', '{'],
    ['a plan with an unknown key', JSON.stringify({ ...plan(''), other: 1 })],
    ['a program that is not there', plan('', { program: '/nowhere/node' })],
    ['a descriptor that is not open', plan('', { keptDescriptors: 40 })],
    [
      'a limit above the hard limit',
      plan('', { limits: { core: 0, fileSize: 0, openFiles: 2 ** 40, data: 2 ** 32, addressSpace: 2 ** 36 } }),
    ],
  ])('says in one line why it does not start, with exit code 97: %s', async (_, bad) => {
    const { code, out, err } = await launch(bad);
    expect({ code, out }).toEqual({ code: 97, out: '' });
    expect(err).toMatch(/^launcher: [^\n]+\n$/);
  });

  it.skipIf(noLandlock !== '')(`does not start when a path of Landlock is missing${noLandlock}`, async () => {
    const { code, err } = await launch(plan('', { landlock: [{ path: '/nowhere', access: 'read' }] }));
    expect({ code, err }).toEqual({ code: 97, err: 'launcher: /nowhere: ENOENT\n' });
  });
});
