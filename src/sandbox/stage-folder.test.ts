import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { ownerMark } from '../core/index.ts';
import { removeStaleStages } from './stage-folder.ts';

afterEach(() => void vi.unstubAllEnvs());

describe('removeStaleStages', () => {
  it('does nothing where there is no such folder', () => {
    vi.stubEnv('TMPDIR', '/nowhere');
    expect(removeStaleStages).not.toThrow();
  });

  it('removes what dead servers left, and nothing else', () => {
    const make = (name: string): string => {
      const folder = path.join(tmpdir(), name);
      mkdirSync(folder);
      return folder;
    };
    const dead = make(`airlock-stage-${ownerMark()}1-abcdef`);
    const alive = make(`airlock-stage-${ownerMark()}-abcdef`);
    const elsewhere = make(`airlock-stage-1${ownerMark()}1-abcdef`);
    writeFileSync(path.join(dead, 'file'), '');
    removeStaleStages();
    expect([dead, alive, elsewhere].map((folder) => existsSync(folder))).toEqual([false, true, true]);
    for (const folder of [alive, elsewhere]) rmSync(folder, { recursive: true });
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith(`airlock-stage-${ownerMark()}`))).toEqual([]);
  });
});
