// Bundles that are odd in one way, each signed for real: the verdict of the real tool and ours side by side, both asserted. Above all where the
// tool accepts: two readers that understand one bundle in two ways are how unsigned bytes get in.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  bundleOf,
  type KeyFiles,
  keySignerOf,
  makeKeyFiles,
  type Resource,
  resourcesOf,
  rootOf,
  signatureOver,
  statementOf,
} from './hand-made-bundle.ts';
import { plainFiles, writeFiles } from './model-folders.ts';
import { hasModelSigning, ModelSigning, needsModelSigning } from './model-signing.ts';
import { keyEntry, ourVerdict } from './our-verdict.ts';

type Statement = ReturnType<typeof statementOf>;
type Bundle = ReturnType<typeof bundleOf>;
type Verdict = 'accepts' | RegExp;

const resources = resourcesOf(plainFiles);

/** The JSON of a good statement, or of what `change` makes of it. */
function statementJson(change: (statement: Statement) => object = (statement) => statement): string {
  return JSON.stringify(change(statementOf(resources)));
}

function withResources(list: readonly object[], root = rootOf(list as Resource[])): string {
  return statementJson((statement) => ({
    ...statement,
    subject: [{ name: 'model', digest: { sha256: root } }],
    predicate: { ...statement.predicate, resources: list },
  }));
}

function withSerialization(change: object): string {
  return statementJson((statement) => ({
    ...statement,
    predicate: { ...statement.predicate, serialization: { ...serializationOf(statement), ...change } },
  }));
}

const serializationOf = ({ predicate }: Statement): object => (predicate as { serialization: object }).serialization;

const renamed = (from: string, to: string): Resource[] =>
  resources.map((resource) => (resource.name === from ? { ...resource, name: to } : resource));

interface Row {
  readonly title: string;
  readonly python: Verdict;
  readonly ours: 'accepts' | 'BUNDLE_INVALID' | 'BUNDLE_UNSUPPORTED' | 'SIGNER_UNTRUSTED';
}
interface PayloadRow extends Row {
  readonly payload: string;
}
interface BundleRow extends Row {
  change(bundle: Bundle): object | string;
}

const wrong = { ...resources[0], digest: '0'.repeat(64) };

