// Signatures get their names when they are whole, and never somebody else's.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { assertFree, writeSignature } from './write-signature.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-write-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const [one, two] = [Buffer.from('one'), Buffer.from('two')];

describe('writeSignature()', () => {
  it('makes its folder, writes once, refuses to overwrite, replaces when asked, and leaves no draft', async () => {
    const file = join(folder, 'model.sig.d', 'a.sig');
    await writeSignature(file, one);
    await expect(writeSignature(file, two)).rejects.toMatchObject({
      code: 'USAGE',
      message: 'a.sig exists already; --force replaces it',
    });
    expect(readFileSync(file, 'utf8')).toBe('one');
    await expect(assertFree(file)).rejects.toMatchObject({ code: 'USAGE', message: 'a.sig exists already; --force replaces it' });
    await assertFree(join(folder, 'other.sig'));
    await writeSignature(file, two, true);
    expect(readFileSync(file, 'utf8')).toBe('two');
    expect(readdirSync(join(folder, 'model.sig.d'))).toEqual(['a.sig']);
  });

  it('replaces a link and not what it leads to', async () => {
    const [victim, link] = [join(folder, 'victim'), join(folder, 'model.sig')];
    writeFileSync(victim, 'mine');
    symlinkSync(victim, link);
    await expect(writeSignature(link, one)).rejects.toMatchObject({ code: 'USAGE' });
    await writeSignature(link, one, true);
    expect(readFileSync(victim, 'utf8')).toBe('mine');
    expect(readFileSync(link, 'utf8')).toBe('one');
  });

  it('fails when the folder above is missing, or a folder has the name, and leaves nothing', async () => {
    await expect(writeSignature(join(folder, 'a', 'b', 'c.sig'), one)).rejects.toMatchObject({ code: 'SIGNING_FAILED' });
    mkdirSync(join(folder, 'model.sig'));
    await expect(writeSignature(join(folder, 'model.sig'), one, true)).rejects.toMatchObject({
      code: 'SIGNING_FAILED',
      message: 'model.sig could not be written',
    });
    expect(readdirSync(folder)).toEqual(['model.sig']);
  });
});
