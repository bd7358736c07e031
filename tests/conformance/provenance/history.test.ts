// Bundles of the forms that model-signing wrote before 1.1, made here by hand. That the real tool of today accepts each is the proof that the forms
// are the true ones; we refuse the two that are dangerous, except from a signer whose entry in the trust section allows that very form.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LegacyForm } from '../../../src/config/index.ts';
import {
  bundleOf,
  chainSignerOf,
  type HandSigner,
  type KeyFiles,
  makeKeyFiles,
  resourcesOf,
  rootOf,
} from './hand-made-bundle.ts';
import { writeFiles } from './model-folders.ts';
import { type ChainFiles, hasModelSigning, ModelSigning, needsModelSigning } from './model-signing.ts';
import { certificateEntry, keyEntry, ourVerdict } from './our-verdict.ts';

const files = { 'signme-1': 'first', 'signme-2': 'second', "it's a \\ name\t\u{1f600}": 'third' };
const resources = resourcesOf(files);

/** The statement of v0.2: one subject per file, nothing about ignored paths, no root. */
function oldStatement(list = resources): object {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: list.map(({ name, digest }) => ({
      name,
      digest: { sha256: digest },
      annotations: { actual_hash_algorithm: 'file-sha256' },
    })),
    predicateType: 'https://model_signing/Digests/v0.1',
    predicate: { unused: 'Unused, just passed due to API requirements' },
  };
}

/** The statement of v0.3.1 to v1.0.1: today's, without ignored paths. */
function earlyStatement(list = resources): object {
  const serialization = { method: 'files', hash_type: 'sha256', allow_symlinks: false };
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'model', digest: { sha256: rootOf(list) } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: { serialization, resources: list },
  };
}

/** All of them wrote JSON with two spaces, `keyid: null`, and no list of log entries. */
function oldBundle(statement: object, signer: HandSigner, sig?: Buffer): string {
  const payload = Buffer.from(JSON.stringify(statement, null, 2));
  const { mediaType, dsseEnvelope } = bundleOf(payload, signer, sig);
  const [signature] = dsseEnvelope.signatures;
  return JSON.stringify({
    mediaType,
    verificationMaterial: signer.material,
    dsseEnvelope: { ...dsseEnvelope, signatures: [{ ...signature, keyid: null }] },
  });
}

const keyDetails = {
  'P-256': 'PKIX_ECDSA_P256_SHA_256',
  'P-384': 'PKIX_ECDSA_P384_SHA_384',
  'P-521': 'PKIX_ECDSA_P521_SHA_512',
} as const;

/** The public key itself, as PEM text in base64, where today there is a hint. */
function rawKeySigner({ key, curve }: KeyFiles, publicPem: string): HandSigner {
  const rawBytes = Buffer.from(publicPem).toString('base64');
  return { key, material: { publicKey: { rawBytes, keyDetails: keyDetails[curve] } } };
}

