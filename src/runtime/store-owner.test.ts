import { chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { assertOwnStore, foreignOwner } from './store-owner.ts';

const isRoot = process.geteuid?.() === 0;
const needsRoot = isRoot ? '' : ' (skipped without root)';
let store = '';
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'airlock-owner-'));
});
afterEach(() => rmSync(store, { recursive: true, force: true }));

it('has nothing against a store of this user, there or not', () => {
  expect(foreignOwner(store)).toBeUndefined();
  expect(foreignOwner(join(store, 'not', 'there'))).toBeUndefined();
  assertOwnStore(store);
});

it.skipIf(!isRoot)(`keeps root out of the store of another user, and out of one that would be made beside it${needsRoot}`, () => {
  chownSync(store, 12_345, 12_345);
  for (const place of [store, join(store, 'not', 'there')]) {
    expect(foreignOwner(place)).toBe(12_345);
    expect(() => assertOwnStore(place)).toThrow(expect.objectContaining({ code: 'STORE_UNSAFE' }));
  }
  mkdirSync(join(store, 'audit'));
  chownSync(join(store, 'audit'), 12_345, 12_345);
  expect(foreignOwner(store)).toBe(12_345);
});

it.skipIf(!isRoot)(`lets root into a volume of somebody else's in which its own server runs${needsRoot}`, () => {
  chownSync(store, 12_345, 12_345);
  mkdirSync(join(store, 'audit'));
  expect(foreignOwner(store)).toBeUndefined();
});
