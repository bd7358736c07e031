import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryFolder, writeContents } from '../../../tests/support/model-folder.ts';
import { ownerMark } from '../../core/index.ts';
import { removeTree } from './remove-tree.ts';
import { openStoreFolder, type StoreFolderOptions, type StoreStep } from './store-folder.ts';

const identity = 'a'.repeat(64);
const deadMark = `${ownerMark()}1`;

let temporary = temporaryFolder();
let folder = '';
beforeEach(() => {
  temporary = temporaryFolder();
  folder = join(temporary.path, 'store', 'models');
});
afterEach(() => temporary.remove());

const openFolder = (options: StoreFolderOptions = {}) => openStoreFolder(folder, options);
const refusal = (code: string) => expect.objectContaining({ code });

/** An entry as the store seals it. */
function leaveEntry(name = identity, content = 'graph'): string {
  const entry = join(folder, name);
  writeContents(entry, { 'model/saved_model.pb': content });
  for (const part of ['model', '']) chmodSync(join(entry, part), 0o500);
  return entry;
}

describe('openStoreFolder', () => {
  it('makes a folder for this user alone, and takes one that is there', async () => {
    await openFolder();
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    chmodSync(folder, 0o755);
    await openFolder();
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it('refuses one that others can write, and what is no folder', async () => {
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o777);
    await expect(openFolder()).rejects.toEqual(refusal('STORE_UNSAFE'));
    rmSync(folder, { recursive: true });
    const elsewhere = join(temporary.path, 'elsewhere');
    mkdirSync(elsewhere, { mode: 0o700 });
    symlinkSync(elsewhere, folder);
    await expect(openFolder()).rejects.toEqual(refusal('STORE_UNSAFE'));
    rmSync(folder);
    writeFileSync(folder, '');
    await expect(openFolder()).rejects.toEqual(refusal('STORE_UNSAFE'));
  });

  it('says that it cannot be made', async () => {
    writeFileSync(join(temporary.path, 'file'), '');
    await expect(openStoreFolder(join(temporary.path, 'file', 'models'), {})).rejects.toEqual(refusal('STORE_NOT_WRITABLE'));
    await expect(openStoreFolder(join(temporary.path, 'x'.repeat(300)), {})).rejects.toEqual(refusal('INTERNAL'));
  });

  it('removes what killed processes left, and nothing of the living', async () => {
    const dead = leaveEntry(`.staging-${deadMark}-0a`);
    const alive = leaveEntry(`.staging-${ownerMark()}-0a`);
    const entry = leaveEntry();
    await openFolder();
    expect([dead, alive, entry].map((place) => existsSync(place))).toEqual([false, true, true]);
  });
});

describe('StoreFolder', () => {
  it('makes no path of what is no identity', async () => {
    const store = await openFolder();
    for (const wrong of ['', '..', `${identity}/..`, identity.toUpperCase()])
      expect(() => store.entryOf(wrong)).toThrow('Internal error');
    expect(store.entryOf(identity)).toBe(join(folder, identity));
  });

  it('publishes once, over nothing and over an empty folder only', async () => {
    const steps: StoreStep[] = [];
    const store = await openFolder({ onStep: (step) => void steps.push(step) });
    const staged = async (): Promise<string> => {
      const staging = await store.makeStaging();
      writeFileSync(join(staging, 'file'), '');
      return staging;
    };
    mkdirSync(join(folder, identity));
    expect(await store.publish(await staged(), store.entryOf(identity))).toBe(true);
    const second = await staged();
    expect(await store.publish(second, store.entryOf(identity))).toBe(false);
    expect(await store.removeStaging(second)).toBe(0);
    expect(readdirSync(folder)).toEqual([identity]);
    expect(steps).toEqual(['make', 'rename', 'make', 'rename', 'remove']);
    await expect(store.publish(join(folder, 'nothing'), store.entryOf(identity))).rejects.toThrow('ENOENT');
    await expect(store.setAside(join(folder, 'x'.repeat(300)))).rejects.toThrow('ENAMETOOLONG');
  });

  it('collects what nobody needs, and only entries', async () => {
    const steps: StoreStep[] = [];
    const store = await openFolder({ onStep: (step) => void steps.push(step) });
    const kept = 'b'.repeat(64);
    for (const name of [identity, kept, 'something else']) leaveEntry(name);
    leaveEntry(`.staging-${deadMark}-0a`, 'left over');
    const lease = await store.leases.take(kept);
    expect(await store.collect()).toEqual({ removed: [identity], freedBytes: 'graph'.length + 'left over'.length });
    expect(readdirSync(folder).sort()).toEqual([kept, 'leases', 'something else']);
    // What somebody needs is not away even for a moment.
    expect(steps.filter((step) => step === 'aside')).toHaveLength(1);
    await store.leases.release(lease);
    expect(await store.collect()).toEqual({ removed: [kept], freedBytes: 5 });
  });

  /** Runs `happens` in the moment before an entry is taken away. */
  const openRaced = (happens: () => void) => {
    return openFolder({ onStep: (step) => (step === 'aside' ? happens() : undefined) });
  };
  const takeLease = (): void => writeContents(folder, { [`leases/${identity}.${ownerMark()}.0a`]: '' });

  it('gives back what somebody comes to need in that moment', async () => {
    const store = await openRaced(takeLease);
    leaveEntry();
    expect(await store.collect()).toEqual({ removed: [], freedBytes: 0 });
    expect(existsSync(join(folder, identity, 'model', 'saved_model.pb'))).toBe(true);
  });

  it('gives nothing back over what they put there already', async () => {
    const raced = await openFolder({
      onStep: (step) => {
        if (step === 'aside') takeLease();
        if (step === 'restore') leaveEntry(identity, 'their own');
      },
    });
    leaveEntry();
    await raced.collect();
    expect(statSync(join(folder, identity, 'model', 'saved_model.pb')).size).toBe('their own'.length);
    expect(readdirSync(folder).sort()).toEqual([identity, 'leases']);
  });

  it('does not mind that somebody else was faster', async () => {
    const store = await openRaced(() => {
      chmodSync(join(folder, identity), 0o700);
      chmodSync(join(folder, identity, 'model'), 0o700);
      rmSync(join(folder, identity), { recursive: true });
    });
    leaveEntry();
    expect(await store.collect()).toEqual({ removed: [], freedBytes: 0 });
  });
});

describe('removeTree', () => {
  it('removes what is sealed, follows no link, and does not mind that it is gone', async () => {
    mkdirSync(folder, { recursive: true });
    const outside = join(temporary.path, 'outside');
    writeContents(outside, { file: 'x' });
    const entry = join(folder, 'entry');
    writeContents(entry, { 'a/b/c': '12345', d: '123' });
    symlinkSync(outside, join(entry, 'a', 'link'));
    for (const part of ['a/b', 'a', '']) chmodSync(join(entry, part), 0o500);
    expect(await removeTree(entry)).toBe(8 + outside.length);
    expect(existsSync(join(outside, 'file'))).toBe(true);
    expect(await removeTree(entry)).toBe(0);
    writeFileSync(entry, 'a file');
    expect(await removeTree(entry)).toBe(6);
    await expect(removeTree(join(folder, 'x'.repeat(300)))).rejects.toThrow('ENAMETOOLONG');
  });
});