describe.skipIf(!hasModelSigning)(`bundles of older versions${needsModelSigning}`, () => {
  let folder: string;
  let python: ModelSigning;
  let key: KeyFiles;
  let chain: ChainFiles;
  let cases = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'airlock-history-'));
    python = new ModelSigning();
    key = makeKeyFiles(folder, 'key', 'P-384');
    chain = await python.makeChain(join(folder, 'chain'), 'P-384');
  });
  afterAll(() => {
    python?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The signature of v0.2 over the statement: the encoding of the real tool, with its mistake in it. */
  async function oldSignature(statement: object, keyFile: string, hash: string): Promise<Buffer> {
    const payload = Buffer.from(JSON.stringify(statement, null, 2)).toString('base64');
    const { sig } = await python.ask({ do: 'signPayload', payload, key: keyFile, hash, old: true });
    return Buffer.from(String(sig), 'base64');
  }

  function place(bundle: string, content: Readonly<Record<string, string>> = files): { model: string; signature: string } {
    const model = writeFiles(join(folder, `${cases++}/model`), content);
    const signature = join(model, 'model.sig');
    writeFileSync(signature, bundle);
    return { model, signature };
  }

  const keyTrust = (): { publicKey: string } => ({ publicKey: key.publicKey });
  const chainTrust = (): { roots: string[] } => ({ roots: [chain.root] });
  const byKey = async (model: string, signature: string, ...accept: LegacyForm[]) =>
    await ourVerdict(model, signature, keyEntry(key.publicKey, ...accept));
  const byChain = async (model: string, signature: string, ...accept: LegacyForm[]) =>
    await ourVerdict(model, signature, certificateEntry(chain.root, ...accept));
  const chainSigner = (): HandSigner => chainSignerOf(chain.key, chain.leaf, chain.intermediate);

  describe('v0.2.0, certificate: the encoding with the mistake, SHA-256 whatever the curve', () => {
    const make = async (statement = oldStatement()) =>
      place(oldBundle(statement, chainSigner(), await oldSignature(statement, chain.key, 'sha256')));

    it('is refused, and accepted where the signer may use it', async () => {
      const { model, signature } = await make();
      expect(await python.verify(model, signature, chainTrust())).toMatchObject({ accepted: true });
      for (const accept of [[], ['raw-public-key']] as const)
        expect(await byChain(model, signature, ...accept)).toMatchObject({ accepted: false, code: 'SIGNER_UNTRUSTED' });
      const verdict = await byChain(model, signature, 'v0.2');
      expect(verdict).toMatchObject({ accepted: true, evidence: { legacy: 'v0.2' } });
      expect(verdict.manifest?.files).toEqual(resources.map(({ name, digest }) => ({ name, digest })));
    });

    it('still says which files differ', async () => {
      const { model, signature } = await make();
      writeFiles(model, { 'signme-1': 'other', extra: '' });
      expect((await python.verify(model, signature, chainTrust())).accepted).toBe(false);
      const { differences } = await byChain(model, signature, 'v0.2');
      expect([...differences].sort()).toEqual(['extra extra', 'modified signme-1']);
    });

    it('does not verify over another statement', async () => {
      const other = oldStatement(resourcesOf({ ...files, 'signme-1': 'other' }));
      const { model, signature } = place(
        oldBundle(other, chainSigner(), await oldSignature(oldStatement(), chain.key, 'sha256')),
      );
      expect((await python.verify(model, signature, chainTrust())).accepted).toBe(false);
      expect(await byChain(model, signature, 'v0.2')).toMatchObject({ code: 'SIGNER_UNTRUSTED' });
    });
  });

  describe('v0.2.0, key', () => {
    it('is refused, and accepted where the signer may use both old forms', async () => {
      const statement = oldStatement();
      const bundle = oldBundle(
        statement,
        rawKeySigner(key, key.publicPem),
        await oldSignature(statement, key.privateKey, 'sha384'),
      );
      const { model, signature } = place(bundle);
      expect(await python.verify(model, signature, keyTrust())).toMatchObject({ accepted: true });
      for (const accept of [[], ['v0.2'], ['raw-public-key']] as const)
        expect(await byKey(model, signature, ...accept)).toMatchObject({ accepted: false, manifest: undefined });
      expect(await byKey(model, signature, 'v0.2', 'raw-public-key')).toMatchObject({
        accepted: true,
        evidence: { legacy: 'v0.2' },
      });
    });
  });

  describe('what the tool mixes, we do not, even where a signer may use v0.2', () => {
    it("today's statement in the old encoding", async () => {
      const statement = earlyStatement();
      const bundle = oldBundle(statement, chainSigner(), await oldSignature(statement, chain.key, 'sha256'));
      const { model, signature } = place(bundle);
      expect(await python.verify(model, signature, chainTrust())).toMatchObject({ accepted: true });
      expect((await byChain(model, signature)).accepted).toBe(false);
      expect((await byChain(model, signature, 'v0.2')).accepted).toBe(false);
    });

    it("the old statement in today's encoding", async () => {
      const { model, signature } = place(oldBundle(oldStatement(), chainSigner()));
      expect(await python.verify(model, signature, chainTrust())).toMatchObject({ accepted: true });
      expect((await byChain(model, signature)).accepted).toBe(false);
      expect((await byChain(model, signature, 'v0.2')).accepted).toBe(false);
    });
  });

  it.each(['v0.3.1', 'v1.0.0'])('%s, certificate: no log entries, no ignored paths, no key id; accepted by both', async () => {
    const { model, signature } = place(oldBundle(earlyStatement(), chainSigner()));
    expect(await python.verify(model, signature, chainTrust())).toMatchObject({ accepted: true });
    expect(await byChain(model, signature)).toMatchObject({ accepted: true, manifest: { ignored: [] } });
  });

  describe('v0.3.1 and v1.0.0, key: the key itself in the bundle, one file named `.`', () => {
    const single = { '.': 'first' };
    const make = (publicPem: string) => {
      const { model, signature } = place(oldBundle(earlyStatement(resourcesOf(single)), rawKeySigner(key, publicPem)), {
        'signme-1': 'first',
      });
      return { model: join(model, 'signme-1'), signature };
    };

    it('is refused, and accepted where the signer may use it', async () => {
      const { model, signature } = make(key.publicPem);
      const told = await python.verify(model, signature, keyTrust());
      expect(told.text).toMatch(/WARNING.*older verification material.*Verification succeeded/s);
      expect(await byKey(model, signature)).toMatchObject({ accepted: false, code: 'BUNDLE_UNSUPPORTED' });
      expect(await byKey(model, signature, 'v0.2')).toMatchObject({ accepted: false, code: 'BUNDLE_UNSUPPORTED' });
      expect(await byKey(model, signature, 'raw-public-key')).toMatchObject({ accepted: true });
    });

    it('is refused with another key in it, which the tool does not look at', async () => {
      const { model, signature } = make(makeKeyFiles(folder, 'other', 'P-384').publicPem);
      expect(await python.verify(model, signature, keyTrust())).toMatchObject({ accepted: true });
      expect(await byKey(model, signature, 'raw-public-key')).toMatchObject({ accepted: false, code: 'SIGNER_UNTRUSTED' });
    });

    it('is refused when the key in it is not the one that signed: the key of a bundle is never trusted', async () => {
      const stranger = makeKeyFiles(folder, 'stranger', 'P-384');
      const bundle = oldBundle(earlyStatement(resourcesOf(single)), rawKeySigner(stranger, stranger.publicPem));
      const { model, signature } = place(bundle, { 'signme-1': 'first' });
      const file = join(model, 'signme-1');
      expect((await python.verify(file, signature, keyTrust())).accepted).toBe(false);
      expect(await byKey(file, signature, 'raw-public-key')).toMatchObject({ accepted: false, code: 'SIGNER_UNTRUSTED' });
    });
  });

  describe('v1.0.1: a file on the disk that nobody signed', () => {
    it.each(['certificate', 'key'] as const)('%s: extra for both; only the tool can be told to look away', async (method) => {
      const signer = method === 'key' ? rawKeySigner(key, key.publicPem) : chainSigner();
      const { model, signature } = place(oldBundle(earlyStatement(), signer), { ...files, 'ignore-me': '' });
      const trust = method === 'key' ? keyTrust() : chainTrust();
      expect((await python.verify(model, signature, trust)).text).toMatch(/Extra files.*ignore-me/);
      const away = await python.verify(model, signature, trust, '--ignore-paths', join(model, 'ignore-me'));
      expect(away).toMatchObject({ accepted: true });
      const verdict = method === 'key' ? await byKey(model, signature, 'raw-public-key') : await byChain(model, signature);
      expect(verdict).toMatchObject({ accepted: false, differences: ['extra ignore-me'] });
    });
  });

  it.each(['certificate', 'key'] as const)('v1.1.0, %s: made by the tool itself, accepted by both', async (method) => {
    const place = join(folder, `${cases++}`);
    mkdirSync(place);
    const model = writeFiles(join(place, 'model'), files);
    const signature = join(model, 'model.sig');
    const signer =
      method === 'key' ? { key: key.privateKey } : { key: chain.key, certificate: chain.leaf, chain: [chain.intermediate] };
    expect(await python.sign(model, signature, signer)).toMatchObject({ accepted: true });
    expect(await python.verify(model, signature, method === 'key' ? keyTrust() : chainTrust())).toMatchObject({ accepted: true });
    expect(await (method === 'key' ? byKey(model, signature) : byChain(model, signature))).toMatchObject({ accepted: true });
  });
});
