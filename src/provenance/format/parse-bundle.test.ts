// Tests of bundles: the forms that model-signing and sigstore-python write are read, every deviation is refused, and no bytes do
// anything else.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { isAirlockError } from '../../core/index.ts';
import { bundleMediaType, dssePayloadType, parseBundle } from './index.ts';

type Json = Record<string, unknown>;

const base64 = (content: string | number) =>
  Buffer.from(typeof content === 'number' ? 'x'.repeat(content) : content).toString('base64');
const hint = 'ab'.repeat(32);
const hash = base64(32);
const pem = '-----BEGIN PUBLIC KEY-----\n';

const keyMaterial = { publicKey: { hint }, tlogEntries: [] };
const chainMaterial = {
  x509CertificateChain: { certificates: [{ rawBytes: base64('leaf') }, { rawBytes: base64('ca') }] },
  tlogEntries: [],
};
const logEntry = {
  logIndex: '206342049',
  logId: { keyId: hash },
  kindVersion: { kind: 'dsse', version: '0.0.1' },
  integratedTime: '1746234602',
  inclusionPromise: { signedEntryTimestamp: base64('set') },
  inclusionProof: {
    logIndex: '84437787',
    rootHash: hash,
    treeSize: '84437788',
    hashes: [hash, hash],
    checkpoint: { envelope: 'log\n1\n' },
  },
  canonicalizedBody: base64('{}'),
};
const keylessMaterial = {
  certificate: { rawBytes: base64('leaf') },
  tlogEntries: [logEntry],
  timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: base64('stamp') }] },
};
const rawKey = { rawBytes: base64(pem), keyDetails: 'PKIX_ECDSA_P384_SHA_384' };

function bundle(verificationMaterial: unknown = keyMaterial): Json & { dsseEnvelope: Json } {
  return {
    mediaType: bundleMediaType,
    verificationMaterial,
    dsseEnvelope: {
      payload: base64('the payload'),
      payloadType: dssePayloadType,
      signatures: [{ sig: base64('signature'), keyid: '' }],
    },
  };
}

const parse = (value: unknown) => parseBundle(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));

/** A copy of `value` with the field at `path` changed; undefined takes it out. */
function changed(value: unknown, path: string, to: unknown): unknown {
  const copy = structuredClone(value) as Json;
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  const parent = keys.reduce<Json>((object, key) => object[key] as Json, copy);
  parent[last] = to;
  return copy;
}

function refusal(value: unknown): string {
  try {
    parse(value);
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    return `${thrown.code} ${thrown.violations[0].rule} at ${thrown.violations[0].path}`;
  }
  return 'accepted';
}

