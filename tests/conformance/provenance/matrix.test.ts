// {key, certificate} × {P-256, P-384, P-521} × {the real tool signs and we verify, we sign and the real tool verifies}, each over a folder with
// every odd name; and that what was signed there is refused by both when one byte changes.
import { X509Certificate } from 'node:crypto';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SignerConfig } from '../../../src/config/index.ts';
import { keySigner, signModel } from '../../../src/signing/index.ts';
import { makeKeyFiles } from './hand-made-bundle.ts';
import { makeOddModel, oddFiles } from './model-folders.ts';
import { hasModelSigning, ModelSigning, needsModelSigning, type PythonSigner, type PythonTrust } from './model-signing.ts';
import { certificateEntry, keyEntry, ourVerdict } from './our-verdict.ts';

/** One who signs, and those who trust it, in the words of each tool. */
interface Party {
  readonly pythonSigner: PythonSigner;
  readonly pythonTrust: PythonTrust;
  readonly ourTrust: SignerConfig;
}

const methods = ['key', 'certificate'] as const;
const curves = ['P-256', 'P-384', 'P-521'] as const;
const cells = methods.flatMap((method) => curves.map((curve) => ({ method, curve })));

describe.skipIf(!hasModelSigning)(`the real tool and ours${needsModelSigning}`, () => {
  let folder: string;
  let python: ModelSigning;
  let cases = 0;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'airlock-matrix-'));
    python = new ModelSigning();
  });
  afterAll(() => {
    python?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function makeParty(method: (typeof methods)[number], curve: (typeof curves)[number]): Promise<Party> {
    const place = join(folder, `party-${cases++}`);
    if (method === 'key') {
      mkdirSync(place);
      const { privateKey, publicKey } = makeKeyFiles(place, 'key', curve);
      return { pythonSigner: { key: privateKey }, pythonTrust: { publicKey }, ourTrust: keyEntry(publicKey) };
    }
    const { key, leaf, intermediate, root } = await python.makeChain(place, curve);
    return {
      pythonSigner: { key, certificate: leaf, chain: [intermediate] },
      pythonTrust: { roots: [root] },
      ourTrust: certificateEntry(root),
    };
  }

  const newModel = (): string => makeOddModel(join(folder, `${cases++}`, 'model'));

  async function expectBothAccept(model: string, { pythonTrust, ourTrust }: Party): Promise<void> {
    const signature = join(model, 'model.sig');
    expect(await python.verify(model, signature, pythonTrust)).toMatchObject({ accepted: true });
    expect(await ourVerdict(model, signature, ourTrust)).toMatchObject({ accepted: true, differences: [] });
  }

  async function expectBothRefuse(model: string, { pythonTrust, ourTrust }: Party): Promise<void> {
    const signature = join(model, 'model.sig');
    expect((await python.verify(model, signature, pythonTrust)).text).toMatch(/Hash mismatch for \W*saved_model.pb/);
    const { accepted, differences } = await ourVerdict(model, signature, ourTrust);
    expect({ accepted, differences }).toEqual({ accepted: false, differences: ['modified saved_model.pb'] });
  }

  it.each(cells)('$method, $curve: the tool signs, both verify', async ({ method, curve }) => {
    const [party, model] = [await makeParty(method, curve), newModel()];
    const signed = await python.sign(model, join(model, 'model.sig'), party.pythonSigner);
    expect(signed).toMatchObject({ accepted: true });
    await expectBothAccept(model, party);
    appendFileSync(join(model, 'saved_model.pb'), '!');
    await expectBothRefuse(model, party);
  });

  it.each(cells)('$method, $curve: we sign, both verify', async ({ method, curve }) => {
    const [party, model] = [await makeParty(method, curve), newModel()];
    const { key, certificate, chain = [] } = party.pythonSigner;
    const files = certificate === undefined ? [] : [certificate, ...chain];
    const certificates = files.map((file) => new X509Certificate(readFileSync(file)).raw);
    const signer = keySigner({ pem: readFileSync(key), certificates });
    const { written, manifest } = await signModel({ path: model, signer });
    expect(written).toEqual([join(model, 'model.sig')]);
    expect(manifest.files).toHaveLength(Object.keys(oddFiles).length);
    await expectBothAccept(model, party);
    appendFileSync(join(model, 'saved_model.pb'), '!');
    await expectBothRefuse(model, party);
  });

  it.each(cells)('$method, $curve: neither takes the signature of another signer', async ({ method, curve }) => {
    const [party, stranger, model] = [await makeParty(method, curve), await makeParty(method, curve), newModel()];
    const signature = join(model, 'model.sig');
    expect(await python.sign(model, signature, party.pythonSigner)).toMatchObject({ accepted: true });
    expect((await python.verify(model, signature, stranger.pythonTrust)).accepted).toBe(false);
    expect(await ourVerdict(model, signature, stranger.ourTrust)).toMatchObject({ code: 'SIGNER_UNTRUSTED' });
  });
});
