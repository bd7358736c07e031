// The folders: what is copied, what is not, and that a failure leaves nothing behind.
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { modelFiles, writeFiles } from '../../tests/support/model-builder.ts';
import { copyModel } from './model-copy.ts';

const isRoot = process.getuid?.() === 0;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-copy-'));
  mkdirSync(join(folder, 'model'));
  writeFiles(join(folder, 'model'), { ...modelFiles(), 'fingerprint.pb': 'x', 'assets.extra/readme': 'hello' });
});
afterEach(() => rmSync(folder, { recursive: true }));
const at = (...parts: string[]) => join(folder, ...parts);

describe('copyModel', () => {
  it('copies all files but the fingerprint, with the new saved_model.pb', async () => {
    const copy = await copyModel(at('model'), at('copy'), Buffer.from('new'));
    expect(copy.removedFingerprint).toBe(true);
    expect([...copy.files.keys()].sort()).toEqual([
      'assets.extra/readme',
      'assets/words.txt',
      'variables/variables.data-00000-of-00001',
      'variables/variables.index',
    ]);
    expect(readdirSync(at('copy')).sort()).toEqual(['assets', 'assets.extra', 'saved_model.pb', 'variables']);
    expect(readFileSync(at('copy/saved_model.pb'), 'utf8')).toBe('new');
    for (const name of copy.files.keys()) expect(readFileSync(at('copy', name))).toEqual(readFileSync(at('model', name)));
  });

  it('lets nobody read the copy who may not read the original, whatever the umask', async () => {
    chmodSync(at('model'), 0o750);
    chmodSync(at('model/variables'), 0o700);
    chmodSync(at('model/variables/variables.index'), 0o600);
    chmodSync(at('model/saved_model.pb'), 0o440);
    chmodSync(at('model/assets/words.txt'), 0o604);
    const before = process.umask(0);
    try {
      await copyModel(at('model'), at('copy'), Buffer.from('new'));
      await copyModel(at('copy'), at('again'), Buffer.from('new'));
    } finally {
      process.umask(before);
    }
    const rights = (path: string) => (statSync(at(path)).mode & 0o777).toString(8);
    for (const copy of ['copy', 'again']) {
      expect(rights(copy)).toBe('750');
      expect(rights(`${copy}/variables`)).toBe('700');
      expect(rights(`${copy}/variables/variables.index`)).toBe('600');
      expect(rights(`${copy}/saved_model.pb`)).toBe('640');
      expect(rights(`${copy}/assets/words.txt`)).toBe('604');
    }
  });

  it.skipIf(!isRoot)(
    `gives a group that is not the one of the original nothing${isRoot ? '' : ' (skipped: only root can change groups)'}`,
    async () => {
      chmodSync(at('model/saved_model.pb'), 0o640);
      chownSync(at('model/saved_model.pb'), 0, 12_345);
      await copyModel(at('model'), at('copy'), Buffer.from('new'));
      expect((statSync(at('copy/saved_model.pb')).mode & 0o777).toString(8)).toBe('600');
    },
  );

  it('refuses a folder that is there, one inside the model, and links, and leaves nothing behind', async () => {
    await expect(copyModel(at('model'), at('model'), Buffer.alloc(0))).rejects.toMatchObject({ code: 'USAGE' });
    await expect(copyModel(at('model'), at('model/inside'), Buffer.alloc(0))).rejects.toMatchObject({ code: 'USAGE' });
    symlinkSync(at('nowhere'), at('link'));
    await expect(copyModel(at('model'), at('missing/copy'), Buffer.alloc(0))).rejects.toMatchObject({
      code: 'STORE_NOT_WRITABLE',
    });
    symlinkSync('/etc/passwd', at('model/assets/link'));
    await expect(copyModel(at('model'), at('copy'), Buffer.alloc(0))).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    expect(readdirSync(folder).sort()).toEqual(['link', 'model']);
  });
});
