import { spawnSync } from 'node:child_process';
import { mkdir, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newFolder } from '../../../tests/support/signed-models.ts';
import { maxBundleBytes } from '../format/index.ts';
import { maxSignatureFiles, readSignatureSet, type SignaturePlace } from './signature-set.ts';

let root: string;
let modelPath: string;
let count = 0;
beforeAll(async () => {
  root = await newFolder();
});
beforeEach(async () => {
  modelPath = join(root, String(count++));
  await mkdir(join(modelPath, 'model.sig.d'), { recursive: true });
});
afterAll(() => rm(root, { recursive: true }));

async function read(place: Partial<SignaturePlace> = {}, found: string[] = []): Promise<string[]> {
  for await (const { name, content } of readSignatureSet({ modelPath, model: 'm', version: 1n, folder: undefined, ...place })) {
    const shown = typeof content === 'string' ? content : `${content.length < 100 ? content : content.length}`;
    found.push(`${name}: ${shown}`);
  }
  return found;
}

const put = (name: string, text = name) => writeFile(join(modelPath, name), text);
const invalid = expect.objectContaining({ code: 'BUNDLE_INVALID', message: expect.not.stringContaining('/') });

describe('readSignatureSet()', () => {
  it('reads model.sig first, then the others by the bytes of their names', async () => {
    for (const name of ['model.sig', 'model.sig.d/b', 'model.sig.d/B', 'model.sig.d/.a', 'model.sig.d/é', 'model.sig.d/empty']) {
      await put(name, name.endsWith('empty') ? '' : name);
    }
    await put('saved_model.pb');
    expect(await read()).toEqual([
      'model.sig: model.sig',
      'model.sig.d/.a: model.sig.d/.a',
      'model.sig.d/B: model.sig.d/B',
      'model.sig.d/b: model.sig.d/b',
      'model.sig.d/empty: ',
      'model.sig.d/é: model.sig.d/é',
    ]);
  });

  it('reads a file that was named instead, with the folder beside it', async () => {
    await put('model.sig');
    await put('other.sig');
    await mkdir(join(modelPath, 'other.sig.d'));
    await put('other.sig.d/more');
    const wanted = ['other.sig: other.sig', 'other.sig.d/more: other.sig.d/more'];
    expect(await read({ file: join(modelPath, 'other.sig') })).toEqual(wanted);
    expect(await read({ file: join(modelPath, 'other.sig'), folder: join(root, 'nowhere') })).toEqual(wanted);
  });

  it('finds none where there is none', async () => {
    expect(await read()).toEqual([]);
    await rm(join(modelPath, 'model.sig.d'), { recursive: true });
    expect(await read()).toEqual([]);
    expect(await read({ folder: join(root, 'nowhere') })).toEqual([]);
  });

  it('follows no link, opens nothing but files, and shows no control characters', async () => {
    await put('other');
    await symlink(join(modelPath, 'other'), join(modelPath, 'model.sig'));
    await symlink(join(modelPath, 'other'), join(modelPath, 'model.sig.d/link'));
    await mkdir(join(modelPath, 'model.sig.d/folder'));
    expect(spawnSync('mkfifo', [join(modelPath, 'model.sig.d/pipe')]).status).toBe(0);
    await put('model.sig.d/\u001b[2J', 'x');
    await writeFile(Buffer.concat([Buffer.from(`${modelPath}/model.sig.d/`), Buffer.of(0xff)]), 'x');
    expect(await read()).toEqual([
      'model.sig: it is a symbolic link',
      'model.sig.d/\\u{1b}[2J: x',
      'model.sig.d/folder: it is not a file that can be read',
      'model.sig.d/link: it is a symbolic link',
      'model.sig.d/pipe: it is not a file that can be read',
      'model.sig.d: a name in it is not UTF-8',
    ]);
  });

  it.each<[string, (folder: string) => Promise<void>]>([
    ['a link', (folder) => symlink(root, folder)],
    ['a file', (folder) => writeFile(folder, '')],
  ])('does not enter %s in place of model.sig.d', async (_title, make) => {
    await rm(join(modelPath, 'model.sig.d'), { recursive: true });
    await put('model.sig');
    await make(join(modelPath, 'model.sig.d'));
    expect(await read()).toEqual(['model.sig: model.sig', 'model.sig.d: it is not a folder that can be read']);
  });

  it('does not follow a link that takes the place of the model, or of signatures that lie elsewhere', async () => {
    const folder = join(root, 'elsewhere');
    await mkdir(join(folder, 'm'), { recursive: true });
    await symlink(modelPath, join(folder, 'm', '1'));
    await expect(read({ folder })).rejects.toThrow(invalid);
    await expect(read({ modelPath: join(folder, 'm', '1') })).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  });

  it('stops at too many files', async () => {
    for (let index = 0; index < maxSignatureFiles; index++) await put(`model.sig.d/${index}`);
    expect(await read()).toHaveLength(maxSignatureFiles);
    await put('model.sig.d/more');
    await expect(read()).rejects.toThrow(invalid);
  });

  it('leaves out a file that is too large, and stops at too many bytes', async () => {
    const make = async (name: string, bytes: number) => {
      await put(name, '');
      await truncate(join(modelPath, name), bytes);
    };
    await make('model.sig', maxBundleBytes + 1);
    await make('model.sig.d/0', maxBundleBytes);
    for (const index of [1, 2, 3]) await make(`model.sig.d/${index}`, maxBundleBytes);
    await put('model.sig.d/more');
    const found: string[] = [];
    await expect(read({}, found)).rejects.toThrow(invalid);
    expect(found).toEqual([
      `model.sig: it is larger than ${maxBundleBytes} bytes`,
      ...[0, 1, 2, 3].map((index) => `model.sig.d/${index}: ${maxBundleBytes}`),
    ]);
  });
});
