// A server that is root and lies where only root can go: its workers, who are nobody, need its code all the same.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { lacksLevel, notRoot, optionsFor } from '../../tests/support/jail-level.ts';
import { packageFiles } from './needed-files.ts';

const root = path.resolve(import.meta.dirname, '../..');

const closed = realpathSync(mkdtempSync(path.join(tmpdir(), 'airlock-package-')));
const stages = path.join(closed, 'stages');
mkdirSync(stages);
afterAll(() => rmSync(closed, { recursive: true, force: true }));

function copyPackage(): string {
  const copy = path.join(closed, 'package');
  for (const file of [...packageFiles().map((rule) => rule.path), path.join(root, 'dist/sandbox')]) {
    cpSync(file, path.join(copy, path.relative(root, file)), { recursive: true });
  }
  const server = path.join(copy, 'server.mjs');
  writeFileSync(
    server,
    `import { openJail } from './dist/sandbox/index.js';
     const entry = ${JSON.stringify(path.join(copy, 'entry.mjs'))};
     const jail = await openJail({ cgroups: false, readable: [entry], ...JSON.parse(process.argv[2]) });
     const started = jail.start({ entry, args: [jail.pathInside(entry)], readable: [entry], limits: { memoryBytes: 2 ** 28, maxTasks: 100 },
       onLog: ({ text }) => console.error(text) });
     started.socket.on('data', (chunk) => console.log(JSON.stringify({ level: jail.level, said: String(chunk) })));
     await started.exited;
     await jail.close();`,
  );
  writeFileSync(
    path.join(copy, 'entry.mjs'),
    `import fs from 'node:fs';
     const { exitNow } = await import('./dist/kernel/index.js');
     fs.writeSync(3, fs.readFileSync(process.argv[2], 'utf8').slice(0, 6));
     exitNow(0);`,
  );
  return server;
}

describe('a package that only root can reach', () => {
  for (const level of ['full', 'process'] as const) {
    const whyNot = notRoot || lacksLevel(level);
    it.skipIf(whyNot !== '')(`serves its processes, and leaves nothing behind: ${level}${whyNot}`, async () => {
      const server = copyPackage();
      chmodSync(closed, 0o711);
      chmodSync(path.dirname(server), 0o700);
      const env = { ...process.env, TMPDIR: stages };
      const child = spawn(process.execPath, [server, JSON.stringify(optionsFor(level))], {
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [chunk] = await once(child.stdout, 'data');
      expect(JSON.parse(String(chunk))).toEqual({ level, said: 'import' });
      await once(child, 'exit');
      expect(readdirSync(stages)).toEqual([]);
    });
  }
});
