import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configForFolder } from './folder-config.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'airlock-folder-'));
});
afterEach(async () => {
  await rm(root, { recursive: true });
});

async function folders(...paths: string[]) {
  for (const path of paths) await mkdir(join(root, path), { recursive: true });
}

const unsigned = { unsafeUnsigned: true };
const served = (path: string) => configForFolder(path, unsigned).models.map((model) => [model.name, model.path]);

describe('configForFolder()', () => {
  it('takes a folder of version folders as one model', async () => {
    await folders('digits/1', 'digits/00000123', 'digits/notes');
    expect(served(join(root, 'digits'))).toEqual([['digits', join(root, 'digits')]]);
    expect(configForFolder(join(root, 'digits/'), unsigned).store).toBe(resolve('.airlock'));
  });

  it.each(['saved_model.pb', 'saved_model.pbtxt', 'saved_model.cpb'])('takes a folder with %s as one model', async (file) => {
    await folders('plain', 'digits/7');
    await writeFile(join(root, 'plain', file), '');
    await writeFile(join(root, 'digits/7', file), '');
    expect(served(join(root, 'plain'))).toEqual([['plain', join(root, 'plain')]]);
    expect(served(join(root, 'digits/7'))).toEqual([['digits', join(root, 'digits/7')]]);
  });

  it('takes a folder of models as several, sorted, and leaves out what is none', async () => {
    await folders('b/1', 'a/2', 'empty', 'other/folder');
    await writeFile(join(root, 'README.md'), '');
    await symlink(join(root, 'a'), join(root, 'linked'));
    expect(served(root)).toEqual([
      ['a', join(root, 'a')],
      ['b', join(root, 'b')],
    ]);
  });

  it('demands a public key, which then everything must be signed by, or a word that nothing has to be', async () => {
    await folders('a/1', 'b/1');
    expect(() => configForFolder(root)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        violations: [0, 1].map((index) => expect.objectContaining({ path: `models[${index}].trust`, rule: 'required' })),
      }),
    );
    const { trust, models } = configForFolder(root, { publicKey: 'release.pub' });
    expect(models.map((model) => [model.trust, model.unsafeUnsigned])).toEqual([
      ['key', false],
      ['key', false],
    ]);
    expect(trust?.signers).toEqual({ key: { kind: 'key', publicKey: resolve('release.pub'), accept: [] } });
    expect(trust?.policies.key).toMatchObject({ threshold: 1, binding: 'required', rollback: 'refuse' });
    expect(() => configForFolder(root, { publicKey: 'release.pub', ...unsigned })).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID' }),
    );
  });

  it('refuses a folder without a model, and a name that clients could not write', async () => {
    await folders('empty', 'bad/a:b/1');
    expect(() => configForFolder(join(root, 'empty'), unsigned)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(() => configForFolder(join(root, 'bad'), unsigned)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', violations: [expect.objectContaining({ path: 'models[0].name' })] }),
    );
  });

  it('says that a folder is missing, or is a file, without showing where it was looked for', async () => {
    await writeFile(join(root, 'file'), '');
    for (const name of ['missing', 'file']) {
      expect(() => configForFolder(join(root, name))).toThrow(
        expect.objectContaining({
          code: 'CONFIG_NOT_FOUND',
          message: expect.not.stringContaining(root),
          detail: join(root, name),
        }),
      );
    }
  });
});