describe('what is read', () => {
  test('a key, as model-signing 1.1.1 writes it', () => {
    const text = JSON.stringify(bundle());
    const envelope = parse(text);
    expect(envelope).toMatchObject({
      material: { kind: 'publicKey', hint, rawPem: undefined },
      payloadType: dssePayloadType,
      sha256: createHash('sha256').update(text).digest('hex'),
    });
    expect(envelope.payload.toString()).toBe('the payload');
    expect(envelope.signature.toString()).toBe('signature');
    expect(JSON.parse(JSON.stringify(envelope.json))).toEqual(bundle());
  });

  test('a chain of certificates, the leaf first', () => {
    const { material } = parse(bundle(chainMaterial));
    expect(material).toEqual({ kind: 'certificates', certificates: [Buffer.from('leaf'), Buffer.from('ca')], timestamps: [] });
  });

  test('a chain with time stamps', () => {
    const { timestampVerificationData } = keylessMaterial;
    const { material } = parse(bundle({ ...chainMaterial, timestampVerificationData }));
    expect(material).toMatchObject({ timestamps: [Buffer.from('stamp')] });
  });

  test('a keyless bundle, as sigstore-python writes it', () => {
    const value = changed(bundle(keylessMaterial), 'dsseEnvelope.signatures', [{ sig: base64('s') }]);
    expect(parse(value).material).toEqual({ kind: 'sigstore' });
  });

  it.each([
    ['an empty object of time stamps', { ...keylessMaterial, timestampVerificationData: {} }],
    ['an empty list of time stamps', { ...keylessMaterial, timestampVerificationData: { rfc3161Timestamps: [] } }],
    ['no time stamps', { certificate: keylessMaterial.certificate, tlogEntries: [logEntry] }],
    [
      'the first entry of a log without times and promises',
      {
        certificate: keylessMaterial.certificate,
        tlogEntries: [
          {
            logId: logEntry.logId,
            kindVersion: logEntry.kindVersion,
            canonicalizedBody: logEntry.canonicalizedBody,
            inclusionProof: { rootHash: hash, treeSize: '1', checkpoint: { envelope: 'log' } },
          },
        ],
      },
    ],
  ])('a keyless bundle with %s', (_, material) => {
    expect(parse(bundle(material)).material.kind).toBe('sigstore');
  });

  // Section 3: certificates of v0.3.1 and v1.0.0.
  it.each([
    ['null', null],
    ['empty', ''],
    ['absent', undefined],
  ])('no tlogEntries, and a keyid that is %s', (_, keyid) => {
    const { x509CertificateChain } = chainMaterial;
    const value = changed(bundle({ x509CertificateChain }), 'dsseEnvelope.signatures', [{ sig: base64('s'), keyid }]);
    expect(parse(value).material.kind).toBe('certificates');
  });

  test('section 3: the whole key of v0.3.1 and v1.0.0, which a signer has to opt in to', () => {
    expect(parse(bundle({ publicKey: rawKey })).material).toEqual({ kind: 'publicKey', hint: undefined, rawPem: pem });
  });
});

