// Whose files are read as secrets, and how much of them.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPublicFile, readSecretFile } from './secret-file.ts';

let folder: string;
let file: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-secret-'));
  file = join(folder, 'key.pem');
  writeFileSync(file, 'secret', { mode: 0o600 });
});
afterAll(() => rmSync(folder, { recursive: true }));

const refused = { code: 'KEY_INVALID' };

describe('readSecretFile()', () => {
  it.each([0o600, 0o400, 0o700, 0o711])('reads a file of mode %o', async (mode) => {
    chmodSync(file, mode);
    await expect(readSecretFile(file, 'key')).resolves.toEqual(Buffer.from('secret'));
  });

  it.each([0o640, 0o604, 0o620, 0o602, 0o644, 0o666])('refuses one of mode %o and says what to do', async (mode) => {
    chmodSync(file, mode);
    await expect(readSecretFile(file, 'key')).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('chmod 600'),
    });
    await expect(readPublicFile(file, 'key')).resolves.toEqual(Buffer.from('secret'));
  });

  it('follows a link to the file and looks at the mode behind it', async () => {
    const link = join(folder, 'link');
    symlinkSync(file, link);
    chmodSync(file, 0o600);
    await expect(readSecretFile(link, 'key')).resolves.toEqual(Buffer.from('secret'));
    chmodSync(file, 0o644);
    await expect(readSecretFile(link, 'key')).rejects.toMatchObject(refused);
  });

  it('reads a pipe', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', ['-m', '600', pipe]);
    const reading = readSecretFile(pipe, 'key');
    writeFileSync(pipe, 'piped');
    await expect(reading).resolves.toEqual(Buffer.from('piped'));
  });

  it('refuses what is missing, no file, or endless, and shows its place to the operator only', async () => {
    mkdirSync(join(folder, 'folder'));
    writeFileSync(join(folder, 'large'), Buffer.alloc(65_537), { mode: 0o600 });
    writeFileSync(join(folder, 'full'), Buffer.alloc(65_536), { mode: 0o600 });
    for (const path of [join(folder, 'none'), join(folder, 'folder'), '/dev/zero', join(folder, 'large')]) {
      const error: unknown = await readSecretFile(path, 'key').catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ ...refused, message: expect.not.stringContaining(folder), detail: path });
    }
    for (const path of [join(folder, 'folder'), '/dev/zero'])
      await expect(readPublicFile(path, 'key')).rejects.toMatchObject({ message: 'The key file is neither a file nor a pipe' });
    await expect(readSecretFile(join(folder, 'full'), 'key')).resolves.toHaveLength(65_536);
  });
});
