import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findSlot, listSlots } from './slot.ts';
import { createStaging, removeStaging } from './staging.ts';

let store = '';
let runtimes = '';
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'airlock-slots-'));
  runtimes = join(store, 'runtimes');
});
afterEach(() => rmSync(store, { recursive: true, force: true }));

describe('listSlots', () => {
  it('is empty for a store that is not there', async () => {
    expect(await listSlots(join(store, 'missing'))).toEqual([]);
  });

  it('lists folders with the name of a slot, newest version first, and nothing else', async () => {
    for (const name of [
      '2.9.1-x86_64',
      '2.21.0-x86_64',
      '2.21.0-aarch64',
      '.staging-abc',
      '2.21-x86_64',
      '2.21.0-riscv64',
      '2.21.0-x86_64-old',
    ]) {
      mkdirSync(join(runtimes, name), { recursive: true });
    }
    writeFileSync(join(runtimes, '2.20.0-x86_64'), '');
    symlinkSync(join(runtimes, '2.21.0-x86_64'), join(runtimes, '2.19.1-x86_64'));
    const slots = await listSlots(store);
    expect(slots.map((slot) => `${slot.version}-${slot.arch}`)).toEqual(['2.21.0-x86_64', '2.21.0-aarch64', '2.9.1-x86_64']);
    expect(slots[0]?.ccPath).toBe(join(runtimes, '2.21.0-x86_64', 'libtensorflow_cc.so.2'));
  });
});

describe('findSlot', () => {
  it('says which command installs what is missing, without a path', async () => {
    await expect(findSlot(store, '2.20.0', 'x86_64')).rejects.toMatchObject({
      code: 'RUNTIME_NOT_INSTALLED',
      message: 'TensorFlow 2.20.0 is not installed; `airlock runtime install --version 2.20.0` installs it',
    });
  });

  it('refuses a version that is not pinned, installed or not', async () => {
    mkdirSync(join(runtimes, '2.9.1-x86_64'), { recursive: true });
    await expect(findSlot(store, '2.9.1', 'x86_64')).rejects.toMatchObject({ code: 'RUNTIME_VERSION_UNKNOWN' });
  });

  it('finds what is there', async () => {
    mkdirSync(join(runtimes, '2.20.0-aarch64'), { recursive: true });
    expect((await findSlot(store, '2.20.0', 'aarch64')).directory).toBe(join(runtimes, '2.20.0-aarch64'));
  });
});

describe('createStaging', () => {
  it('removes what killed installs left more than an hour ago, and spares running ones', async () => {
    const old = join(runtimes, '.staging-old');
    const running = join(runtimes, '.staging-running');
    const longAgo = new Date(Date.now() - 2 * 60 * 60 * 1000);
    for (const path of [old, running]) {
      mkdirSync(path, { recursive: true });
      writeFileSync(join(path, 'wheel'), '');
      if (path === old) utimesSync(join(path, 'wheel'), longAgo, longAgo);
      utimesSync(path, longAgo, longAgo);
    }
    const staging = await createStaging(store);
    expect(readdirSync(runtimes)).not.toContain('.staging-old');
    expect(readdirSync(runtimes)).toContain('.staging-running');
    await removeStaging(staging);
    expect(readdirSync(runtimes)).toEqual(['.staging-running']);
  });
});
