import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bundleItems, modelFiles, tableOf, writeFiles } from '../../tests/support/model-builder.ts';
import { isAirlockError } from '../core/index.ts';
import { assertCheckpointComplete, parseBundleIndex } from './bundle.ts';

const testdata = '../shared/testdata';
const invalid = expect.objectContaining({ code: 'MODEL_INVALID' });
const incomplete = (text: string) =>
  expect.objectContaining({ code: 'MODEL_INCOMPLETE', message: expect.stringContaining(text) });

describe('parseBundleIndex', () => {
  it('gives the length that each data file must have', () => {
    const items = bundleItems(
      [
        { key: 'a', shardId: 0, offset: 0, size: 10 },
        { key: 'b', shardId: 2, offset: 100, size: 28 },
        { key: 'c', shardId: 0, offset: 4, size: 4 },
      ],
      3,
    );
    expect(parseBundleIndex(tableOf([items]))).toEqual({
      shardCount: 3,
      neededBytes: new Map([
        [0, 10],
        [2, 128],
      ]),
    });
  });

  it.each([
    ['no header', bundleItems([{ key: 'a', offset: 0, size: 1 }]).slice(1)],
    ['nothing', []],
    ['no data files', bundleItems([], 0)],
    ['a negative number of data files', bundleItems([], -1)],
    ['too many data files', bundleItems([], 10_001)],
    ['a data file past the last', bundleItems([{ key: 'a', shardId: 1, offset: 0, size: 1 }])],
    ['a negative data file', bundleItems([{ key: 'a', shardId: -1, offset: 0, size: 1 }])],
    ['a negative offset', bundleItems([{ key: 'a', offset: -5, size: 10 }])],
    ['a negative size', bundleItems([{ key: 'a', offset: 10, size: -5 }])],
    ['a sum past 2^63', bundleItems([{ key: 'a', offset: 2n ** 63n - 1n, size: 2n ** 63n - 1n }])],
  ])('refuses %s', (_, items) => {
    expect(() => parseBundleIndex(tableOf([items]))).toThrow(invalid);
  });

  it('ends with an index or an AirlockError, whatever the entries hold', () => {
    const value = fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(value, value, (header, entry) => {
        try {
          parseBundleIndex(
            tableOf([
              [
                { key: Buffer.alloc(0), value: header },
                { key: Buffer.from('a'), value: entry },
              ],
            ]),
          );
        } catch (thrown) {
          expect(isAirlockError(thrown), String(thrown)).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.skipIf(!existsSync(testdata))('reads every index of ../shared/testdata (skipped where that is missing)', () => {
    const indexes = readdirSync(testdata, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('variables.index'),
    );
    expect(indexes.length).toBeGreaterThan(20);
    for (const name of indexes) {
      const path = join(testdata, name);
      const { shardCount, neededBytes } = parseBundleIndex(readFileSync(path));
      expect(shardCount, name).toBe(1);
      // TensorFlow writes no byte more than the variables need.
      expect(neededBytes.get(0), name).toBe(readFileSync(path.replace('.index', '.data-00000-of-00001')).length);
    }
  });
});

describe('assertCheckpointComplete', () => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'airlock-bundle-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it('passes a checkpoint with all its files', async () => {
    writeFiles(directory, modelFiles(3));
    await assertCheckpointComplete(directory, true);
  });

  it('names the file that is short or missing', async () => {
    writeFiles(directory, modelFiles(3));
    truncateSync(join(directory, 'variables/variables.data-00001-of-00003'), 7);
    await expect(assertCheckpointComplete(directory, true)).rejects.toEqual(
      incomplete('variables/variables.data-00001-of-00003 has 7 bytes of the 8'),
    );
    rmSync(join(directory, 'variables/variables.data-00001-of-00003'));
    await expect(assertCheckpointComplete(directory, true)).rejects.toEqual(
      incomplete('variables/variables.data-00001-of-00003 is missing'),
    );
    rmSync(join(directory, 'variables/variables.index'));
    await expect(assertCheckpointComplete(directory, false)).rejects.toEqual(incomplete('variables/variables.index is missing'));
  });

  it('demands a data file that no variable lies in', async () => {
    writeFiles(directory, { 'variables/variables.index': tableOf([bundleItems([], 1)]) });
    await expect(assertCheckpointComplete(directory, false)).rejects.toEqual(incomplete('data-00000-of-00001 is missing'));
  });

  it('takes an absent or empty folder only from a model that restores nothing', async () => {
    await assertCheckpointComplete(directory, false);
    await expect(assertCheckpointComplete(directory, true)).rejects.toEqual(incomplete('variables.index is missing'));
    mkdirSync(join(directory, 'variables'));
    await assertCheckpointComplete(directory, false);
    await expect(assertCheckpointComplete(directory, true)).rejects.toEqual(incomplete('variables.index is missing'));
  });

  it('follows no link', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'airlock-elsewhere-'));
    try {
      writeFiles(elsewhere, modelFiles());
      symlinkSync(join(elsewhere, 'variables'), join(directory, 'variables'));
      await expect(assertCheckpointComplete(directory, true)).rejects.toEqual(invalid);
      rmSync(join(directory, 'variables'));
      writeFiles(directory, modelFiles());
      for (const name of ['variables.data-00000-of-00001', 'variables.index']) {
        rmSync(join(directory, 'variables', name));
        symlinkSync(join(elsewhere, 'variables', name), join(directory, 'variables', name));
        await expect(assertCheckpointComplete(directory, true)).rejects.toEqual(invalid);
      }
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });

  it('says nothing about the machine in its message', async () => {
    writeFileSync(join(directory, 'variables'), 'a file');
    await expect(assertCheckpointComplete(directory, true)).rejects.toSatisfy(
      (thrown: unknown) =>
        isAirlockError(thrown) && !thrown.message.includes(directory) && (thrown.detail ?? '').includes(directory),
    );
  });
});
