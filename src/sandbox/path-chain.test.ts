import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { followPath } from './path-chain.ts';

const folder = realpathSync(mkdtempSync(path.join(tmpdir(), 'airlock-chain-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

mkdirSync(path.join(folder, 'usr/lib'), { recursive: true });
writeFileSync(path.join(folder, 'usr/lib/libx.so.1.2'), '');
symlinkSync('libx.so.1.2', path.join(folder, 'usr/lib/libx.so.1'));
symlinkSync('usr/lib', path.join(folder, 'lib'));
symlinkSync(path.join(folder, 'lib'), path.join(folder, 'lib64'));
symlinkSync('loop', path.join(folder, 'loop'));

describe('followPath', () => {
  it('names each link on the way, as it is written, and the end', () => {
    const { links, real } = followPath(path.join(folder, 'lib64/libx.so.1'));
    expect(Object.fromEntries(links)).toEqual({
      [path.join(folder, 'lib64')]: path.join(folder, 'lib'),
      [path.join(folder, 'lib')]: 'usr/lib',
      [path.join(folder, 'usr/lib/libx.so.1')]: 'libx.so.1.2',
    });
    expect(real).toBe(path.join(folder, 'usr/lib/libx.so.1.2'));
  });

  it('has no links to name on a plain path', () => {
    expect(followPath(path.join(folder, 'usr/lib'))).toEqual({ links: new Map(), real: path.join(folder, 'usr/lib') });
  });

  it('ends on links in a circle and on what is not there', () => {
    expect(() => followPath(path.join(folder, 'loop'))).toThrow('ELOOP');
    expect(() => followPath(path.join(folder, 'nothing'))).toThrow('ENOENT');
  });
});
