import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manifestOf, savedModel, sha256, temporaryFolder, writeContents } from '../../../tests/support/model-folder.ts';
import type { TreeDifference } from '../provenance-types.ts';
import { assertSame, compareDigests, compareTree } from './compare-tree.ts';
import type { FileOutcome } from './digest-files.ts';

let temporary = temporaryFolder();
let model = '';
beforeEach(() => {
  temporary = temporaryFolder();
  model = join(temporary.path, 'model');
  writeContents(model, savedModel);
});
afterEach(() => temporary.remove());

const manifest = manifestOf(savedModel, ['.git', 'cache']);
const compare = async (signed = manifest) => (await compareTree(model, signed)).differences;

describe('compareTree', () => {
  it('finds nothing where nothing differs, and says how much it read', async () => {
    const expected = { differences: [], moreDifferences: 0, totalBytes: 3010 };
    expect(await compareTree(model, manifest)).toEqual(expected);
  });

  it.each<[string, () => void, { name: string; kind: string }]>([
    [
      'a byte that changed',
      () => writeFileSync(join(model, 'saved_model.pb'), 'grapH'),
      { name: 'saved_model.pb', kind: 'modified' },
    ],
    ['a file that grew', () => writeFileSync(join(model, 'fingerprint.pb'), 'x'), { name: 'fingerprint.pb', kind: 'modified' }],
    ['a file cut short', () => truncateSync(join(model, 'saved_model.pb'), 2), { name: 'saved_model.pb', kind: 'modified' }],
    ['a file that went away', () => rmSync(join(model, 'saved_model.pb')), { name: 'saved_model.pb', kind: 'missing' }],
    ['a planted file', () => writeFileSync(join(model, 'variables/more'), ''), { name: 'variables/more', kind: 'extra' }],
    ['a planted hidden file', () => writeFileSync(join(model, '.hidden'), ''), { name: '.hidden', kind: 'extra' }],
    [
      'a name that is ignored only at the top',
      () => writeContents(model, { 'variables/.git': '' }),
      { name: 'variables/.git', kind: 'extra' },
    ],
    [
      'signatures that are not at the top',
      () => writeContents(model, { 'a/model.sig': '' }),
      { name: 'a/model.sig', kind: 'extra' },
    ],
    ['a link', () => symlinkSync('saved_model.pb', join(model, 'more')), { name: 'more', kind: 'link' }],
    ['a link to nothing', () => symlinkSync('nowhere', join(model, 'more')), { name: 'more', kind: 'link' }],
    ['a link to a folder', () => symlinkSync('variables', join(model, 'more')), { name: 'more', kind: 'link' }],
    ['a pipe', () => execFileSync('mkfifo', [join(model, 'more')]), { name: 'more', kind: 'special' }],
    [
      'a folder in the place of a file',
      () => {
        rmSync(join(model, 'saved_model.pb'));
        mkdirSync(join(model, 'saved_model.pb'));
      },
      { name: 'saved_model.pb', kind: 'missing' },
    ],
    [
      'a pipe in the place of a file',
      () => {
        rmSync(join(model, 'saved_model.pb'));
        execFileSync('mkfifo', [join(model, 'saved_model.pb')]);
      },
      { name: 'saved_model.pb', kind: 'special' },
    ],
    [
      'a link to the same content in the place of a file',
      () => {
        renameSync(join(model, 'saved_model.pb'), join(temporary.path, 'graph'));
        symlinkSync('../graph', join(model, 'saved_model.pb'));
      },
      { name: 'saved_model.pb', kind: 'link' },
    ],
    [
      'a name that is not UTF-8',
      () => writeFileSync(Buffer.from(`${model}/caf\xe9`, 'latin1'), ''),
      { name: 'caf\u00e9', kind: 'extra' },
    ],
  ])('reports %s', async (_title, change, difference) => {
    change();
    expect(await compare()).toEqual([difference]);
  });

  it('looks at nothing that is ignored, and at no signatures', async () => {
    writeContents(model, { '.git/hook': 'x', 'cache/deep/file': '', 'model.sig': '', 'model.sig.d/one.sig': '' });
    symlinkSync('nowhere', join(model, '.git/link'));
    mkdirSync(join(model, 'empty'));
    expect(await compare()).toEqual([]);
    writeContents(model, { 'model.sig.more': '', 'cache.more': '' });
    expect((await compare()).map(({ name }) => name)).toEqual(['cache.more', 'model.sig.more']);
  });

  it('compares signatures that were signed like any other file', async () => {
    const signed = { ...savedModel, 'model.sig.d/one.sig': 'one' };
    writeContents(model, signed);
    expect(await compare(manifestOf(signed))).toEqual([]);
    writeContents(model, { 'model.sig.d/one.sig': 'two', 'model.sig.d/two.sig': '' });
    expect(await compare(manifestOf(signed))).toEqual([
      { name: 'model.sig.d/one.sig', kind: 'modified' },
      { name: 'model.sig.d/two.sig', kind: 'extra' },
    ]);
  });

  it('names at most 100 files, in order, and counts the others', async () => {
    writeContents(model, Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`${1000 + index}`, ''])));
    const { differences, moreDifferences } = await compareTree(model, manifest, { signal: new AbortController().signal });
    expect(differences).toHaveLength(100);
    expect(differences[0]).toEqual({ name: '1000', kind: 'extra' });
    expect(moreDifferences).toBe(50);
  });

  it('compares one file with a manifest of one file, and with no other', async () => {
    model = join(temporary.path, 'model.keras');
    writeFileSync(model, 'weights');
    expect(await compare(manifestOf({ '.': 'weights' }))).toEqual([]);
    expect(await compare(manifestOf({ '.': 'other' }))).toEqual([{ name: '.', kind: 'modified' }]);
    expect(await compare(manifestOf({ a: 'weights' }))).toEqual([
      { name: '.', kind: 'extra' },
      { name: 'a', kind: 'missing' },
    ]);
  });
});

