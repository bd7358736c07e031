import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { temporaryFolder } from '../../../tests/support/model-folder.ts';
import { assertPrivate } from './assert-private.ts';

const isRoot = process.getuid?.() === 0;
const whyNot = isRoot ? '' : ' (skipped: only root can give files away)';

let temporary = temporaryFolder();
let folder = '';
let store = '';
beforeEach(() => {
  temporary = temporaryFolder();
  folder = join(temporary.path, 'folder');
  store = join(folder, 'store');
  mkdirSync(store, { recursive: true, mode: 0o700 });
});
afterEach(() => {
  vi.restoreAllMocks();
  temporary.remove();
});

const check = (place = store) => assertPrivate(place, 'STORE_UNSAFE');
const unsafe = (where: string, why: string) =>
  expect.objectContaining({
    code: 'STORE_UNSAFE',
    message: 'Others can change what lies in the store',
    detail: `${where} ${why}`,
  });

describe('assertPrivate', () => {
  it('lets pass what belongs to this user, below a sticky folder like /tmp', async () => {
    await check();
    chmodSync(folder, 0o755);
    chmodSync(store, 0o755);
    await check();
    writeFileSync(join(store, 'file'), '', { mode: 0o644 });
    await check(join(store, 'file'));
  });

  it('refuses what everybody may write, at the end and above it', async () => {
    chmodSync(store, 0o702);
    await expect(check()).rejects.toEqual(unsafe(store, 'can be written by everybody (mode 702)'));
    chmodSync(store, 0o700);
    chmodSync(folder, 0o777);
    await expect(check()).rejects.toEqual(unsafe(folder, 'can be written by everybody (mode 777)'));
    chmodSync(folder, 0o1777);
    await check();
  });

  it('refuses a sticky folder as the store itself: anybody may put files into it', async () => {
    chmodSync(store, 0o1777);
    await expect(check()).rejects.toEqual(unsafe(store, 'can be written by everybody (mode 1777)'));
  });

  it('lets this user\u2019s own group write', async () => {
    chmodSync(folder, 0o770);
    await check();
  });

  it.skipIf(!isRoot)(`refuses another group that may write, and another owner${whyNot}`, async () => {
    chownSync(folder, 0, 12_345);
    chmodSync(folder, 0o750);
    await check();
    chmodSync(folder, 0o770);
    await expect(check()).rejects.toEqual(unsafe(folder, 'can be written by group 12345 (mode 770)'));
    vi.spyOn(process, 'getegid').mockReturnValue(12_345);
    await check();
    chownSync(folder, 12_345, 0);
    await expect(check()).rejects.toEqual(unsafe(folder, 'belongs to user 12345'));
    vi.spyOn(process, 'geteuid').mockReturnValue(12_345);
    await check();
  });

  it('looks at both ends of a link', async () => {
    const link = join(temporary.path, 'link');
    symlinkSync(store, link);
    await check(link);
    symlinkSync('../folder/./store', join(folder, 'relative'));
    await check(join(folder, 'relative'));
    chmodSync(folder, 0o777);
    await expect(check(link)).rejects.toEqual(unsafe(folder, 'can be written by everybody (mode 777)'));
  });

  it.skipIf(!isRoot)(`refuses somebody else's link${whyNot}`, async () => {
    const link = join(temporary.path, 'link');
    symlinkSync(store, link);
    const { lchownSync } = await import('node:fs');
    lchownSync(link, 12_345, 12_345);
    await expect(check(link)).rejects.toEqual(unsafe(link, 'belongs to user 12345'));
  });

  it('refuses links in a circle, and what is not there', async () => {
    const circle = join(folder, 'circle');
    symlinkSync('circle', circle);
    await expect(check(circle)).rejects.toEqual(unsafe(circle, 'leads through too many links'));
    const nothing = join(store, 'nothing');
    await expect(check(nothing)).rejects.toEqual(unsafe(nothing, 'cannot be looked at (ENOENT)'));
    await expect(assertPrivate(nothing, 'TRUST_INVALID')).rejects.toEqual(expect.objectContaining({ code: 'TRUST_INVALID' }));
  });
});
