// Certificates that the real tool takes and we do not: it looks at the time at which the leaf became valid, whatever the time is now, and at no
// name and no purpose beyond "may sign". Beside them what both refuse, so that ours is stricter and never laxer.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chainSignerOf, resourcesOf, signedStatement, statementOf } from './hand-made-bundle.ts';
import { plainFiles, writeFiles } from './model-folders.ts';
import { type ChainFiles, type ChainOptions, hasModelSigning, ModelSigning, needsModelSigning } from './model-signing.ts';
import { certificateEntry, ourVerdict } from './our-verdict.ts';

describe.skipIf(!hasModelSigning)(`chains of certificates${needsModelSigning}`, () => {
  let folder: string;
  let python: ModelSigning;
  let cases = 0;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'airlock-chains-'));
    python = new ModelSigning();
  });
  afterAll(() => {
    python?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const makeChain = async (options?: ChainOptions): Promise<ChainFiles> =>
    await python.makeChain(join(folder, `chain-${cases++}`), 'P-256', options);

  /** What both say about a bundle with these certificates in it, with `root` as the only anchor. */
  async function verdicts(key: string, certificates: readonly string[], root: string) {
    const model = writeFiles(join(folder, `${cases++}/model`), plainFiles);
    const signature = join(model, 'model.sig');
    writeFileSync(signature, signedStatement(statementOf(resourcesOf(plainFiles)), chainSignerOf(key, ...certificates)));
    const theirs = await python.verify(model, signature, { roots: [root] });
    return { theirs, ours: await ourVerdict(model, signature, certificateEntry(root)) };
  }

  it('are accepted by both, with the root in the bundle or without it', async () => {
    const { key, leaf, intermediate, root } = await makeChain();
    for (const certificates of [
      [leaf, intermediate],
      [leaf, intermediate, root],
    ]) {
      const { theirs, ours } = await verdicts(key, certificates, root);
      expect(theirs).toMatchObject({ accepted: true });
      expect(ours).toMatchObject({ accepted: true });
    }
  });

  it.each<[string, ChainOptions, RegExp]>([
    ['that expired a day ago', { days: [-10, -1] }, /expired|valid/],
    ['that becomes valid tomorrow', { days: [1, 10] }, /valid/],
    ['of a web server', { usages: ['serverAuth'] }, /code signing/],
    ['for no purpose in particular', { usages: [] }, /code signing/],
  ])('with a leaf %s are accepted by the tool and refused by us', async (_, options, reason) => {
    const { key, leaf, intermediate, root } = await makeChain(options);
    const { theirs, ours } = await verdicts(key, [leaf, intermediate], root);
    expect(theirs).toMatchObject({ accepted: true });
    expect(ours).toMatchObject({ accepted: false, code: 'SIGNER_UNTRUSTED', text: expect.stringMatching(reason) });
  });

  it('for somebody else under the same root are accepted by the tool, which compares no names, and refused by us', async () => {
    const { key, leaf, intermediate, root } = await makeChain();
    const model = writeFiles(join(folder, `${cases++}/model`), plainFiles);
    const signature = join(model, 'model.sig');
    writeFileSync(signature, signedStatement(statementOf(resourcesOf(plainFiles)), chainSignerOf(key, leaf, intermediate)));
    expect(await python.verify(model, signature, { roots: [root] })).toMatchObject({ accepted: true });
    const entry = { ...certificateEntry(root), identity: { email: 'other@example.com' } };
    expect(await ourVerdict(model, signature, entry)).toMatchObject({ code: 'SIGNER_UNTRUSTED' });
  });

  it('are refused by both under another root of the same name, without the intermediate, and with only the intermediate trusted', async () => {
    const { key, leaf, intermediate, root } = await makeChain();
    const stranger = await makeChain();
    for (const [certificates, anchor] of [
      [[leaf, intermediate], stranger.root],
      [[leaf], root],
      [[leaf, stranger.intermediate], root],
    ] as const) {
      const { theirs, ours } = await verdicts(key, certificates, anchor);
      expect(theirs.text).toMatch(/unable to get|signature failure/);
      expect(ours).toMatchObject({ accepted: false, code: 'SIGNER_UNTRUSTED' });
    }
    const { theirs } = await verdicts(key, [leaf], intermediate);
    expect(theirs.text).toMatch(/unable to get/);
  });

  it('are refused by both when the leaf is of another key than the one that signed', async () => {
    const [chain, other] = [await makeChain(), await makeChain()];
    const { theirs, ours } = await verdicts(other.key, [chain.leaf, chain.intermediate], chain.root);
    expect(theirs.accepted).toBe(false);
    expect(ours).toMatchObject({ accepted: false, code: 'SIGNER_UNTRUSTED' });
  });

  it('are not built by the tool without --certificate_chain', async () => {
    const { key, leaf } = await makeChain();
    const model = writeFiles(join(folder, `${cases++}/model`), plainFiles);
    const told = await python.sign(model, join(model, 'model.sig'), { key, certificate: leaf });
    expect(told).toMatchObject({ accepted: false, text: expect.stringMatching(/Signing failed/) });
    expect(readFileSync(leaf, 'utf8')).toContain('BEGIN CERTIFICATE');
  });
});