/** What is odd is inside of what was signed. */
const payloadRows: readonly PayloadRow[] = [
  { title: 'nothing', payload: statementJson(), python: 'accepts', ours: 'accepts' },
  {
    title: 'entries in no order',
    payload: withResources([...resources].reverse()),
    python: 'accepts',
    ours: 'accepts',
  },
  { title: 'white space', payload: JSON.stringify(statementOf(resources), null, 2), python: 'accepts', ours: 'accepts' },
  {
    title: 'a root that is not of these entries',
    payload: withResources(resources, 'e'.repeat(64)),
    python: /Manifest is inconsistent/,
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'a root over the entries in another order',
    payload: withResources(resources, rootOf([...resources].reverse())),
    python: /Manifest is inconsistent/,
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'a name twice, the wrong digest first',
    payload: withResources([wrong, ...resources]),
    python: 'accepts',
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'a name twice, the wrong digest last',
    payload: withResources([...resources, wrong]),
    python: /Hash mismatch/,
    ours: 'BUNDLE_INVALID',
  },
  { title: 'the name ./zero', payload: withResources(renamed('zero', './zero')), python: 'accepts', ours: 'BUNDLE_INVALID' },
  {
    title: 'the name variables//variables.index',
    payload: withResources(renamed('variables/variables.index', 'variables//variables.index')),
    python: 'accepts',
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'the name variables/./variables.index',
    payload: withResources(renamed('variables/variables.index', 'variables/./variables.index')),
    python: 'accepts',
    ours: 'BUNDLE_INVALID',
  },
  { title: 'the name zero/', payload: withResources(renamed('zero', 'zero/')), python: 'accepts', ours: 'BUNDLE_INVALID' },
  { title: 'the name /zero', payload: withResources(renamed('zero', '/zero')), python: /Missing files/, ours: 'BUNDLE_INVALID' },
  {
    title: 'the name ../model/zero',
    payload: withResources(renamed('zero', '../model/zero')),
    python: /Missing files/,
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'a name with a zero byte',
    payload: withResources(renamed('zero', 'zero\0')),
    python: /Missing files/,
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'a name with half of a surrogate pair',
    payload: withResources(renamed('zero', 'zero')).replace('"zero"', '"zero\\ud800"'),
    python: /Missing files|surrogates not allowed/,
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'digests in upper case',
    payload: withResources(resources.map((resource) => ({ ...resource, digest: resource.digest.toUpperCase() }))),
    python: 'accepts',
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'digests with spaces, which bytes.fromhex skips',
    payload: withResources(
      resources.map((resource) => ({ ...resource, digest: resource.digest.replace(/^../, '$& ') })),
      rootOf(resources),
    ),
    python: 'accepts',
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'the algorithm of one entry is another',
    payload: withResources(resources.map((resource, at) => (at === 0 ? { ...resource, algorithm: 'blake2b' } : resource))),
    python: /Hash mismatch/,
    ours: 'BUNDLE_INVALID',
  },
  { title: 'no entries', payload: withResources([]), python: /Extra files/, ours: 'BUNDLE_INVALID' },
  {
    title: 'a key twice, the false value first',
    payload: statementJson().replace('"name":"zero"', '"name":"nothing","name":"zero"'),
    python: 'accepts',
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'a key twice, once with an escape in it',
    payload: statementJson().replace('"name":"zero"', '"n\\u0061me":"nothing","name":"zero"'),
    python: 'accepts',
    ours: 'BUNDLE_INVALID',
  },
  { title: 'a byte order mark', payload: `\ufeff${statementJson()}`, python: 'accepts', ours: 'BUNDLE_INVALID' },
  { title: 'text after the statement', payload: `${statementJson()}{}`, python: /Extra data/, ours: 'BUNDLE_INVALID' },
  {
    title: 'NaN, which is no JSON',
    payload: statementJson().replace('"allow_symlinks":false', '"allow_symlinks":false,"more":NaN'),
    python: 'accepts',
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'an unknown key in the serialization',
    payload: withSerialization({ more: 1 }),
    python: 'accepts',
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'an unknown key in the predicate',
    payload: statementJson((statement) => ({ ...statement, predicate: { ...statement.predicate, more: {} } })),
    python: 'accepts',
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'allow_symlinks, with no link there',
    payload: withSerialization({ allow_symlinks: true }),
    python: 'accepts',
    ours: 'BUNDLE_UNSUPPORTED',
  },
  {
    title: 'the hash blake3',
    payload: withSerialization({ hash_type: 'blake3' }),
    python: 'accepts',
    ours: 'BUNDLE_UNSUPPORTED',
  },
  {
    title: 'an unknown way to list files',
    payload: withSerialization({ method: 'digests' }),
    python: /Unknown serialization/,
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'two subjects',
    payload: statementJson((statement) => ({ ...statement, subject: [...statement.subject, ...statement.subject] })),
    python: /Expected only one subject/,
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'no subject',
    payload: statementJson((statement) => ({ ...statement, subject: [] })),
    python: /Expected only one subject/,
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'another kind of statement',
    payload: statementJson((statement) => ({ ...statement, _type: 'https://in-toto.io/Statement/v0.1' })),
    python: /Expected in-toto/,
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'version 1.1 of the predicate',
    payload: statementJson((statement) => ({ ...statement, predicateType: 'https://model_signing/signature/v1.1' })),
    python: /Predicate type mismatch/,
    ours: 'BUNDLE_UNSUPPORTED',
  },
];

