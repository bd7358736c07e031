import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { modelFiles, writeFiles } from '../../tests/support/model-builder.ts';
import { snapshotTree } from './tree-snapshot.ts';

const refusal = (code: string, text: string) => expect.objectContaining({ code, message: expect.stringContaining(text) });

describe('snapshotTree', () => {
  let parent = '';
  let directory = '';
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'airlock-tree-'));
    directory = join(parent, '1');
    writeFiles(directory, modelFiles());
  });
  afterEach(() => rmSync(parent, { recursive: true }));

  it('stays equal while nothing changes', async () => {
    expect(await snapshotTree(directory)).toEqual(await snapshotTree(directory));
  });

  it.each<[string, () => void]>([
    ['a file grows', () => writeFileSync(join(directory, 'assets/words.txt'), 'more', { flag: 'a' })],
    ['a file is written anew, the same', () => writeFileSync(join(directory, 'assets/words.txt'), 'one\ntwo\n')],
    ['a file appears', () => writeFileSync(join(directory, 'variables/part'), '')],
    ['a folder appears', () => mkdirSync(join(directory, 'assets.extra'))],
    ['a file goes', () => rmSync(join(directory, 'assets/words.txt'))],
    ['a file is renamed', () => renameSync(join(directory, 'assets/words.txt'), join(directory, 'assets/other.txt'))],
    ['a mode changes', () => chmodSync(join(directory, 'saved_model.pb'), 0o600)],
    ['a time is set back', () => utimesSync(join(directory, 'saved_model.pb'), 1, 1)],
  ])('differs when %s', async (_, change) => {
    const before = await snapshotTree(directory);
    change();
    const after = await snapshotTree(directory);
    expect(after.digest).not.toBe(before.digest);
    expect(after.folderId).toBe(before.folderId);
    expect(after.newestChangeMs).toBeGreaterThanOrEqual(before.newestChangeMs);
  });

  it('knows the age of the newest change, which nobody can set', async () => {
    for (const name of ['saved_model.pb', 'assets/words.txt', 'assets', 'variables']) utimesSync(join(directory, name), 1, 1);
    const { newestChangeMs } = await snapshotTree(directory);
    expect(Math.abs(Date.now() - newestChangeMs)).toBeLessThan(10_000);
  });

  it('tells another folder of the same name', async () => {
    const before = await snapshotTree(directory);
    renameSync(directory, join(parent, 'old'));
    writeFiles(directory, modelFiles());
    expect((await snapshotTree(directory)).folderId).not.toBe(before.folderId);
  });

  it('refuses links, too many files and too deep folders', async () => {
    symlinkSync('saved_model.pb', join(directory, 'link'));
    await expect(snapshotTree(directory)).rejects.toEqual(refusal('MODEL_INVALID', 'link is a symbolic link'));
    rmSync(join(directory, 'link'));
    await expect(snapshotTree(directory, 5)).rejects.toEqual(refusal('MODEL_INVALID', 'more than 5 files'));
    await snapshotTree(directory, 6);
    mkdirSync(join(directory, 'a/'.repeat(33)), { recursive: true });
    await expect(snapshotTree(directory)).rejects.toEqual(refusal('MODEL_INVALID', 'nested too deep'));
  });

  it('refuses a folder that is a link itself, and says when it went away', async () => {
    symlinkSync(directory, join(parent, '2'));
    await expect(snapshotTree(join(parent, '2'))).rejects.toEqual(refusal('MODEL_INVALID', 'The folder is a symbolic link'));
    await expect(snapshotTree(join(parent, '3'))).rejects.toEqual(refusal('MODEL_INCOMPLETE', 'The folder went away'));
  });
});
