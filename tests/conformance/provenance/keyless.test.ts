// Bundles without a key (Sigstore), made by an authority, logs and clocks of our own: the real tool with `--trust_config` and ours with the same
// trusted root say the same about each.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Keyless, makeKeyless } from '../../support/keyless.ts';
import { resourcesOf, statementOf } from './hand-made-bundle.ts';
import { plainFiles, writeFiles } from './model-folders.ts';
import { hasModelSigning, ModelSigning, needsModelSigning, trustConfigOf } from './model-signing.ts';
import { ourVerdict } from './our-verdict.ts';

const identity = 'release@models.example';
const issuer = 'https://issuer.example';

interface Bundle {
  readonly verificationMaterial: { readonly tlogEntries: readonly object[] } & Readonly<Record<string, unknown>>;
  readonly dsseEnvelope: { readonly payload: string; readonly signatures: readonly object[] } & Readonly<Record<string, unknown>>;
}

interface Row {
  readonly title: string;
  /** Whom both are told to expect. */
  readonly expected?: { readonly identity?: string; readonly issuer?: string };
  readonly change?: (bundle: Bundle) => object;
}

const withMaterial = (bundle: Bundle, change: object): object => ({
  ...bundle,
  verificationMaterial: { ...bundle.verificationMaterial, ...change },
});

const refused: readonly Row[] = [
  { title: 'another identity', expected: { identity: 'other@models.example' } },
  { title: 'a part of the identity', expected: { identity: 'ease@models.exam' } },
  { title: 'the identity read as a pattern', expected: { identity: 'release@models.e.ample' } },
  { title: 'the identity in other case', expected: { identity: 'Release@models.example' } },
  { title: 'another issuer', expected: { issuer: 'https://other.example' } },
  {
    title: 'another statement',
    change: (bundle) => {
      const payload = Buffer.from(JSON.stringify(statementOf(resourcesOf({ ...plainFiles, zero: 'no' })))).toString('base64');
      return { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, payload } };
    },
  },
  { title: 'no entry of the log', change: (bundle) => withMaterial(bundle, { tlogEntries: [] }) },
  {
    title: 'an entry of the log at another time',
    change: (bundle) => {
      const [entry] = bundle.verificationMaterial.tlogEntries;
      return withMaterial(bundle, { tlogEntries: [{ ...entry, integratedTime: '1700000000' }] });
    },
  },
  {
    title: 'two signatures',
    change: (bundle) => {
      const [signature] = bundle.dsseEnvelope.signatures;
      return { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, signatures: [signature, signature] } };
    },
  },
];

describe.skipIf(!hasModelSigning)(`bundles without a key${needsModelSigning}`, () => {
  let folder: string;
  let python: ModelSigning;
  let keyless: Keyless;
  let cases = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'airlock-keyless-'));
    python = new ModelSigning();
    keyless = await makeKeyless();
    trust('trusted', keyless);
  });
  afterAll(() => {
    python?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function trust(name: string, { trustedRoot }: Keyless): void {
    writeFileSync(join(folder, `${name}.json`), trustedRoot);
    writeFileSync(join(folder, `${name}.config.json`), trustConfigOf(trustedRoot.toString()));
  }

  async function signed(change: (bundle: Bundle) => object = (bundle) => bundle): Promise<{ model: string; signature: string }> {
    const payload = Buffer.from(JSON.stringify(statementOf(resourcesOf(plainFiles))));
    const bundle: Bundle = JSON.parse((await keyless.sign({ identity, issuer, payload })).toString());
    const model = writeFiles(join(folder, `${cases++}/model`), plainFiles);
    const signature = join(model, 'model.sig');
    writeFileSync(signature, JSON.stringify(change(bundle)));
    return { model, signature };
  }

  /** What both say, told to expect the same. */
  async function verdicts(model: string, signature: string, root = 'trusted', expected: Row['expected'] = {}) {
    const whom = { identity, issuer, ...expected };
    const theirs = await python.verify(model, signature, { trustConfig: join(folder, `${root}.config.json`), ...whom });
    const entry = { kind: 'sigstore', trustedRoot: join(folder, `${root}.json`), ...whom, accept: [] } as const;
    return { theirs, ours: await ourVerdict(model, signature, entry) };
  }

  it('are accepted by both', async () => {
    const { model, signature } = await signed();
    const { theirs, ours } = await verdicts(model, signature);
    expect(theirs).toMatchObject({ accepted: true });
    expect(ours).toMatchObject({ accepted: true, evidence: { kind: 'sigstore', subject: identity } });
  });

  it.each(refused)('are refused by both: $title', async ({ expected, change }) => {
    const { model, signature } = await signed(change);
    const { theirs, ours } = await verdicts(model, signature, 'trusted', expected);
    expect(theirs.accepted).toBe(false);
    expect(ours.accepted).toBe(false);
    expect(['SIGNER_UNTRUSTED', 'BUNDLE_INVALID']).toContain(ours.code);
  });

  it('are refused by both under the root of another authority', async () => {
    trust('other', await makeKeyless());
    const { model, signature } = await signed();
    const { theirs, ours } = await verdicts(model, signature, 'other');
    expect(theirs.accepted).toBe(false);
    expect(ours).toMatchObject({ accepted: false, code: 'SIGNER_UNTRUSTED' });
  });

  it('are refused by both when a file changed', async () => {
    const { model, signature } = await signed();
    writeFileSync(join(model, 'saved_model.pb'), 'other');
    const { theirs, ours } = await verdicts(model, signature);
    expect(theirs.text).toMatch(/Hash mismatch for \W*saved_model.pb/);
    expect(ours).toMatchObject({ accepted: false, differences: ['modified saved_model.pb'] });
  });
});
