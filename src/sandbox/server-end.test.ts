// A server that dies, and one that has leaked descriptors: real servers in processes of their own, from the build, also as an unprivileged
// user.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findHierarchies } from './cgroup-hierarchies.ts';
import { examineJail, type JailLevel, jailLevels } from './index.ts';

const dist = path.resolve(import.meta.dirname, '../../dist');
const isBuilt = existsSync(path.join(dist, 'launcher/main.js'));
const here = isBuilt ? await examineJail() : undefined;
const isRoot = process.getuid?.() === 0;
const nobody = 65534;

const folder = mkdtempSync(path.join(tmpdir(), 'airlock-server-'));
chmodSync(folder, 0o755);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const whyNot = (level: JailLevel): string =>
  here !== undefined && jailLevels.indexOf(here.level) <= jailLevels.indexOf(level)
    ? ''
    : ' (skipped: not possible on this machine)';

function script(name: string, text: string): string {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  chmodSync(file, 0o644);
  return file;
}

/** A server that opens a jail of `level`, after `before`, starts `entry` in it, and passes on what that sends. */
function server(level: JailLevel, entry: string, before = ''): string {
  const options = {
    required: 'process',
    ...(level === 'none' ? { unsafeLevel: 'none' } : {}),
    ...(level === 'process' ? { bubblewrap: '/nonexistent' } : {}),
  };
  return script(
    `server-${level}.mjs`,
    `import { openJail } from ${JSON.stringify(path.join(dist, 'sandbox/index.js'))};
     const jail = await openJail(${JSON.stringify(options)});
     ${before}
     const started = jail.start({ entry: ${JSON.stringify(entry)}, readable: [${JSON.stringify(entry)}],
       limits: { memoryBytes: 2 ** 28, maxTasks: 100 }, onLog: ({ text }) => console.error(text) });
     started.socket.once('data', (chunk) => console.log(JSON.stringify({ level: jail.level, processId: started.processId, said: String(chunk) })));
     setInterval(() => {}, 1000);`,
  );
}

function run(file: string, userId?: number): ChildProcess {
  const user = userId === undefined ? {} : { uid: userId, gid: userId };
  return spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'], cwd: '/', ...user });
}

async function reportOf(child: ChildProcess): Promise<{ level: JailLevel; processId: number; said: string }> {
  const [chunk] = child.stdout === null ? [] : await once(child.stdout, 'data');
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
    it.skipIf(whyNot(level) !== '')(`takes its processes with it: ${level}${whyNot(level)}`, async () => {
      const child = run(server(level, script('deaf.mjs', deaf)));
      const { processId } = await reportOf(child);
      expect(existsSync(`/proc/${processId}`)).toBe(true);
      await end(child);
      await expect.poll(() => existsSync(`/proc/${processId}`), { timeout: 5000 }).toBe(false);
    });
  }
});

describe('a server of an unprivileged user', () => {
  const noRoot = isRoot ? '' : ' (skipped: the tests are not run as root, and the others show it)';
  it.skipIf(!isRoot || whyNot('process') !== '')(
    `finds its level, and its processes run${noRoot}${whyNot('process')}`,
    async () => {
      const child = run(server('full', script('deaf.mjs', deaf)), nobody);
      const { level, said } = await reportOf(child);
      expect(said).toBe('up');
      expect(['full', 'process']).toContain(level);
      await end(child);
    },
  );
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
    fs.writeSync(3, String(open.includes(150))); setInterval(() => {}, 1000);`;

  for (const level of ['none', 'process', 'full'] as const) {
    it.skipIf(whyNot(level) !== '')(
      `${level === 'none' ? 'arrive without a jail' : 'do not arrive'}: ${level}${whyNot(level)}`,
      async () => {
        const child = run(server(level, script('look.mjs', look), leak));
        expect((await reportOf(child)).said).toBe(String(level === 'none'));
        await end(child);
      },
    );
  }
});

describe('a server that closes its jail', () => {
  it.skipIf(whyNot('process') !== '')(`leaves no folder and no control group behind${whyNot('process')}`, async () => {
    const entry = script('deaf.mjs', deaf);
    const closing = server(
      'full',
      entry,
      `const early = Array.from({ length: 3 }, () => jail.start({ entry: ${JSON.stringify(entry)}, readable: [${JSON.stringify(entry)}],
         limits: { memoryBytes: 2 ** 28, maxTasks: 100 }, onLog: ({ text }) => console.error(text) }));
       for (const one of early) { one.socket.once('data', () => one.kill()); await one.exited; }
       await jail.close();
       process.exit();`,
    );
    const child = run(closing);
    await once(child, 'exit');
    const folders = [tmpdir(), ...findHierarchies().map((hierarchy) => hierarchy.folder)];
    const left = folders.flatMap((place) => readdirSync(place)).filter((name) => name.includes(`-${child.pid}-`));
    expect(left).toEqual([]);
  });
});
