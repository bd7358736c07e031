// What people sign, told by names, and what is only a part of it.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { recogniseModel } from './model-kind.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-kind-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Empty files, and folders where a name ends in `/`. */
function make(...names: string[]): string {
  for (const name of names) {
    const path = join(folder, 'digits', name);
    mkdirSync(name.endsWith('/') ? path : dirname(path), { recursive: true });
    if (!name.endsWith('/')) writeFileSync(path, '');
  }
  return join(folder, 'digits');
}

describe('recogniseModel()', () => {
  it.each([
    ['SavedModel', ['saved_model.pb', 'variables/variables.index', '1/']],
    ['SavedModel', ['saved_model.pbtxt']],
    ['TensorFlow.js model', ['model.json', 'group1-shard1of2.bin', 'group1-shard2of2.bin']],
    ['unpacked Keras model', ['config.json', 'metadata.json', 'model.weights.h5']],
    ['checkpoint', ['checkpoint', 'ckpt-1.index', 'ckpt-1.data-00000-of-00001']],
    ['checkpoint', ['ckpt-1.data-00000-of-00001', 'ckpt-1.index']],
    ['folder', ['weights.bin']],
    ['folder', ['model.json']],
    ['folder', ['config.json', '01/', 'v1/']],
    ['folder', ['1']],
  ])('calls a folder %s that holds %j', async (kind, names) => {
    await expect(recogniseModel(make(...names))).resolves.toEqual({ kind, isFile: false });
  });

  it.each([
    ['digits.keras', 'Keras model'],
    ['digits.h5', 'HDF5 model'],
    ['DIGITS.HDF5', 'HDF5 model'],
    ['digits.tflite', 'TensorFlow Lite model'],
    ['frozen.pb', 'frozen graph'],
    ['frozen.pbtxt', 'frozen graph in text form'],
    ['weights', 'file'],
  ])('calls the file %s a %s', async (name, kind) => {
    await expect(recogniseModel(join(make(name), name))).resolves.toEqual({ kind, isFile: true });
  });

  it.each([
    [['1/', '2/', 'README.md'], '', 'digits holds versions of a model: sign each of them, as digits/1'],
    [['ckpt-1.index'], 'ckpt-1', 'ckpt-1 is the prefix of a checkpoint: sign the folder that holds its files'],
    [['ckpt-1.index'], 'ckpt-1.index', 'ckpt-1.index is a part of a checkpoint: sign the folder that holds it'],
    [
      ['ckpt-1.data-00000-of-00001'],
      'ckpt-1.data-00000-of-00001',
      'ckpt-1.data-00000-of-00001 is a part of a checkpoint: sign the folder that holds it',
    ],
    [['saved_model.pb'], 'saved_model.pb', 'saved_model.pb is a part of a SavedModel: sign the folder that holds it'],
  ])('says of %j/%s what to sign instead', async (names, path, message) => {
    await expect(recogniseModel(join(make(...names), path))).rejects.toMatchObject({ code: 'MODEL_INVALID', message });
  });

  it('refuses what is not there, a link and a pipe', async () => {
    await expect(recogniseModel(join(folder, 'none'))).rejects.toMatchObject({
      code: 'MODEL_NOT_FOUND',
      message: 'There is no none',
    });
    symlinkSync(folder, join(folder, 'link'));
    await expect(recogniseModel(join(folder, 'link'))).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await expect(recogniseModel(join(folder, 'pipe'))).rejects.toMatchObject({ code: 'MODEL_INVALID' });
  });
});
