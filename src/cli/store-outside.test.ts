import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { storeOutside } from './store-outside.ts';

let root = '';
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'airlock-outside-')));
  mkdirSync(join(root, 'download', '.airlock'), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

it('is nothing for a store inside of what is scanned', () => {
  const model = join(root, 'download');
  for (const store of ['.airlock', '..airlock', 'a/../.airlock', ''].map((name) => join(model, name)))
    expect(storeOutside(model, store)).toEqual({});
});

it('is nothing when links hide that it is inside', () => {
  const [link, store] = [join(root, 'link'), join(root, 'store')];
  symlinkSync(join(root, 'download'), link);
  symlinkSync(join(root, 'download', '.airlock'), store);
  expect(storeOutside(link, join(root, 'download', '.airlock'))).toEqual({});
  expect(storeOutside(join(root, 'download'), store)).toEqual({});
});

it('is the store beside it', () => {
  const model = join(root, 'download');
  for (const store of [join(root, '.airlock'), root, join(root, 'download-2'), join(root, '..', 'elsewhere')])
    expect(storeOutside(model, store)).toEqual({ store });
});
