import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { sha256, temporaryFolder } from '../../../tests/support/model-folder.ts';
import { type DigestJob, digestFile, doneIndex, stopIndex } from './digest-file.ts';
import { serveDigests } from './digest-thread.ts';

// Not this process, which runs the tests.
vi.mock('node:os', async (importOriginal) => ({ ...(await importOriginal<typeof import('node:os')>()), setPriority: vi.fn() }));

const temporary = temporaryFolder();
afterAll(() => temporary.remove());

const source = join(temporary.path, 'source');
const target = join(temporary.path, 'target');
const mebibyte = 1024 * 1024;

async function withFiles(content: Buffer, use: (job: DigestJob) => Promise<void>, modes = ['r', 'w']): Promise<void> {
  writeFileSync(source, content);
  writeFileSync(target, '');
  const [from, to] = [openSync(source, modes[0]), openSync(target, modes[1])];
  const shared = new SharedArrayBuffer(16);
  try {
    await use({ source: from, target: to, sizeBytes: content.length, algorithm: 'sha256', overlaps, shared });
  } finally {
    closeSync(from);
    closeSync(to);
  }
}

/** Set by the tests that try both ways. */
let overlaps = true;

const done = (job: DigestJob): bigint => new BigInt64Array(job.shared)[doneIndex];

describe.each([true, false])('digestFile, overlapping: %s', (way) => {
  beforeEach(() => {
    overlaps = way;
  });

  it.each([0, 1, mebibyte - 1, mebibyte, mebibyte + 1, 3.5 * mebibyte])('hashes and copies %d bytes', async (length) => {
    const content = Buffer.alloc(length, 'some content that repeats');
    await withFiles(content, async (job) => {
      expect(await digestFile(job)).toEqual({ digest: sha256(content) });
      expect(done(job)).toBe(BigInt(length));
    });
    expect(readFileSync(target).equals(content)).toBe(true);
  });

  it('copies exactly the bytes that it hashed, whatever they are', async () => {
    const bytes = fc.uint8Array({ maxLength: 5_000 });
    await fc.assert(
      fc.asyncProperty(bytes, fc.constantFrom<DigestJob['algorithm']>('sha256', 'blake2b512'), async (content, algorithm) => {
        await withFiles(Buffer.from(content), async (job) => {
          const digest = createHash(algorithm).update(content).digest('hex');
          expect(await digestFile({ ...job, algorithm })).toEqual({ digest });
        });
        expect(readFileSync(target).equals(content)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('only hashes where there is no target, and not a byte more than it was told', async () => {
    await withFiles(Buffer.from('hashed, and more'), async (job) => {
      expect(await digestFile({ ...job, target: undefined, sizeBytes: 6 })).toEqual({ digest: sha256('hashed') });
    });
    expect(readFileSync(target)).toHaveLength(0);
  });

  it('has the digest of what there was when a file ends early', async () => {
    await withFiles(Buffer.from('short'), async (job) => {
      expect(await digestFile({ ...job, sizeBytes: 100 })).toEqual({ digest: sha256('short') });
    });
  });

  it('stops when it is told', async () => {
    await withFiles(Buffer.alloc(10), async (job) => {
      new BigInt64Array(job.shared)[stopIndex] = 1n;
      expect(await digestFile(job)).toEqual({ failed: 'stopped', code: '' });
    });
  });

  it('says which side failed', async () => {
    await withFiles(Buffer.alloc(10), async (job) => expect(await digestFile(job)).toEqual({ failed: 'source', code: 'EBADF' }), [
      'a',
      'w',
    ]);
    await withFiles(Buffer.alloc(10), async (job) => expect(await digestFile(job)).toEqual({ failed: 'target', code: 'EBADF' }), [
      'r',
      'r',
    ]);
  });
});

describe('serveDigests', () => {
  const answer = async (): Promise<unknown> => {
    const { port1, port2 } = new MessageChannel();
    serveDigests(port2);
    let message: unknown;
    await withFiles(Buffer.from('x'), async (job) => {
      port1.postMessage({ id: 7, job });
      [message] = await once(port1, 'message');
    });
    port1.close();
    return message;
  };

  it('answers each job under its number, and steps back behind what people wait for', async () => {
    const changed = vi.mocked(setPriority).mockReturnValue();
    expect(await answer()).toEqual({ id: 7, result: { digest: sha256('x') } });
    expect(changed.mock.calls).toEqual([[0, 10]]);
  });

  it('works also where it may not step back', async () => {
    vi.mocked(setPriority).mockImplementation(() => {
      throw new Error('EPERM');
    });
    expect(await answer()).toEqual({ id: 7, result: { digest: sha256('x') } });
  });

  it('does nothing without a port', () => {
    vi.mocked(setPriority).mockClear();
    serveDigests(null);
    expect(setPriority).not.toHaveBeenCalled();
  });
});
