// Files of others: links, pipes, devices and large ones do not hold the reader or lead it away.
import { execFileSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../../../tests/support/model-folder.ts';
import { readBoundedFile } from './bounded-file.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());
const file = join(folder.path, 'file');
writeFileSync(file, 'content');

describe('readBoundedFile()', () => {
  it('reads a file up to its limit, and says that there is none', async () => {
    expect(await readBoundedFile(file, { maxBytes: 7 })).toEqual(Buffer.from('content'));
    expect(await readBoundedFile(join(folder.path, 'none'), { maxBytes: 7 })).toBeUndefined();
    writeFileSync(join(folder.path, 'empty'), '');
    expect(await readBoundedFile(join(folder.path, 'empty'), { maxBytes: 7 })).toEqual(Buffer.alloc(0));
    await expect(readBoundedFile(file, { maxBytes: 6 })).rejects.toMatchObject({
      code: 'USAGE',
      message: 'file is larger than 6 bytes',
    });
  });

  it('follows a link only where that is allowed', async () => {
    const link = join(folder.path, 'link');
    symlinkSync(file, link);
    expect(await readBoundedFile(link, { maxBytes: 7 })).toEqual(Buffer.from('content'));
    await expect(readBoundedFile(link, { maxBytes: 7, followLink: false })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('does not wait for a pipe, and reads no device and no folder', async () => {
    const pipe = join(folder.path, 'pipe');
    execFileSync('mkfifo', [pipe]);
    for (const path of [pipe, '/dev/zero', folder.path])
      await expect(readBoundedFile(path, { maxBytes: 7 })).rejects.toMatchObject({
        message: expect.stringMatching(/is not a file$/),
      });
  });

  it('notices a file that has more than its size says', async () => {
    await expect(readBoundedFile('/proc/self/status', { maxBytes: 1_000_000 })).rejects.toMatchObject({
      message: 'status grows while it is read',
    });
  });
});