/** What is odd is around what was signed. */
const bundleRows: readonly BundleRow[] = [
  {
    title: 'no keyid',
    change: (bundle) => withSignature(bundle, ({ keyid: _, ...rest }) => rest),
    python: 'accepts',
    ours: 'accepts',
  },
  {
    title: 'a keyid of null',
    change: (bundle) => withSignature(bundle, (signature) => ({ ...signature, keyid: null })),
    python: 'accepts',
    ours: 'accepts',
  },
  {
    title: 'no tlogEntries',
    change: (bundle) => withMaterial(bundle, { tlogEntries: undefined }),
    python: 'accepts',
    ours: 'accepts',
  },
  {
    title: 'the hint of another key',
    change: (bundle) => withMaterial(bundle, { publicKey: { hint: 'a'.repeat(64) } }),
    python: /Key mismatch/,
    ours: 'SIGNER_UNTRUSTED',
  },
  {
    title: 'another media type',
    change: (bundle) => ({ ...bundle, mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2' }),
    python: /validation error for Bundle|media type/i,
    ours: 'BUNDLE_UNSUPPORTED',
  },
  {
    title: 'an unknown key',
    change: (bundle) => ({ ...bundle, more: 1 }),
    python: /validation error for Bundle/,
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'two kinds of material',
    change: (bundle) => withMaterial(bundle, { x509CertificateChain: { certificates: [{ rawBytes: 'AAAA' }] } }),
    python: /validation error for Bundle/,
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'a second signature that is bad',
    change: (bundle) => withSignatures(bundle, (good) => [good, { ...good, sig: 'AAAA' }]),
    python: 'accepts',
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'a first signature that is bad',
    change: (bundle) => withSignatures(bundle, (good) => [{ ...good, sig: 'AAAA' }, good]),
    python: /failed with error/,
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'no signature',
    change: (bundle) => withSignatures(bundle, () => []),
    python: /failed with error/,
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'base64 with a line feed',
    change: (bundle) => withPayload(bundle, (payload) => `${payload.slice(0, 76)}\n${payload.slice(76)}`),
    python: 'accepts',
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'base64 with a sign that is none of it',
    change: (bundle) => withPayload(bundle, (payload) => `!${payload}`),
    python: 'accepts',
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'base64 for addresses',
    change: (bundle) =>
      withSignature(bundle, (signature) => ({ ...signature, sig: `${signature.sig}`.replaceAll('+', '-').replaceAll('/', '_') })),
    python: /failed with error/,
    ours: 'BUNDLE_INVALID',
  },
  {
    title: 'another payload type',
    change: (bundle) => ({ ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, payloadType: 'application/json' } }),
    python: /Expected DSSE payload/,
    ours: 'SIGNER_UNTRUSTED',
  },
  {
    title: 'a bit of the payload flipped',
    change: (bundle) => withPayload(bundle, (payload) => flipBit(payload)),
    python: /failed with error/,
    ours: 'SIGNER_UNTRUSTED',
  },
  {
    title: 'a byte after the DER of the signature',
    change: (bundle) => withSignature(bundle, (signature) => ({ ...signature, sig: grown(signature.sig) })),
    python: /failed with error/,
    ours: 'SIGNER_UNTRUSTED',
  },
  {
    title: 'a key twice, the false value first',
    change: (bundle) => JSON.stringify(bundle).replace('"payloadType":', '"payloadType":"text/plain","payloadType":'),
    python: 'accepts',
    ours: 'BUNDLE_INVALID',
  },
  { title: 'a byte order mark', change: (bundle) => `\ufeff${JSON.stringify(bundle)}`, python: /BOM/, ours: 'BUNDLE_INVALID' },
];

type SignatureEntry = { readonly sig: string; readonly keyid?: string | null };

function withSignatures(bundle: Bundle, change: (good: SignatureEntry) => readonly object[]): object {
  const [good] = bundle.dsseEnvelope.signatures as SignatureEntry[];
  return { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, signatures: change(good) } };
}

function withSignature(bundle: Bundle, change: (good: SignatureEntry) => object): object {
  return withSignatures(bundle, (good) => [change(good)]);
}

function withMaterial(bundle: Bundle, change: object): object {
  return { ...bundle, verificationMaterial: { ...bundle.verificationMaterial, ...change } };
}

function withPayload(bundle: Bundle, change: (payload: string) => string): object {
  return { ...bundle, dsseEnvelope: { ...bundle.dsseEnvelope, payload: change(bundle.dsseEnvelope.payload) } };
}

function flipBit(base64: string): string {
  const bytes = Buffer.from(base64, 'base64');
  bytes[bytes.length - 10] ^= 1;
  return bytes.toString('base64');
}

