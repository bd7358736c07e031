import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { writeNewFiles } from './new-files.ts';

const folder = mkdtempSync(join(tmpdir(), 'airlock-test-new-files-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'contract.yaml');

it('writes files, leaves equal ones, refuses to overwrite others, and leaves no draft', async () => {
  await writeNewFiles(new Map([[file, 'one']]));
  await writeNewFiles(new Map<string, string | Uint8Array>([[file, Buffer.from('one')]]));
  await expect(writeNewFiles(new Map([[file, 'two']]))).rejects.toMatchObject({ code: 'USAGE' });
  expect(readFileSync(file, 'utf8')).toBe('one');
  expect(readdirSync(folder)).toEqual(['contract.yaml']);
});

it('does not follow a link that lies in its way', async () => {
  const draft = `${join(folder, 'new.yaml')}.${process.pid}.tmp`;
  writeFileSync(draft, 'another program');
  await expect(writeNewFiles(new Map([[join(folder, 'new.yaml'), 'x']]))).rejects.toMatchObject({ code: 'USAGE' });
});

it('does not read what is no regular file', async () => {
  const device = join(folder, 'device');
  symlinkSync('/dev/zero', device);
  await expect(writeNewFiles(new Map([[device, 'x']]))).rejects.toMatchObject({ code: 'USAGE' });
});

it('says when the folder is not there', async () => {
  await expect(writeNewFiles(new Map([[join(folder, 'none', 'c.yaml'), 'x']]))).rejects.toMatchObject({
    message: 'c.yaml could not be written',
  });
});
