// A server that dies, and one that has leaked descriptors: real servers in processes of their own, from the build, also as an unprivileged
// user.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import { lacksLevel, nobody, notForOthers, notRoot, optionsFor } from '../../tests/support/jail-level.ts';
import { findHierarchies } from './cgroup-hierarchies.ts';
import type { JailLevel, OpenJailOptions } from './index.ts';

const dist = path.resolve(import.meta.dirname, '../../dist');

const folder = mkdtempSync(path.join(tmpdir(), 'airlock-server-'));
chmodSync(folder, 0o755);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

// As a home can be: what lies here has to be staged for the processes of a server that is root.
const closed = path.join(folder, 'closed');
mkdirSync(closed, { mode: 0o700 });

function script(name: string, text: string, place = folder): string {
  const file = path.join(place, name);
  writeFileSync(file, text);
  chmodSync(file, 0o644);
  return file;
}

/** A server that opens a jail, does what `before` says, starts `entry` in the jail, and passes on what that sends. */
function server(options: OpenJailOptions, entry: string, before = ''): string {
  return script(
    'server.mjs',
    `import { openJail } from ${JSON.stringify(path.join(dist, 'sandbox/index.js'))};
     const jail = await openJail(${JSON.stringify(options)});
     ${before}
     const started = jail.start({ entry: ${JSON.stringify(entry)}, readable: [${JSON.stringify(entry)}],
       limits: { memoryBytes: 2 ** 28, maxTasks: 100 }, onLog: ({ text }) => console.error(text) });
     started.socket.once('data', (chunk) =>
       console.log(JSON.stringify({ level: jail.level, processId: started.processId, said: String(chunk) })));
     setInterval(() => {}, 1000);`,
  );
}

function run(file: string, userId?: number): ChildProcess {
  const user = userId === undefined ? {} : { uid: userId, gid: userId };
  return spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/', ...user });
}

async function reportOf(child: ChildProcess): Promise<{ level: JailLevel; processId: number; said: string }> {
  if (child.stdout === null) throw new Error('its output is no pipe');
  const ended = once(child, 'exit').then(([code, signal]) => Promise.reject(new Error(`it ended by ${signal ?? code}`)));
  const [chunk] = await Promise.race([once(child.stdout, 'data'), ended]);
  return JSON.parse(String(chunk));
}

async function end(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

// It never reads its socket, whose end it would notice.
const deaf = `import fs from 'node:fs'; fs.writeSync(3, 'up'); setInterval(() => {}, 1000);`;

describe('a server that is killed', () => {
  for (const level of ['full', 'process'] as const) {
    const whyNot = lacksLevel(level);
    it.skipIf(whyNot !== '')(`takes its processes with it: ${level}${whyNot}`, async () => {
      const child = run(server(optionsFor(level), script('deaf.mjs', deaf)));
      const { processId } = await reportOf(child);
      expect(existsSync(`/proc/${processId}`)).toBe(true);
      await end(child);
      await expect.poll(() => existsSync(`/proc/${processId}`), { timeout: 5000 }).toBe(false);
    });
  }
});

describe('a server of an unprivileged user', () => {
  // Where the tests are not run as root, the others show it.
  const whyNot = notRoot || notForOthers || lacksLevel('process');
  it.skipIf(whyNot !== '')(`finds its level, and its processes run${whyNot}`, async () => {
    const child = run(server({ require: 'process' }, script('deaf.mjs', deaf)), nobody);
    const { level, said } = await reportOf(child);
    expect(said).toBe('up');
    expect(['full', 'process']).toContain(level);
    await end(child);
  });
});

describe('descriptors that native code in the server left open', () => {
  // F_DUPFD makes a descriptor that is not closed at execve; Node itself leaves none.
  const leak = `
    const { systemCall } = await import(${JSON.stringify(path.join(dist, 'kernel/index.js'))});
    const { callNumber, hostArchitecture } = await import(${JSON.stringify(path.join(dist, 'jail/index.js'))});
    const fs = await import('node:fs');
    const secret = fs.openSync('/etc/hostname', 'r');
    if (systemCall(callNumber('fcntl', hostArchitecture()), secret, 0, 150) !== 150n) throw new Error('no leak');`;
  const look = `import fs from 'node:fs';
    const open = []; for (let fd = 0; fd < 256; fd++) try { fs.fstatSync(fd); open.push(fd); } catch {}
    fs.writeSync(3, String(open.includes(150)));
    // Ends with its server: without a jail nothing else ends it.
    fs.readSync(3, Buffer.alloc(1));`;

  for (const level of ['none', 'process', 'full'] as const) {
    const whyNot = lacksLevel(level);
    const title = `${level === 'none' ? 'arrive without a jail' : 'do not arrive'}: ${level}${whyNot}`;
    it.skipIf(whyNot !== '')(title, async () => {
      const child = run(server(optionsFor(level), script('look.mjs', look), leak));
      expect((await reportOf(child)).said).toBe(String(level === 'none'));
      await end(child);
    });
  }
});

describe('a server that closes its jail', () => {
  const whyNot = notRoot || lacksLevel('process');
  it.skipIf(whyNot !== '')(`leaves no folder and no control group behind${whyNot}`, async () => {
    const folders = [tmpdir(), ...findHierarchies().map((hierarchy) => hierarchy.folder)];
    const entry = script('deaf.mjs', deaf, closed);
    const closing = server(
      { require: 'process' },
      entry,
      `const { readdirSync } = await import('node:fs');
       const places = ${JSON.stringify(folders)};
       const made = () => places.flatMap((place) => readdirSync(place)).filter((name) => name.includes('-' + process.pid + '-'));
       const early = Array.from({ length: 3 }, () => jail.start({ entry: ${JSON.stringify(entry)}, readable: [${JSON.stringify(entry)}],
         limits: { memoryBytes: 2 ** 28, maxTasks: 100 }, onLog: ({ text }) => console.error(text) }));
       console.log(made().length);
       for (const one of early) { one.socket.once('data', () => one.kill()); await one.exited; }
       await jail.close();
       process.exit(made().length);`,
    );
    const child = run(closing);
    const [[code], said] = await Promise.all([once(child, 'exit'), child.stdout === null ? '' : text(child.stdout)]);
    // Its folder with what had to be staged, at least; a group for each process where they are delegated.
    expect(Number(said)).toBeGreaterThan(0);
    expect(code).toBe(0);
    const left = folders.flatMap((place) => readdirSync(place)).filter((name) => name.includes(`-${child.pid}-`));
    expect(left).toEqual([]);
  });
});