describe('compareDigests', () => {
  it('reports what could not be hashed', () => {
    const signed = manifestOf({ a: '', b: '', c: '', d: '', e: '' });
    const outcomes = new Map<string, FileOutcome>([
      ['a', { problem: 'changed' }],
      ['b', { problem: 'unreadable' }],
      ['c', { problem: 'missing' }],
      ['d', { digest: sha256('') }],
    ]);
    expect(compareDigests(outcomes, signed)).toEqual([
      { name: 'a', kind: 'modified' },
      { name: 'b', kind: 'unreadable' },
      { name: 'c', kind: 'missing' },
    ]);
  });
});

describe('assertSame', () => {
  const thrownBy = (...differences: TreeDifference[]): unknown => {
    try {
      return assertSame(differences);
    } catch (thrown) {
      return thrown;
    }
  };

  it('is content without a difference', () => expect(thrownBy()).toBeUndefined());

  it('has a violation per file', () => {
    const violation = (path: string, rule: string, expected: string, got: string) => ({ path, rule, expected, got });
    expect(thrownBy({ name: 'b', kind: 'modified' }, { name: 'a', kind: 'extra' })).toEqual(
      expect.objectContaining({
        code: 'MODEL_TAMPERED',
        message: "The model's files are not the ones that were signed: a: a file that was not signed, and 1 more",
        violations: [
          violation('a', 'extra', 'nothing there', 'a file that was not signed'),
          violation('b', 'modified', 'the file that was signed', 'other content'),
        ],
      }),
    );
  });

  it('does not call a file tampered with that cannot be read', () => {
    const unreadable: TreeDifference = { name: 'a', kind: 'unreadable' };
    expect(thrownBy(unreadable)).toEqual(expect.objectContaining({ code: 'MODEL_NOT_AVAILABLE' }));
    expect(thrownBy(unreadable, { name: 'b', kind: 'link' })).toEqual(expect.objectContaining({ code: 'MODEL_TAMPERED' }));
  });
});
