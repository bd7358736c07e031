import { execFileSync } from 'node:child_process';
import { rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { savedModel, sha256, temporaryFolder, writeContents } from '../../../tests/support/model-folder.ts';
import { hashTree } from './hash-tree.ts';
import type { TreeOddity } from './list-tree.ts';

// What changes between the listing and the hashing of a model.
const between = vi.hoisted(() => ({ happens: (): void => undefined, oddities: [] as TreeOddity[] }));
vi.mock('./list-tree.ts', async (importOriginal) => {
  const original = await importOriginal<typeof import('./list-tree.ts')>();
  const listTree: typeof original.listTree = async (...parameters) => {
    const listing = await original.listTree(...parameters);
    between.happens();
    return { ...listing, oddities: [...listing.oddities, ...between.oddities] };
  };
  return { ...original, listTree };
});

let temporary = temporaryFolder();
let model = '';
beforeEach(() => {
  temporary = temporaryFolder();
  model = join(temporary.path, 'model');
  writeContents(model, savedModel);
});
afterEach(() => {
  between.happens = () => undefined;
  between.oddities = [];
  temporary.remove();
});

const refusal = (code: string, text: string) => expect.objectContaining({ code, message: expect.stringContaining(text) });

describe('hashTree', () => {
  it('gives the digest of each file, by the bytes of their names', async () => {
    writeContents(model, { '.git/config': 'x', '\u{ffff}': 'a', '\u{10000}': 'b', 'assets.extra/x': '', 'assets/x': '' });
    const { files, totalBytes, isFile } = await hashTree(model, { ignored: ['.git'], signal: new AbortController().signal });
    expect(files.map(({ name }) => name)).toEqual([
      'assets.extra/x',
      'assets/x',
      'fingerprint.pb',
      'saved_model.pb',
      'variables/variables.data-00000-of-00001',
      'variables/variables.index',
      '\u{ffff}',
      '\u{10000}',
    ]);
    expect(files[3].digest).toBe(sha256('graph'));
    expect({ totalBytes, isFile }).toEqual({ totalBytes: 3012, isFile: false });
  });

  it('gives what was written, whatever the names are', async () => {
    const part = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 10 }).filter((name) => !/^\.{0,2}$|[/\0]/.test(name));
    const contents = fc.dictionary(part, fc.string(), { maxKeys: 5 });
    await fc.assert(
      fc.asyncProperty(contents, async (top) => {
        rmSync(model, { recursive: true });
        writeContents(model, { ...top, 'below/x': '' });
        const { files } = await hashTree(model);
        const expected = Object.entries({ ...top, 'below/x': '' }).map(([name, content]) => [name, sha256(content)]);
        expect(new Map(files.map(({ name, digest }) => [name, digest]))).toEqual(new Map(expected as [string, string][]));
      }),
      { numRuns: 50 },
    );
  });

  it('hashes a model that is one file, and with BLAKE2b', async () => {
    const file = join(temporary.path, 'model.keras');
    writeFileSync(file, 'weights');
    expect(await hashTree(file)).toEqual({ files: [{ name: '.', digest: sha256('weights') }], totalBytes: 7, isFile: true });
    expect((await hashTree(file, { hashType: 'blake2b' })).files[0].digest).toHaveLength(128);
  });

  it.each<[string, string, () => void]>([
    ['a symbolic link', 'more', () => symlinkSync('saved_model.pb', join(model, 'more'))],
    ['something that is neither a file nor a folder', 'more', () => execFileSync('mkfifo', [join(model, 'more')])],
    ['a name that is not UTF-8', 'caf\u00e9', () => writeFileSync(Buffer.from(`${model}/caf\xe9`, 'latin1'), '')],
  ])('refuses %s by its name', async (text, name, change) => {
    change();
    await expect(hashTree(model)).rejects.toEqual(refusal('MODEL_INVALID', `${name}: ${text}`));
  });

  it('refuses a file that changes or goes away meanwhile, and counts what it does not name', async () => {
    between.happens = () => {
      rmSync(join(model, 'fingerprint.pb'));
      writeFileSync(join(model, 'saved_model.pb'), 'longer than it was');
    };
    const thrown = hashTree(model);
    await expect(thrown).rejects.toEqual(refusal('MODEL_INVALID', ', and 1 more'));
    await expect(thrown).rejects.toEqual(
      expect.objectContaining({
        violations: expect.arrayContaining([
          expect.objectContaining({ path: 'fingerprint.pb', got: 'a file that went away' }),
          expect.objectContaining({ path: 'saved_model.pb', got: 'a file that changed while it was read' }),
        ]),
      }),
    );
  });

  it('says that a folder cannot be read when that is all', async () => {
    between.oddities = [{ name: 'closed', kind: 'unreadable' }];
    await expect(hashTree(model)).rejects.toEqual(refusal('MODEL_NOT_AVAILABLE', 'closed: something that cannot be read'));
  });

  it('holds its limits', async () => {
    await expect(hashTree(model, { maxFiles: 3 })).rejects.toEqual(refusal('MODEL_INVALID', 'has more than 3 files'));
  });
});
