import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { savedModelBytes, servingDefault } from '../../../../tests/support/model-builder.ts';
import { main } from '../../main.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'airlock-lint-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

async function run(...args: readonly string[]) {
  const stdout = new PassThrough({ encoding: 'utf8' });
  const stderr = new PassThrough({ encoding: 'utf8' });
  const exit = await main(['contract', ...args], { stdout, stderr, env: {}, isTerminal: false });
  return { exit, stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
}

async function contract(x: string): Promise<string> {
  const file = join(folder, 'contract.yaml');
  await writeFile(
    file,
    `apiVersion: airlock/contract/v1\nmetadata: { id: t, revision: 4 }\ndims: { batch: { min: 1, max: 8 } }\nsignatures: { serving_default: { inputs: { x: { ${x} } }, outputs: { y: { dtype: float32, max: 1 } } } }\n`,
  );
  return file;
}

async function model(): Promise<string> {
  await writeFile(
    join(folder, 'saved_model.pb'),
    savedModelBytes({ metaInfoDef: { tags: ['serve'] }, signatureDef: [servingDefault] }),
  );
  return folder;
}

describe('airlock contract lint', () => {
  it('prints the findings and the digest, and exits with 0 when none is an error', async () => {
    const { exit, stdout, stderr } = await run(
      'lint',
      await contract('dtype: float32, shape: [batch], min: 0'),
      '--model',
      await model(),
    );
    expect(stdout).toMatch(
      /^warning {2}signatures\.serving_default\.inputs\.x: no upper bound \[float-without-bounds\]\nt revision 4, digest [0-9a-f]{64}: 0 errors, 1 warning, 0 notes\n$/,
    );
    expect({ exit, stderr }).toEqual({ exit: 0, stderr: '' });
  });

  it('exits with 1 for a contract that does not go with the model, and gives JSON', async () => {
    const file = await contract('dtype: int32, shape: [batch, 3], min: 0, max: 1');
    expect((await run('lint', file)).exit).toBe(0);
    const { exit, stdout, stderr } = await run('lint', file, '--model', await model(), '--json');
    expect(exit).toBe(1);
    expect(stderr).toBe('airlock: The contract has 2 errors\n');
    const report: unknown = JSON.parse(stdout);
    expect(report).toMatchObject({ id: 't', revision: 4, findings: [{ id: 'model-mismatch' }, { id: 'model-mismatch' }] });
  });

  it('exits with 3 for a file that is no contract, and lists every mistake', async () => {
    const { exit, stdout, stderr } = await run('lint', await contract('dtype: int33, mim: 0'));
    expect({ exit, stdout }).toEqual({ exit: 3, stdout: '' });
    expect(stderr).toContain('inputs.x.mim: expected a known key; the nearest is `min`');
    expect(stderr).toContain('inputs.x.dtype: expected one of float16');
    expect((await run('lint', join(folder, 'none.yaml'))).exit).toBe(3);
  });

  it('exits with 2 without a file', async () => {
    expect((await run('lint')).exit).toBe(2);
  });
});

describe('airlock contract schema', () => {
  it('prints the JSON Schema', async () => {
    const { exit, stdout } = await run('schema');
    expect(exit).toBe(0);
    const schema: unknown = JSON.parse(stdout);
    expect(schema).toMatchObject({ $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'Airlock contract' });
  });
});
