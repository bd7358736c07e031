import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { sha256, temporaryFolder } from '../../../tests/support/model-folder.ts';
import { builtFile } from '../../core/index.ts';
import type { DigestJob } from './digest-file.ts';
import { DigestPool } from './digest-pool.ts';

const isBuilt = existsSync(builtFile(import.meta.url, 'digest-thread.js'));
const temporary = temporaryFolder();
const opened: number[] = [];
afterEach(() => {
  for (const fd of opened.splice(0)) closeSync(fd);
});
afterAll(() => temporary.remove());

function job(content: string): DigestJob {
  const file = join(temporary.path, `file ${opened.length}`);
  writeFileSync(file, content);
  const source = openSync(file, 'r');
  opened.push(source);
  const shared = new SharedArrayBuffer(16);
  return { source, target: undefined, sizeBytes: content.length, algorithm: 'sha256', overlaps: true, shared };
}

function script(text: string): string {
  const file = join(temporary.path, `${Math.random()}.mjs`);
  writeFileSync(file, `import { parentPort } from 'node:worker_threads';\n${text}`);
  return file;
}

const lost = expect.objectContaining({ code: 'INTERNAL', detail: 'a thread that hashes files has ended' });

describe('DigestPool', () => {
  it.skipIf(!isBuilt)('hashes in threads (skipped where nothing is built: run `npm run build`)', async () => {
    const pool = new DigestPool();
    const contents = Array.from({ length: 20 }, (_, index) => `content ${index}`);
    const results = await Promise.all(contents.map((content) => pool.run(job(content))));
    expect(results).toEqual(contents.map((content) => ({ digest: sha256(content) })));
    expect(pool.threads).toBeGreaterThan(0);
  });

  it('starts as many threads as it may, gives each two jobs, and keeps the rest waiting', async () => {
    // Counts what it is given, and answers when it is told.
    const entry = script(`
      parentPort.on('message', ({ id, job }) => {
        const state = new BigInt64Array(job.shared);
        Atomics.add(state, 0, 1n);
        const timer = setInterval(() => {
          if (Atomics.load(state, 1) === 0n) return;
          clearInterval(timer);
          parentPort.postMessage({ id, result: { digest: 'done' } });
        }, 2);
      });`);
    const pool = new DigestPool({ entry, size: 2, idleMs: 10 });
    expect(pool.capacity).toBe(4);
    const shared = new SharedArrayBuffer(16);
    const state = new BigInt64Array(shared);
    const runs = Array.from({ length: 7 }, () => pool.run({ ...job(''), shared }));
    expect(pool.threads).toBe(2);
    await expect.poll(() => state[0], { timeout: 20_000 }).toBe(4n);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(state[0]).toBe(4n);
    Atomics.store(state, 1, 1n);
    expect(await Promise.all(runs)).toEqual(Array.from({ length: 7 }, () => ({ digest: 'done' })));
    expect(state[0]).toBe(7n);
    await expect.poll(() => pool.threads).toBe(0);
    expect(await Promise.all([pool.run({ ...job(''), shared }), pool.run({ ...job(''), shared })])).toHaveLength(2);
  });

  it('uses a thread without work before it starts another', async () => {
    const entry = script(`parentPort.on('message', ({ id }) => parentPort.postMessage({ id, result: { digest: 'x' } }));`);
    const pool = new DigestPool({ entry, size: 4, idleMs: 10 });
    for (let turn = 0; turn < 5; turn++) await pool.run(job(''));
    expect(pool.threads).toBe(1);
  });

  it('fails the jobs of a thread that ends, and goes on with another', async () => {
    const entry = script(`
      parentPort.on('message', ({ id, job }) => {
        if (job.sizeBytes === 1) throw new Error('broken');
        if (job.sizeBytes === 2) process.exit(3);
        parentPort.postMessage({ id, result: { digest: 'x' } });
      });`);
    const pool = new DigestPool({ entry, size: 1, idleMs: 10 });
    const runs = [pool.run(job('x')), pool.run(job('xx')), pool.run(job('xx'))];
    const results = await Promise.allSettled(runs);
    expect(results.map((result) => (result.status === 'rejected' ? result.reason : result.value))).toEqual([lost, lost, lost]);
    expect(await pool.run(job(''))).toEqual({ digest: 'x' });
    expect(results[0]).toEqual(expect.objectContaining({ reason: expect.objectContaining({ cause: new Error('broken') }) }));
  });

  it.skipIf(!isBuilt)('does not keep a process alive that has nothing else to do (skipped where nothing is built)', () => {
    const module = builtFile(import.meta.url, 'digest-pool.js');
    const text = `
      import { openSync } from 'node:fs';
      import { DigestPool } from ${JSON.stringify(module)};
      const pool = new DigestPool({ idleMs: 60_000 });
      const shared = new SharedArrayBuffer(16);
      const job = { source: openSync(${JSON.stringify(module)}), sizeBytes: 1, algorithm: 'sha256', overlaps: true, shared };
      console.log(typeof (await pool.run(job)).digest, pool.threads);`;
    const { stdout, signal } = spawnSync(process.execPath, ['--input-type=module', '-e', text], {
      encoding: 'utf8',
      timeout: 30_000,
    });
    expect({ stdout, signal }).toEqual({ stdout: 'string 1\n', signal: null });
  });
});
