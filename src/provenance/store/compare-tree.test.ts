import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manifestOf, savedModel, temporaryFolder, writeContents } from '../../../tests/support/model-folder.ts';
import { compareTree } from './compare-tree.ts';

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
});