describe('what is refused', () => {
  const certificate = { rawBytes: base64('leaf') };
  const many = (count: number) => Array.from({ length: count }, () => certificate);
  const chain = (certificates: unknown) => bundle({ x509CertificateChain: { certificates } });
  const envelope = (path: string, to: unknown) => changed(bundle(), `dsseEnvelope.${path}`, to);
  const signature = (to: unknown) => envelope('signatures', [to]);
  const keyless = (path: string, to: unknown) => changed(bundle(keylessMaterial), `verificationMaterial.${path}`, to);
  const entry = (path: string, to: unknown) => keyless(`tlogEntries.0.${path}`, to);
  const material = 'verificationMaterial';
  const first = `${material}.tlogEntries[0]`;

  it.each<[string, unknown, string]>([
    // Section 2, steps 1 and 2.
    ['a list', [], 'BUNDLE_INVALID object at '],
    ['a text', '"bundle"', 'BUNDLE_INVALID object at '],
    ['null', null, 'BUNDLE_INVALID object at '],
    ['no media type', changed(bundle(), 'mediaType', undefined), 'BUNDLE_INVALID text at mediaType'],
    ['another media type', changed(bundle(), 'mediaType', 'application/json'), 'BUNDLE_INVALID mediaType at mediaType'],
    ['a long media type', changed(bundle(), 'mediaType', 'x'.repeat(129)), 'BUNDLE_INVALID text at mediaType'],
    ['another case', changed(bundle(), 'mediaType', bundleMediaType.toUpperCase()), 'BUNDLE_INVALID mediaType at mediaType'],
    [
      'v0.1',
      changed(bundle(), 'mediaType', 'application/vnd.dev.sigstore.bundle+json;version=0.1'),
      'BUNDLE_UNSUPPORTED mediaType at mediaType',
    ],
    [
      'v0.2',
      changed(bundle(), 'mediaType', 'application/vnd.dev.sigstore.bundle+json;version=0.2'),
      'BUNDLE_UNSUPPORTED mediaType at mediaType',
    ],
    [
      'v0.3 as it was',
      changed(bundle(), 'mediaType', 'application/vnd.dev.sigstore.bundle+json;version=0.3'),
      'BUNDLE_UNSUPPORTED mediaType at mediaType',
    ],
    [
      'v0.4',
      changed(bundle(), 'mediaType', 'application/vnd.dev.sigstore.bundle.v0.4+json'),
      'BUNDLE_UNSUPPORTED mediaType at mediaType',
    ],
    ['a signature over a file', changed(bundle(), 'messageSignature', {}), 'BUNDLE_UNSUPPORTED envelope at messageSignature'],
    ['no envelope', changed(bundle(), 'dsseEnvelope', undefined), 'BUNDLE_INVALID keys at '],
    ['an unknown key', changed(bundle(), 'extra', 1), 'BUNDLE_INVALID keys at '],
    ['a key twice', JSON.stringify(bundle()).replace('{', `{"mediaType":"x",`), 'BUNDLE_INVALID uniqueKey at mediaType'],
    ['a byte order mark', `\ufeff${JSON.stringify(bundle())}`, 'BUNDLE_INVALID json at '],
    [
      'more values than any bundle has',
      changed(bundle(), 'extra', Array(5000).fill(0)),
      'BUNDLE_INVALID maxTokens at extra[4070]',
    ],
    // Materials.
    ['no material', bundle({ tlogEntries: [] }), `BUNDLE_INVALID material at ${material}`],
    ['two materials', bundle({ ...keyMaterial, ...chainMaterial }), `BUNDLE_INVALID material at ${material}`],
    ['an empty material beside another', bundle({ ...keyMaterial, certificate: null }), `BUNDLE_INVALID material at ${material}`],
    ['a material that is a list', bundle([]), `BUNDLE_INVALID object at ${material}`],
    ['an unknown material', bundle({ ...keyMaterial, sshKey: 1 }), `BUNDLE_INVALID keys at ${material}`],
    ['time stamps beside a key', bundle({ ...keyMaterial, timestampVerificationData: {} }), `BUNDLE_INVALID keys at ${material}`],
    [
      'an entry of a log beside a key',
      bundle({ ...keyMaterial, tlogEntries: [logEntry] }),
      `BUNDLE_INVALID list at ${material}.tlogEntries`,
    ],
    [
      'an entry of a log beside a chain',
      bundle({ ...chainMaterial, tlogEntries: [logEntry] }),
      `BUNDLE_INVALID list at ${material}.tlogEntries`,
    ],
    [
      'tlogEntries that are null',
      bundle({ ...keyMaterial, tlogEntries: null }),
      `BUNDLE_INVALID list at ${material}.tlogEntries`,
    ],
    ['an unknown key beside a chain', bundle({ ...chainMaterial, extra: 1 }), `BUNDLE_INVALID keys at ${material}`],
    // Keys. Section 1.12: a missing hint is not a warning.
    ['no hint', bundle({ publicKey: {} }), `BUNDLE_INVALID keys at ${material}.publicKey`],
    ['an empty hint', bundle({ publicKey: { hint: '' } }), `BUNDLE_INVALID hex at ${material}.publicKey.hint`],
    ['a hint that is null', bundle({ publicKey: { hint: null } }), `BUNDLE_INVALID hex at ${material}.publicKey.hint`],
    [
      'a hint in uppercase',
      bundle({ publicKey: { hint: hint.toUpperCase() } }),
      `BUNDLE_INVALID hex at ${material}.publicKey.hint`,
    ],
    ['a short hint', bundle({ publicKey: { hint: hint.slice(2) } }), `BUNDLE_INVALID hex at ${material}.publicKey.hint`],
    ['a public key that is a text', bundle({ publicKey: hint }), `BUNDLE_INVALID object at ${material}.publicKey`],
    ['a hint and a whole key', bundle({ publicKey: { hint, ...rawKey } }), `BUNDLE_INVALID keys at ${material}.publicKey`],
    [
      'a whole key without its kind',
      bundle({ publicKey: { rawBytes: rawKey.rawBytes } }),
      `BUNDLE_INVALID keys at ${material}.publicKey`,
    ],
    [
      'a whole key of RSA',
      bundle({ publicKey: { ...rawKey, keyDetails: 'PKIX_RSA_PSS' } }),
      `BUNDLE_UNSUPPORTED keyDetails at ${material}.publicKey.keyDetails`,
    ],
    [
      'a whole key that is no base64',
      bundle({ publicKey: { ...rawKey, rawBytes: pem } }),
      `BUNDLE_INVALID base64 at ${material}.publicKey.rawBytes`,
    ],
    // Certificates.
    ['no certificate', chain([]), `BUNDLE_INVALID list at ${material}.x509CertificateChain.certificates`],
    ['eleven certificates', chain(many(11)), `BUNDLE_INVALID list at ${material}.x509CertificateChain.certificates`],
    [
      'an empty certificate',
      chain([{ rawBytes: '' }]),
      `BUNDLE_INVALID base64 at ${material}.x509CertificateChain.certificates[0].rawBytes`,
    ],
    [
      'a certificate above 16 KiB',
      chain([certificate, { rawBytes: base64(16 * 1024 + 1) }]),
      `BUNDLE_INVALID base64 at ${material}.x509CertificateChain.certificates[1].rawBytes`,
    ],
    [
      'a certificate with a name',
      chain([{ ...certificate, name: 'x' }]),
      `BUNDLE_INVALID keys at ${material}.x509CertificateChain.certificates[0]`,
    ],
    [
      'a chain with an unknown key',
      bundle({ x509CertificateChain: { certificates: many(1), x: 1 } }),
      `BUNDLE_INVALID keys at ${material}.x509CertificateChain`,
    ],
    // The envelope.
    ['an envelope with an unknown key', envelope('x', 1), 'BUNDLE_INVALID keys at dsseEnvelope'],
    ['no signature', envelope('signatures', []), 'BUNDLE_INVALID list at dsseEnvelope.signatures'],
    [
      'two signatures',
      envelope('signatures', [{ sig: base64('a') }, { sig: base64('b') }]),
      'BUNDLE_INVALID list at dsseEnvelope.signatures',
    ],
    [
      'an unknown key beside a signature',
      signature({ sig: base64('a'), x: 1 }),
      'BUNDLE_INVALID keys at dsseEnvelope.signatures[0]',
    ],
    ['a keyid', signature({ sig: base64('a'), keyid: 'k' }), 'BUNDLE_INVALID keyid at dsseEnvelope.signatures[0].keyid'],
    ['a keyid that is 0', signature({ sig: base64('a'), keyid: 0 }), 'BUNDLE_INVALID keyid at dsseEnvelope.signatures[0].keyid'],
    ['an empty signature', signature({ sig: '' }), 'BUNDLE_INVALID base64 at dsseEnvelope.signatures[0].sig'],
    ['a signature that is a number', signature({ sig: 1 }), 'BUNDLE_INVALID base64 at dsseEnvelope.signatures[0].sig'],
    ['a signature above 1 KiB', signature({ sig: base64(1025) }), 'BUNDLE_INVALID base64 at dsseEnvelope.signatures[0].sig'],
    ['an empty payload', envelope('payload', ''), 'BUNDLE_INVALID base64 at dsseEnvelope.payload'],
    [
      'a payload type above 256 bytes',
      envelope('payloadType', 'x'.repeat(257)),
      'BUNDLE_INVALID text at dsseEnvelope.payloadType',
    ],
    // Section 6: base64 with a newline or a `!`; section 1.4: not the URL-safe alphabet.
    ['base64 with a newline', envelope('payload', 'YWJj\nZGVm'), 'BUNDLE_INVALID base64 at dsseEnvelope.payload'],
    ['base64 with a !', envelope('payload', 'YWJj!ZGVm'), 'BUNDLE_INVALID base64 at dsseEnvelope.payload'],
    ['URL-safe base64', envelope('payload', '-_-_'), 'BUNDLE_INVALID base64 at dsseEnvelope.payload'],
    ['base64 without its padding', envelope('payload', 'YWI'), 'BUNDLE_INVALID base64 at dsseEnvelope.payload'],
    ['base64 with bits left over', envelope('payload', 'YWJ='), 'BUNDLE_INVALID base64 at dsseEnvelope.payload'],
    // Keyless.
    ['a keyless bundle without a log', keyless('tlogEntries', undefined), `BUNDLE_INVALID keys at ${material}`],
    ['a keyless bundle with no entry', keyless('tlogEntries', []), `BUNDLE_INVALID list at ${material}.tlogEntries`],
    [
      'nine entries of logs',
      keyless(
        'tlogEntries',
        Array.from({ length: 9 }, () => logEntry),
      ),
      `BUNDLE_INVALID list at ${material}.tlogEntries`,
    ],
    [
      'a keyless certificate that is no base64',
      keyless('certificate.rawBytes', '!'),
      `BUNDLE_INVALID base64 at ${material}.certificate.rawBytes`,
    ],
    [
      'an unknown key beside time stamps',
      keyless('timestampVerificationData.x', 1),
      `BUNDLE_INVALID keys at ${material}.timestampVerificationData`,
    ],
    [
      'five time stamps',
      keyless(
        'timestampVerificationData.rfc3161Timestamps',
        Array.from({ length: 5 }, () => ({ signedTimestamp: hash })),
      ),
      `BUNDLE_INVALID list at ${material}.timestampVerificationData.rfc3161Timestamps`,
    ],
    [
      'an empty time stamp',
      keyless('timestampVerificationData.rfc3161Timestamps.0.signedTimestamp', ''),
      `BUNDLE_INVALID base64 at ${material}.timestampVerificationData.rfc3161Timestamps[0].signedTimestamp`,
    ],
    ['an unknown key in an entry', entry('x', 1), `BUNDLE_INVALID keys at ${first}`],
    ['an index that is a number', entry('logIndex', 7), `BUNDLE_INVALID number at ${first}.logIndex`],
    ['an index with a leading zero', entry('logIndex', '07'), `BUNDLE_INVALID number at ${first}.logIndex`],
    ['a negative time', entry('integratedTime', '-1'), `BUNDLE_INVALID number at ${first}.integratedTime`],
    ['a time of 20 digits', entry('integratedTime', '1'.repeat(20)), `BUNDLE_INVALID number at ${first}.integratedTime`],
    ['an empty log id', entry('logId.keyId', ''), `BUNDLE_INVALID base64 at ${first}.logId.keyId`],
    ['a kind that is a list', entry('kindVersion.kind', []), `BUNDLE_INVALID text at ${first}.kindVersion.kind`],
    ['a version that is a number', entry('kindVersion.version', 1), `BUNDLE_INVALID text at ${first}.kindVersion.version`],
    ['an empty body', entry('canonicalizedBody', ''), `BUNDLE_INVALID base64 at ${first}.canonicalizedBody`],
    ['a promise without a signature', entry('inclusionPromise', {}), `BUNDLE_INVALID keys at ${first}.inclusionPromise`],
    ['a promise that is null', entry('inclusionPromise', null), `BUNDLE_INVALID object at ${first}.inclusionPromise`],
    [
      'an empty promise',
      entry('inclusionPromise.signedEntryTimestamp', ''),
      `BUNDLE_INVALID base64 at ${first}.inclusionPromise.signedEntryTimestamp`,
    ],
    [
      'a proof without a checkpoint',
      entry('inclusionProof.checkpoint', undefined),
      `BUNDLE_INVALID keys at ${first}.inclusionProof`,
    ],
    [
      'a proof with a wrong index',
      entry('inclusionProof.logIndex', 'x'),
      `BUNDLE_INVALID number at ${first}.inclusionProof.logIndex`,
    ],
    [
      'a proof with a wrong size',
      entry('inclusionProof.treeSize', null),
      `BUNDLE_INVALID number at ${first}.inclusionProof.treeSize`,
    ],
    [
      'a short root hash',
      entry('inclusionProof.rootHash', base64(31)),
      `BUNDLE_INVALID base64 at ${first}.inclusionProof.rootHash`,
    ],
    ['a long hash', entry('inclusionProof.hashes', [base64(33)]), `BUNDLE_INVALID base64 at ${first}.inclusionProof.hashes[0]`],
    [
      '65 hashes',
      entry(
        'inclusionProof.hashes',
        Array.from({ length: 65 }, () => hash),
      ),
      `BUNDLE_INVALID list at ${first}.inclusionProof.hashes`,
    ],
    [
      'a checkpoint that is a number',
      entry('inclusionProof.checkpoint.envelope', 1),
      `BUNDLE_INVALID text at ${first}.inclusionProof.checkpoint.envelope`,
    ],
  ])('%s', (_, value, reason) => {
    expect(refusal(value)).toBe(reason);
  });

  test('a bundle above 32 MiB, before it is read', () => {
    expect(refusal(' '.repeat(32 * 1024 * 1024 + 1))).toBe('BUNDLE_INVALID maxBodyBytes at ');
  });

  test('and an error shows no control characters and no long values', () => {
    const value = changed(bundle(), 'mediaType', `\u001b[2J${'y'.repeat(100)}`);
    expect(() => parse(value)).toThrow(/^[ -~…]{1,250}$/u);
  });
});

