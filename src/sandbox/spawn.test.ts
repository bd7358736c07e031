// What a worker process inherits, and that it does not outlive the server.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { spawnWorker } from './index.ts';

const built = path.resolve(import.meta.dirname, '../../dist/sandbox/index.js');
const whyNot = existsSync(built) ? '' : ' (skipped: not built, run `npm run build`)';

const directory = mkdtempSync(path.join(tmpdir(), 'airlock-spawn-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function script(name: string, text: string): string {
  const file = path.join(directory, name);
  writeFileSync(file, text);
  return file;
}

describe('spawnWorker', () => {
  it('gives a worker its socket, two variables of environment, and no input', async () => {
    const entry = script(
      'report.mjs',
      `import fs from 'node:fs';
       const fds = fs.readdirSync('/proc/self/fd').map(Number).filter((fd) => {
         try { return /socket|pipe|null/.test(fs.readlinkSync('/proc/self/fd/' + fd)) && fd <= 5; } catch { return false; }
       });
       fs.writeSync(3, JSON.stringify({ env: process.env, fds, cwd: process.cwd(), stdin: fs.readlinkSync('/proc/self/fd/0') }));`,
    );
    process.env.AIRLOCK_TEST_SECRET = 'secret';
    const worker = spawnWorker({ entry, onLog: () => undefined });
    const chunks: Buffer[] = [];
    worker.socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    expect(await worker.exited).toEqual({ code: 0, signal: null });
    const report = JSON.parse(Buffer.concat(chunks).toString());
    expect(report.env).toEqual({ TF_CPP_MIN_LOG_LEVEL: '2', OPENSSL_CONF: '/dev/null' });
    expect(report.fds.slice(0, 4)).toEqual([0, 1, 2, 3]);
    expect(report).toMatchObject({ cwd: '/', stdin: '/dev/null' });
  });

  it('kills what does not want to end', async () => {
    const entry = script('stubborn.mjs', `process.on('SIGTERM', () => {}); console.log('up'); setInterval(() => {}, 1000);`);
    const lines: string[] = [];
    const worker = spawnWorker({ entry, onLog: ({ text }) => lines.push(text) });
    await expect.poll(() => lines, { timeout: 5000 }).toEqual(['up']);
    worker.kill();
    expect(await worker.exited).toEqual({ code: null, signal: 'SIGKILL' });
  });

  it.skipIf(!existsSync(built))(`loses a worker with the server, even when that is killed${whyNot}`, async () => {
    // As the worker does it: a blocking read of file descriptor 3, and exit at its end.
    const entry = script('reader.mjs', `import fs from 'node:fs'; while (fs.readSync(3, Buffer.alloc(1)) > 0);`);
    const server = script(
      'server.mjs',
      `import { spawnWorker } from ${JSON.stringify(built)};
       console.log(spawnWorker({ entry: ${JSON.stringify(entry)}, onLog: () => {} }).processId);
       setInterval(() => {}, 1000);`,
    );
    const parent = spawn(process.execPath, [server], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [output] = await once(parent.stdout, 'data');
    const workerId = Number(String(output));
    expect(() => process.kill(workerId, 0)).not.toThrow();
    parent.kill('SIGKILL');
    await expect.poll(() => isRunning(workerId), { timeout: 5000 }).toBe(false);
  });
});

function isRunning(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch {
    return false;
  }
}
