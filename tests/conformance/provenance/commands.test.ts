// The two commands as people type them: `airlock sign` and `model_signing verify`, and the other way round. Once with each in a process of its
// own, from the build; the further cases call the same command lines inside of processes that are there already.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { main } from '../../../src/cli/main.ts';
import { makeKeyFiles } from './hand-made-bundle.ts';
import { makeOddModel } from './model-folders.ts';
import { hasModelSigning, ModelSigning, needsModelSigning, pythonCommand, root } from './model-signing.ts';

interface Ended {
  readonly code: number;
  readonly text: string;
}

/** Our command, from the build. */
async function command(...args: readonly string[]): Promise<Ended> {
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [join(root, 'bin/airlock.js'), ...args]);
    return { code: 0, text: stdout + stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, text: `${stdout}${stderr}` };
  }
}

/** The same without a process. */
async function airlock(...args: readonly string[]): Promise<Ended> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const code = await main(args, { stdout, stderr, env: {}, isTerminal: false });
  return { code, text: `${stdout.read() ?? ''}${stderr.read() ?? ''}` };
}

describe.skipIf(!hasModelSigning)(`the two commands${needsModelSigning}`, () => {
  let folder: string;
  let python: ModelSigning;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'airlock-commands-'));
    python = new ModelSigning();
  });
  afterAll(() => {
    python?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('understand each other, each in a process of its own', async () => {
    const model = makeOddModel(join(folder, 'key/1'));
    const { privateKey, publicKey } = makeKeyFiles(folder, 'key', 'P-384');
    const signature = join(model, 'model.sig');
    expect(await command('sign', model, '--key', privateKey)).toMatchObject({ code: 0 });
    const verifyByTool = ['verify', 'key', model, '--signature', signature, '--public_key', publicKey];
    expect(await pythonCommand(...verifyByTool)).toContain('Verification succeeded');

    rmSync(signature);
    await pythonCommand('sign', 'key', model, '--signature', signature, '--private_key', privateKey);
    const verified = await command('verify', model, '--key', publicKey);
    expect(verified).toMatchObject({ code: 0, text: expect.stringContaining('verified') });

    writeFileSync(join(model, 'saved_model.pb'), 'other');
    await expect(pythonCommand(...verifyByTool)).rejects.toMatchObject({ code: 1 });
    const refused = await airlock('verify', model, '--key', publicKey);
    expect(refused.code).toBe(1);
    expect(refused.text).toMatch(/REFUSED.*modified\s+saved_model.pb/s);
  });

  it('understand each other with certificates', async () => {
    const model = makeOddModel(join(folder, 'certified/1'));
    const { key, leaf, intermediate, root: anchor } = await python.makeChain(join(folder, 'chain'), 'P-521');
    const signature = join(model, 'model.sig');
    const policy = join(folder, 'airlock.yaml');
    const certificate = { roots: [anchor], identity: { email: 'release@example.com' } };
    const policies = { release: { models: ['certified'], signers: ['ci'], binding: 'unsafeNone' } };
    const trust = { signers: { ci: { certificate } }, policies };
    const models = [{ name: 'certified', path: join(folder, 'certified'), trust: 'release' }];
    writeFileSync(policy, JSON.stringify({ models, trust, store: join(folder, 'store') }));

    expect(await airlock('sign', model, '--key', key, '--certificate', leaf, '--chain', intermediate)).toMatchObject({ code: 0 });
    const verifyByTool = ['verify', 'certificate', model, '--signature', signature, '--certificate_chain', anchor];
    expect(await python.cli(...verifyByTool)).toMatchObject({ accepted: true });

    rmSync(signature);
    const material = ['--private_key', key, '--signing_certificate', leaf, '--certificate_chain', intermediate];
    expect(await python.cli('sign', 'certificate', model, '--signature', signature, ...material)).toMatchObject({
      accepted: true,
    });
    const verified = await airlock('verify', model, '--policy', policy, '--explain');
    expect(verified).toMatchObject({ code: 0, text: expect.stringContaining('verified') });
  });

  it('understand each other where a further signature and statements lie beside the model', async () => {
    const model = makeOddModel(join(folder, 'further/1'));
    const [first, second] = [join(folder, 'first.pem'), join(folder, 'second.pem')];
    for (const out of [first, second]) await airlock('keys', 'generate', '--out', out, '--unsafe-no-passphrase');
    const released = await airlock('sign', model, '--key', first, '--model', 'further', '--model-version', '1');
    expect(released).toMatchObject({ code: 0 });
    expect(await airlock('sign', model, '--key', second, '--add')).toMatchObject({ code: 0 });
    const bound = await airlock('verify', model, '--key', join(folder, 'first.pub'), '--model', 'further');
    expect(bound).toMatchObject({ code: 0 });
    const told = await python.verify(model, join(model, 'model.sig'), { publicKey: join(folder, 'first.pub') });
    expect(told).toMatchObject({ accepted: true });
  });
});
