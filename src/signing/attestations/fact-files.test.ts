// Facts that come in files: data sets that are hashed, and JSON that is read as strictly as what is signed.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { sha256, temporaryFolder } from '../../../tests/support/model-folder.ts';
import { hashData } from './hash-data.ts';
import { readJsonFile } from './json-file.ts';

const folder = temporaryFolder();
afterAll(() => folder.remove());
const put = (name: string, content: string | Buffer): string => {
  const file = join(folder.path, name);
  writeFileSync(file, content);
  return file;
};

describe('hashData()', () => {
  it('hashes files of any size, and names them without their folders', async () => {
    const large = Buffer.alloc(3_000_001, 'abc');
    expect(await hashData([put('large', large), put('empty', '')])).toEqual([
      { name: 'large', digest: { sha256: sha256(large) } },
      { name: 'empty', digest: { sha256: sha256('') } },
    ]);
  });

  it('refuses what is not there, and folders', async () => {
    mkdirSync(join(folder.path, 'folder'));
    await expect(hashData([join(folder.path, 'none')])).rejects.toMatchObject({ code: 'USAGE', message: 'There is no none' });
    await expect(hashData([join(folder.path, 'folder')])).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('stops when it is told to', async () => {
    await expect(hashData([put('large', 'x')], AbortSignal.abort())).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

describe('readJsonFile()', () => {
  it('reads an object', async () => {
    expect({ ...(await readJsonFile(put('a.json', ' {"a": [1, null]} '))) }).toEqual({ a: [1, null] });
  });

  it.each([
    ['a key that is there twice', '{"a": 1, "a": 2}', /^x\.json is not JSON/],
    ['half of an object', '{"a": ', /^x\.json is not JSON/],
    ['nothing', '', /^x\.json is not JSON: expected /],
    ['a list', '[1]', /^x\.json must hold a JSON object$/],
    ['null', 'null', /^x\.json must hold a JSON object$/],
    ['a text', '"a"', /^x\.json must hold a JSON object$/],
    ['NaN, as Python writes it', '{"loss": NaN}', /^x\.json is not JSON/],
    ['bytes that are no text', Buffer.from([0x22, 0xff, 0x22]), /^x\.json is not JSON/],
  ])('refuses %s', async (_what, content, message) => {
    await expect(readJsonFile(put('x.json', content))).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringMatching(message),
    });
  });

  it('refuses a file that is not there, and one of more than 8 MiB', async () => {
    await expect(readJsonFile(join(folder.path, 'none'))).rejects.toMatchObject({ code: 'USAGE', message: 'There is no none' });
    await expect(readJsonFile(put('large.json', Buffer.alloc(8 * 1024 * 1024 + 1, ' ')))).rejects.toMatchObject({
      code: 'USAGE',
    });
  });
});