describe('whatever bytes come', () => {
  const samples = [bundle(), bundle(chainMaterial), bundle(keylessMaterial), bundle({ publicKey: rawKey })].map((value) =>
    JSON.stringify(value),
  );

  test('parseBundle gives an envelope or one of its two codes', () => {
    const damaged = fc.tuple(
      fc.constantFrom(...samples),
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 }),
    );
    fc.assert(
      fc.property(damaged, ([text, flips]) => {
        const bytes = Buffer.from(text);
        for (const [at, byte] of flips) bytes[at % bytes.length] = byte;
        try {
          expect(JSON.stringify(parseBundle(bytes).json)).toBe(JSON.stringify(JSON.parse(bytes.toString())));
        } catch (thrown) {
          expect(isAirlockError(thrown) && thrown.code).toMatch(/^BUNDLE_(INVALID|UNSUPPORTED)$/);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('no field may be replaced by a value of another kind, or taken out where it counts', () => {
    const other = fc.oneof(
      fc.constant(null),
      fc.boolean(),
      fc.integer(),
      fc.constant([]),
      fc.constant({}),
      fc.constant({ x: 1 }),
    );
    const paths = (value: unknown, at: string[] = []): string[][] =>
      typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, inner]) => [[...at, key], ...paths(inner, [...at, key])])
        : [];
    const place = fc
      .constantFrom(...samples)
      .chain((text) => fc.tuple(fc.constant(text), fc.constantFrom(...paths(JSON.parse(text)))));
    fc.assert(
      fc.property(place, other, ([text, path], to) => {
        const value: unknown = JSON.parse(text);
        const name = path.at(-1) ?? '';
        // What may be absent may also be empty; nothing else may be anything but what it was.
        fc.pre(!['keyid', 'tlogEntries', 'timestampVerificationData', 'rfc3161Timestamps', 'hashes'].includes(name));
        expect(refusal(changed(value, path.join('.'), to))).toMatch(/^BUNDLE_INVALID /);
      }),
      { numRuns: 1000 },
    );
  });
});
