import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, expect, it } from 'vitest';
import { advisoryDocument, writeUpdate } from '../advisories/index.ts';
import { givenStore } from './given-store.ts';
import { main } from './main.ts';

const folder = mkdtempSync(join(tmpdir(), 'airlock-given-store-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('takes a store that was named, none that was not, and no name of nothing', () => {
  expect(givenStore(undefined)).toEqual({});
  expect(givenStore(folder)).toEqual({ store: folder });
  expect(() => givenStore(join(folder, 'nothing'))).toThrow(/There is no store/);
});

it('keeps an audit from believing the store of the project that it judges', async () => {
  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(join(project, 'requirements.txt'), 'tensorflow==2.9.1\n');
  const document = advisoryDocument();
  // Claims to be a later correction of all that is known: nothing was ever affected.
  const today = new Date().toISOString().slice(0, 10);
  const tensorflow = document.tensorflow.map((one) => ({ ...one, affected: [] }));
  mkdirSync(join(project, '.airlock'));
  writeUpdate(join(project, '.airlock'), { ...document, read: today, curated: today, tensorflow });
  let out = '';
  const stdout = new Writable({
    write(chunk, _encoding, done) {
      out += String(chunk);
      done();
    },
  });
  const before = process.cwd();
  process.chdir(project);
  try {
    await main(['audit', 'supply-chain', '.', '--format', 'json'], { stdout, stderr: stdout, env: {}, isTerminal: false });
  } finally {
    process.chdir(before);
  }
  expect(out).toContain('supply-chain/vulnerable');
});
