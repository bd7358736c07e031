import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { honestEntries, pinOf, sha256Of, writeZip } from '../../tests/security/fake-wheel.ts';
import type { AirlockError } from '../core/index.ts';
import { encodeManifest, manifestName } from './manifest.ts';
import { defaultVersion } from './pin.ts';
import { findSlot, type RuntimeSlot, slotOf } from './slot.ts';
import { verifySlot, verifySlotAgainst } from './verify-slot.ts';

const pin = pinOf(writeZip(honestEntries));
let root = '';
let slot: RuntimeSlot = slotOf('.', pin.version, pin.arch);

function replaceFile(path: string, content: Buffer): void {
  unlinkSync(path);
  writeFileSync(path, content, { mode: 0o444 });
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'airlock-slot-'));
  slot = slotOf(root, pin.version, pin.arch);
  mkdirSync(slot.directory, { recursive: true, mode: 0o755 });
  for (const file of pin.files) {
    const content = honestEntries.find((entry) => entry.name === file.entry)?.content ?? Buffer.alloc(0);
    writeFileSync(join(slot.directory, file.name), content, { mode: 0o444 });
  }
  writeFileSync(join(slot.directory, manifestName), encodeManifest(pin), { mode: 0o444 });
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

async function detailOfRefusal(): Promise<string> {
  const error: AirlockError = await verifySlotAgainst(slot, pin).then(
    () => expect.fail('it was accepted'),
    (thrown: AirlockError) => thrown,
  );
  expect(error.code).toBe('RUNTIME_SLOT_INVALID');
  expect(error.message).not.toContain(root);
  return error.detail ?? '';
}

describe('verifySlot', () => {
  it('accepts what was installed and reports every byte', async () => {
    let doneBytes = 0;
    await verifySlotAgainst(slot, pin, { onProgress: (progress) => (doneBytes = progress.doneBytes) });
    expect(doneBytes).toBe(pin.files.reduce((sum, file) => sum + file.bytes, 0));
  });

  it('refuses one changed bit', async () => {
    const content = readFileSync(slot.ccPath);
    content[200_000] = (content[200_000] ?? 0) ^ 1;
    replaceFile(slot.ccPath, content);
    expect(await detailOfRefusal()).toBe('libtensorflow_cc.so.2: its SHA-256 is not the pinned one');
  });

  it('refuses a changed library whose manifest was rewritten to match', async () => {
    const content = Buffer.alloc(readFileSync(slot.ccPath).length, 'evil');
    replaceFile(slot.ccPath, content);
    const files = pin.files.map((file) =>
      file.name === 'libtensorflow_cc.so.2' ? { ...file, sha256: sha256Of(content) } : file,
    );
    replaceFile(join(slot.directory, manifestName), encodeManifest({ ...pin, files }));
    expect(await detailOfRefusal()).toBe('manifest.json: differs from the pin table');
  });

  it('refuses a manifest of another version', async () => {
    replaceFile(join(slot.directory, manifestName), encodeManifest({ ...pin, version: '9.9.8' }));
    expect(await detailOfRefusal()).toBe('manifest.json: differs from the pin table');
  });

  it('refuses a file that does not belong there, hidden ones too', async () => {
    writeFileSync(join(slot.directory, '.libstdc++.so.6'), '');
    expect(await detailOfRefusal()).toBe('.libstdc++.so.6: not a file of this runtime');
  });

  it('refuses a missing file', async () => {
    unlinkSync(slot.frameworkPath);
    expect(await detailOfRefusal()).toBe('libtensorflow_framework.so.2: missing');
  });

  it('refuses a shorter and a longer file', async () => {
    const content = readFileSync(slot.ccPath);
    chmodSync(slot.ccPath, 0o644);
    truncateSync(slot.ccPath, 10);
    expect(await detailOfRefusal()).toMatch(/10 bytes instead of/);
    replaceFile(slot.ccPath, Buffer.concat([content, Buffer.from('x')]));
    expect(await detailOfRefusal()).toMatch(/300001 bytes instead of/);
  });

  it('refuses a link, also to a file with the right bytes', async () => {
    const moved = join(root, 'moved');
    renameSync(slot.ccPath, moved);
    symlinkSync(moved, slot.ccPath);
    expect(await detailOfRefusal()).toMatch(/cannot be opened as a plain file/);
  });

  it('refuses a link in place of the slot, also to a good one', async () => {
    const moved = join(root, 'moved');
    renameSync(slot.directory, moved);
    symlinkSync(moved, slot.directory);
    expect(await detailOfRefusal()).toBe('the slot: not a folder');
  });

  it('refuses a named pipe without waiting for it, and a folder', async () => {
    unlinkSync(slot.ccPath);
    expect(spawnSync('mkfifo', ['-m', '444', slot.ccPath]).status).toBe(0);
    expect(await detailOfRefusal()).toMatch(/not a plain file/);
    unlinkSync(slot.ccPath);
    mkdirSync(slot.ccPath);
    expect(await detailOfRefusal()).toMatch(/not a plain file/);
  });

  it.each([0o464, 0o446])('refuses a file with mode %o', async (mode) => {
    chmodSync(slot.ccPath, mode);
    expect(await detailOfRefusal()).toBe('libtensorflow_cc.so.2: other users may write it');
  });

  it('refuses a slot, or a folder above it, that others may write', async () => {
    chmodSync(slot.directory, 0o775);
    expect(await detailOfRefusal()).toBe('the slot: other users may write it');
    chmodSync(slot.directory, 0o755);
    chmodSync(join(slot.directory, '..'), 0o777);
    expect(await detailOfRefusal()).toBe('the folder of the slot: other users may write it');
  });

  it('refuses a slot when others may write a folder further up, and so may put another tree in its place', async () => {
    chmodSync(root, 0o777);
    expect(await detailOfRefusal()).toMatch(/can be written by everybody/);
    chmodSync(root, 0o1777);
    await verifySlotAgainst(slot, pin);
  });

  const isRoot = process.geteuid?.() === 0;
  it.skipIf(!isRoot)(`refuses a file of another user${isRoot ? '' : ' (skipped: needs root)'}`, async () => {
    chownSync(slot.ccPath, 12_345, 12_345);
    expect(await detailOfRefusal()).toMatch(/belongs to another user/);
  });

  it('accepts a second name of the same file', async () => {
    linkSync(slot.ccPath, join(root, 'second-name'));
    await verifySlotAgainst(slot, pin);
  });

  it('can be stopped', async () => {
    const stopped = verifySlotAgainst(slot, pin, { signal: AbortSignal.abort('whatever') });
    await expect(stopped).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('refuses a slot of a version that is not pinned', async () => {
    await expect(verifySlot(slot)).rejects.toMatchObject({ code: 'RUNTIME_VERSION_UNKNOWN' });
  });

  const store = join(import.meta.dirname, '../../.airlock');
  const isInstalled = existsSync(join(store, 'runtimes'));
  it.skipIf(!isInstalled)(
    `verifies the real runtime in constant memory${isInstalled ? '' : ' (skipped: no runtime in ./.airlock)'}`,
    async () => {
      const real = await findSlot(store, defaultVersion);
      const beforeBytes = process.memoryUsage().rss;
      let peakBytes = 0;
      await verifySlot(real, { onProgress: () => (peakBytes = Math.max(peakBytes, process.memoryUsage.rss())) });
      expect(peakBytes).toBeGreaterThan(0);
      expect(peakBytes - beforeBytes).toBeLessThan(64 * 1024 * 1024);
    },
  );
});
