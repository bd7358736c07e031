import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sha256, temporaryFolder, writeContents } from '../../../tests/support/model-folder.ts';
import { builtFile } from '../../core/index.ts';
import { type DigestFilesOptions, digestFiles } from './digest-files.ts';
import { listTree } from './list-tree.ts';
import { openTree } from './tree.ts';

const whyNot = existsSync(builtFile(import.meta.url, 'digest-thread.js')) ? '' : ' (skipped: not built, run `npm run build`)';
const mebibyte = 1024 * 1024;

let temporary = temporaryFolder();
let model = '';
beforeEach(() => {
  temporary = temporaryFolder();
  model = join(temporary.path, 'model');
  mkdirSync(model);
});
afterEach(() => temporary.remove());

/** Lists, lets `change` happen, and hashes. */
async function digest(options: Partial<DigestFilesOptions> = {}, change: () => void = () => undefined) {
  const tree = await openTree(model);
  try {
    const { files } = await listTree(tree);
    change();
    return await digestFiles(tree, files, { hashType: 'sha256', ...options });
  } finally {
    await tree.close();
  }
}

const refusal = (code: string) => expect.objectContaining({ code });

describe('digestFiles', () => {
  it('hashes as it is told', async () => {
    writeContents(model, { a: 'one', 'b/c': 'two' });
    expect(await digest()).toEqual(
      new Map([
        ['a', { digest: sha256('one') }],
        ['b/c', { digest: sha256('two') }],
      ]),
    );
    const { digest: long } = { digest: '', ...(await digest({ hashType: 'blake2b' })).get('a') };
    expect(long).toHaveLength(128);
  });

  it('does not read a file that has another size than when it was listed', async () => {
    writeContents(model, { a: 'one', b: 'two' });
    const outcomes = await digest({}, () => appendFileSync(join(model, 'a'), 'x'));
    expect(outcomes).toEqual(
      new Map([
        ['a', { problem: 'changed' }],
        ['b', { digest: sha256('two') }],
      ]),
    );
  });

  it('says of a file that it cannot be read', async () => {
    writeContents(model, { a: 'one' });
    const tree = await openTree(model);
    // A descriptor for writing only.
    const openFile = async () => ({ handle: await open(join(model, 'a'), 'a'), sizeBytes: 3 });
    const outcomes = await digestFiles({ ...tree, openFile }, [{ name: 'a', sizeBytes: 3 }], { hashType: 'sha256' });
    expect(outcomes).toEqual(new Map([['a', { problem: 'unreadable' }]]));
    await tree.close();
  });

  it('reports how far it is, at least at the end', async () => {
    writeContents(model, { a: 'one', 'b/c': 'two' });
    const calls: number[][] = [];
    await digest({ onProgress: (...call) => void calls.push(call) });
    expect(calls.at(-1)).toEqual([6, 6]);
  });

  it('gives up when a copy cannot be written', async () => {
    writeContents(model, { a: 'one', b: 'two', c: 'three' });
    const readOnly = () => open(join(model, 'a'), 'r');
    await expect(digest({ target: readOnly })).rejects.toEqual(refusal('INTERNAL'));
    const fails = (code: string) => () => Promise.reject(Object.assign(new Error(code), { code }));
    await expect(digest({ target: fails('ENOSPC') })).rejects.toEqual(refusal('DISK_FULL'));
    await expect(digest({ target: fails('EROFS') })).rejects.toEqual(refusal('STORE_NOT_WRITABLE'));
    const device = () => open('/dev/full', 'w');
    if (existsSync('/dev/full')) await expect(digest({ target: device })).rejects.toEqual(refusal('DISK_FULL'));
  });

  it('stops when it is cancelled, before and in the middle', async () => {
    writeContents(model, { a: 'one', b: 'two' });
    await expect(digest({ signal: AbortSignal.abort() })).rejects.toEqual(refusal('CANCELLED'));
    const controller = new AbortController();
    const target = async (name: string) => {
      controller.abort();
      return open(join(temporary.path, name), 'w');
    };
    await expect(digest({ signal: controller.signal, target })).rejects.toEqual(refusal('CANCELLED'));
  });
});

describe.skipIf(whyNot !== '')(`digestFiles, in threads${whyNot}`, () => {
  it('hashes and copies large files without holding up the caller', async () => {
    const content = Buffer.alloc(20 * mebibyte, 'a large model');
    for (const name of ['a', 'b', 'c']) writeFileSync(join(model, name), content);
    const calls: number[] = [];
    const target = (name: string) => open(join(temporary.path, name), 'w');
    const outcomes = await digest({ target, onProgress: (doneBytes) => void calls.push(doneBytes) });
    expect([...outcomes.values()]).toEqual(Array.from({ length: 3 }, () => ({ digest: sha256(content) })));
    expect(calls.at(-1)).toBe(3 * content.length);
    expect([...calls].sort((a, b) => a - b)).toEqual(calls);
  });

  it('stops all of them when one fails', async () => {
    const content = Buffer.alloc(3 * mebibyte);
    for (let index = 0; index < 10; index++) writeFileSync(join(model, `${index}`), content);
    let made = 0;
    const target = (name: string) => {
      if (++made === 2) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
      return open(join(temporary.path, name), 'w');
    };
    await expect(digest({ target })).rejects.toEqual(refusal('DISK_FULL'));
    expect(made).toBeLessThan(10);
  });

  it('begins no more files after one failed', async () => {
    writeFileSync(join(model, 'large'), Buffer.alloc(5 * mebibyte));
    for (let index = 0; index < 300; index++) writeFileSync(join(model, `${index}`), '');
    let made = 0;
    const target = (name: string) => {
      made++;
      return name === 'large' ? open(join(model, name), 'r') : open(join(temporary.path, name), 'w');
    };
    await expect(digest({ target })).rejects.toEqual(refusal('INTERNAL'));
    expect(made).toBeLessThan(300);
  });
});