const grown = (base64: string): string => Buffer.concat([Buffer.from(base64, 'base64'), Buffer.from([0])]).toString('base64');

describe.skipIf(!hasModelSigning)(`a bundle that is odd in one way${needsModelSigning}`, () => {
  let folder: string;
  let model: string;
  let python: ModelSigning;
  let key: KeyFiles;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'airlock-bundles-'));
    model = writeFiles(join(folder, 'model'), plainFiles);
    python = new ModelSigning();
    key = makeKeyFiles(folder, 'key');
  });
  afterAll(() => {
    python?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function expectVerdicts(bundle: object | string, { python: expected, ours }: Row, where = model): Promise<void> {
    const signature = join(where, 'model.sig');
    writeFileSync(signature, typeof bundle === 'string' ? bundle : JSON.stringify(bundle));
    const [told, verdict] = [
      await python.verify(where, signature, { publicKey: key.publicKey }),
      await ourVerdict(where, signature, keyEntry(key.publicKey)),
    ];
    if (expected === 'accepts') expect(told).toMatchObject({ accepted: true });
    else {
      expect(told.accepted).toBe(false);
      expect(told.text).toMatch(expected);
    }
    if (ours === 'accepts') expect(verdict).toMatchObject({ accepted: true, differences: [] });
    else expect(verdict).toMatchObject({ accepted: false, code: ours });
  }

  it.each(payloadRows)('in what was signed: $title', async ({ payload, ...row }) => {
    await expectVerdicts(bundleOf(Buffer.from(payload), keySignerOf(key)), row);
  });

  it.each(bundleRows)('around what was signed: $title', async ({ change, ...row }) => {
    // Until there is a sign in it that base64 for addresses writes in another way: signatures are random.
    let bundle: Bundle;
    do bundle = bundleOf(Buffer.from(statementJson()), keySignerOf(key));
    while (!/[+/]/.test(JSON.stringify(bundle.dsseEnvelope.signatures)));
    await expectVerdicts(change(bundle), row);
  });

  it('refuses what another key signed in the name of this one', async () => {
    const other = makeKeyFiles(folder, 'other');
    const payload = Buffer.from(statementJson());
    const row = { title: '', python: /failed with error/, ours: 'SIGNER_UNTRUSTED' } as const;
    await expectVerdicts(bundleOf(payload, keySignerOf(key), signatureOver(payload, other.key)), row);
  });

  it('refuses a signature over other bytes of the same meaning', async () => {
    const row = { title: '', python: /failed with error/, ours: 'SIGNER_UNTRUSTED' } as const;
    const spaced = Buffer.from(JSON.stringify(statementOf(resources), null, 1));
    await expectVerdicts(bundleOf(spaced, keySignerOf(key), signatureOver(Buffer.from(statementJson()), key.key)), row);
  });

  it('accepts the other one of the two ECDSA signatures (r, n - s), so a signature is no identity', async () => {
    const payload = Buffer.from(statementJson());
    const twin = otherHalf(signatureOver(payload, key.key));
    await expectVerdicts(bundleOf(payload, keySignerOf(key), twin), { title: '', python: 'accepts', ours: 'accepts' });
  });

  it('refuses an empty model, which the tool signs and verifies', async () => {
    const empty = join(folder, 'empty');
    mkdirSync(empty);
    const row = { title: '', python: 'accepts', ours: 'BUNDLE_INVALID' } as const;
    await expectVerdicts(bundleOf(Buffer.from(withResources([])), keySignerOf(key)), row, empty);
  });
});

/** The order of P-256. */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

/** `(r, n - s)` of a DER signature on P-256. */
function otherHalf(der: Buffer): Buffer {
  const r = der.subarray(2, 4 + der[3]);
  const s = BigInt(`0x${der.subarray(6 + der[3]).toString('hex')}`);
  const digits = Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex');
  const trimmed = digits.subarray(digits.findIndex((byte) => byte !== 0));
  const padded = trimmed[0] >= 0x80 ? Buffer.concat([Buffer.from([0]), trimmed]) : trimmed;
  const body = Buffer.concat([r, Buffer.from([0x02, padded.length]), padded]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}
