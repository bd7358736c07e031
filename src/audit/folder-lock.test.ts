import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { ownerMark } from '../core/index.ts';
import { withFolderLock } from './folder-lock.ts';

let folder: string;
let onRead: ((file: string) => void) | undefined;

vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  return {
    ...real,
    readFileSync: (file: string, encoding: BufferEncoding) => {
      const text = real.readFileSync(file, encoding);
      onRead?.(file);
      return text;
    },
  };
});

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-lock-'));
});
afterEach(() => {
  onRead = undefined;
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true });
});

const dead = (pid: number): string => ownerMark().replace(/-.*/, `-${pid}-1`);

it('does not take the lock of one who took over a dead one a moment before', () => {
  const lock = join(folder, 'lock');
  writeFileSync(lock, dead(999_998));
  vi.spyOn(Atomics, 'wait').mockReturnValue('timed-out');
  onRead = (file) => {
    if (file !== lock) return;
    onRead = undefined;
    // Another server, between our look and our removal. Its mark is ours, because that one surely lives.
    rmSync(lock);
    writeFileSync(lock, ownerMark());
  };
  expect(() => withFolderLock(folder, () => 'taken')).toThrow(expect.objectContaining({ code: 'AUDIT_LOG_FAILED' }));
  expect(readFileSync(lock, 'utf8')).toBe(ownerMark());
});

it('goes on after one who died while it removed the lock of a dead one', () => {
  writeFileSync(join(folder, 'lock'), dead(999_998));
  writeFileSync(join(folder, `.dead-${dead(999_998)}`), dead(999_997));
  expect(withFolderLock(folder, () => 'taken')).toBe('taken');
  expect(readdirSync(folder)).toEqual([]);
});
