import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { savedModel, temporaryFolder, writeContents } from '../../../tests/support/model-folder.ts';
import { listTree } from './list-tree.ts';
import { openTree, type Tree } from './tree.ts';

// A file that goes away between the listing of its folder and the look at it.
vi.mock('node:fs/promises', async (importOriginal) => {
  const original = await importOriginal<typeof import('node:fs/promises')>();
  return {
    ...original,
    lstat: (place: string) => (place.endsWith('/vanishing') ? Promise.reject(new Error('gone')) : original.lstat(place)),
  };
});

let temporary = temporaryFolder();
let model = '';
let tree: Tree | undefined;
beforeEach(() => {
  temporary = temporaryFolder();
  model = join(temporary.path, 'model');
  writeContents(model, savedModel);
});
afterEach(async () => {
  await tree?.close();
  tree = undefined;
  temporary.remove();
});

const openModel = async (): Promise<Tree> => {
  tree = await openTree(model);
  return tree;
};

async function textOf(opened: Tree, name: string): Promise<string> {
  const file = await opened.openFile(name);
  if (typeof file === 'string') return file;
  try {
    return await file.handle.readFile('utf8');
  } finally {
    await file.handle.close();
  }
}

async function socketAt(place: string): Promise<() => void> {
  const server = createServer().listen(place);
  await once(server, 'listening');
  return () => void server.close();
}

describe('openTree', () => {
  it.each<[string, string, string, (place: string) => void]>([
    ['nothing', 'MODEL_NOT_FOUND', 'is not there', () => undefined],
    ['a link', 'MODEL_INVALID', 'is a symbolic link', (place) => symlinkSync('model', place)],
    ['a pipe', 'MODEL_INVALID', 'is neither a folder nor a regular file', (place) => execFileSync('mkfifo', [place])],
  ])('refuses %s, without the path in the message', async (_title, code, text, make) => {
    const place = join(temporary.path, 'other');
    make(place);
    await expect(openTree(place)).rejects.toEqual(
      expect.objectContaining({ code, message: `The model ${text}`, detail: expect.stringContaining(place) }),
    );
  });

  it('refuses a socket, and says why something cannot be opened', async () => {
    const place = join(temporary.path, 'socket');
    const close = await socketAt(place);
    await expect(openTree(place)).rejects.toThrow('is neither a folder nor a regular file');
    close();
    const long = join(temporary.path, 'x'.repeat(300));
    await expect(openTree(long)).rejects.toEqual(expect.objectContaining({ code: 'MODEL_NOT_AVAILABLE' }));
    await expect(openTree(long)).rejects.toThrow('cannot be read (ENAMETOOLONG)');
  });

  it('stays with the folder that it opened, whatever has its name later', async () => {
    const opened = await openModel();
    renameSync(model, `${model}.away`);
    mkdirSync(model);
    writeFileSync(join(model, 'saved_model.pb'), 'evil');
    expect(await textOf(opened, 'saved_model.pb')).toBe('graph');
    expect((await listTree(opened)).files).toHaveLength(4);
    const other = await openTree(model);
    expect(other.id).not.toBe(opened.id);
    await other.close();
  });

  it('is one file where the model is one, whatever has its name later', async () => {
    model = join(temporary.path, 'model.keras');
    writeFileSync(model, 'weights');
    const opened = await openModel();
    expect(opened.fileBytes).toBe(7);
    rmSync(model);
    writeFileSync(model, 'evil');
    expect(await textOf(opened, '.')).toBe('weights');
    expect(await textOf(opened, '.')).toBe('weights');
    expect(await listTree(opened)).toEqual({ files: [{ name: '.', sizeBytes: 7 }], oddities: [] });
  });
});

describe('openFile', () => {
  it('follows no link, neither at the end of a name nor on the way', async () => {
    const outside = join(temporary.path, 'outside');
    writeContents(outside, { 'variables.index': 'evil' });
    const opened = await openModel();
    rmSync(join(model, 'variables'), { recursive: true });
    symlinkSync(outside, join(model, 'variables'));
    symlinkSync(join(outside, 'variables.index'), join(model, 'linked'));
    expect(await opened.openFile('variables/variables.index')).toBe('missing');
    expect(await opened.openFile('linked')).toBe('link');
  });

  it('says what it is that it does not open', async () => {
    const opened = await openModel();
    execFileSync('mkfifo', [join(model, 'pipe')]);
    const close = await socketAt(join(model, 'socket'));
    expect(await opened.openFile('pipe')).toBe('special');
    expect(await opened.openFile('socket')).toBe('special');
    expect(await opened.openFile('variables')).toBe('special');
    expect(await opened.openFile('nothing')).toBe('missing');
    expect(await opened.openFile('saved_model.pb/below')).toBe('missing');
    expect(await opened.openFile('x'.repeat(300))).toBe('unreadable');
    close();
  });
});

describe('listTree', () => {
  it('finds all files, also in folders larger than a portion, and nothing below what it skips', async () => {
    const many = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`many/${index}`, 'x'.repeat(index)]));
    writeContents(model, { ...many, 'many/deep/er/file': '', '.git/hook': '' });
    symlinkSync('nowhere', join(model, '.git/link'));
    const { files, oddities } = await listTree(await openModel(), { skip: (name) => name === '.git' });
    const expected = Object.entries({ ...savedModel, ...many, 'many/deep/er/file': '' });
    expect(new Map(files.map(({ name, sizeBytes }) => [name, sizeBytes]))).toEqual(
      new Map(expected.map(([name, content]) => [name, content.length])),
    );
    expect(oddities).toEqual([]);
  });

  it('reports a folder that becomes a link while its parent is read, instead of nothing', async () => {
    const skip = (name: string): boolean => {
      if (name === 'variables') {
        renameSync(join(model, 'variables'), join(temporary.path, 'away'));
        symlinkSync(join(temporary.path, 'away'), join(model, 'variables'));
      }
      return false;
    };
    const { files, oddities } = await listTree(await openModel(), { skip });
    expect(files.map(({ name }) => name).sort()).toEqual(['fingerprint.pb', 'saved_model.pb']);
    expect(oddities).toEqual([{ name: 'variables', kind: 'unreadable' }]);
  });

  it('reports an entry that goes away, and a model that cannot be listed', async () => {
    writeContents(model, { vanishing: '' });
    const opened = await openModel();
    expect((await listTree(opened)).oddities).toEqual([{ name: 'vanishing', kind: 'unreadable' }]);
    const list = (): never => {
      throw new Error('out of descriptors');
    };
    expect(await listTree({ ...opened, list })).toEqual({ files: [], oddities: [{ name: '.', kind: 'unreadable' }] });
  });

  it('stops at its limits', async () => {
    writeContents(model, { 'a/b/c': '' });
    const opened = await openModel();
    // Five files, and the folders variables, a and a/b.
    await expect(listTree(opened, { maxFiles: 7 })).rejects.toThrow('has more than 7 files');
    expect((await listTree(opened, { maxFiles: 8 })).files).toHaveLength(5);
    await expect(listTree(opened, { maxDepth: 1 })).rejects.toEqual(expect.objectContaining({ code: 'MODEL_INVALID' }));
    expect((await listTree(opened, { maxDepth: 2 })).files).toHaveLength(5);
    await expect(listTree(opened, { signal: AbortSignal.abort() })).rejects.toEqual(
      expect.objectContaining({ code: 'CANCELLED' }),
    );
  });
});
