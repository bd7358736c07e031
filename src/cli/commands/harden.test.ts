// The command as people call it: its reports and what it refuses.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { modelFiles, writeFiles } from '../../../tests/support/model-builder.ts';
import { readEmbeddedContract } from '../../model/index.ts';
import { main } from '../main.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-harden-'));
  mkdirSync(join(folder, 'model'));
  writeFiles(join(folder, 'model'), modelFiles());
});
afterEach(() => rmSync(folder, { recursive: true }));
const at = (...parts: string[]) => join(folder, ...parts);

async function airlock(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await main(args, { stdout, stderr, env: {}, isTerminal: false });
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

describe('airlock harden', () => {
  const contract = `apiVersion: airlock/contract/v1
metadata: { id: tiny, revision: 4 }
signatures:
  serving_default:
    inputs:
      x: { dtype: float32, shape: [null], max: 3, unique: elements }
    outputs:
      y: { dtype: float32 }
`;

  it('says what is wrong on the command line', async () => {
    expect(await airlock('harden', at('model'), '-o', at('copy'))).toMatchObject({
      code: 2,
      err: 'airlock: --contract FILE is missing\n',
    });
    expect((await airlock('harden', at('model'), '--strip', '--poison', '-o', at('copy'))).code).toBe(2);
    expect((await airlock('harden', at('model'), '--strip', '-o', at('copy'))).err).toContain(
      'No contract is built into this model',
    );
    writeFileSync(at('contract.yaml'), contract);
    expect((await airlock('harden', at('model'), '--contract', at('contract.yaml'), '-o', at('copy'))).err).toContain(
      'The model has no graph',
    );
    expect(readdirSync(folder).sort()).toEqual(['contract.yaml', 'model']);
  });

  it('hardens an example, marks it, reports each rule, and strips it again', async () => {
    const original = join(import.meta.dirname, '../../../examples/digits/1');
    writeFileSync(
      at('contract.yaml'),
      contract
        .replace(
          'x: { dtype: float32, shape: [null], max: 3, unique: elements }',
          'image: { dtype: float32, shape: [null, 8, 8, 1], max: 16, unique: rows }',
        )
        .replace('y:', 'probabilities:'),
    );
    const text = await airlock('harden', original, '--contract', at('contract.yaml'), '-o', at('hard'));
    expect(text.out).toMatch(/^Built in: 6 of 7 rules of the contract tiny, revision 4, [0-9a-f]{12}\n/);
    expect(text.out).toContain('serving_default/inputs/image/max  ');
    expect(text.out).toMatch(/image\/unique +not built in: it is checked by the server only\n/);
    expect(text.out).toContain('not covered: signature serve: the contract does not name it');
    const { digest } = (await readEmbeddedContract(at('hard'))) ?? { digest: '' };
    expect(text.out).toContain(digest.slice(0, 12));
    const json = await airlock('harden', at('hard'), '--contract', at('contract.yaml'), '-o', at('again'), '--json', '--poison');
    expect(JSON.parse(json.out)).toMatchObject({
      contract: { id: 'tiny', revision: 4, poison: true },
      metaGraphs: [{ form: 'functions' }],
      removedFingerprint: false,
    });
    expect(await airlock('harden', at('again'), '--strip', '-o', at('stripped'))).toMatchObject({ code: 0 });
    await expect(readEmbeddedContract(at('stripped'))).resolves.toBeUndefined();
    expect((await airlock('harden', at('hard'), '--strip', '-o', at('once'), '--json')).out).toContain('"stripped":true');
    expect(readFileSync(at('once/saved_model.pb'))).toEqual(readFileSync(at('stripped/saved_model.pb')));
  });
});
