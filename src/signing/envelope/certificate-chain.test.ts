// Chains that belong to a key and chains that do not; certificates are made while the test runs.
import 'reflect-metadata';
import { createPrivateKey, generateKeyPairSync, webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseBundle } from '../../provenance/format/index.ts';
import { readPublicKey } from '../../provenance/signers/index.ts';
import { chainWarnings, checkChain, keyOfCertificate, keySigner, signEnvelope } from './index.ts';

type Pair = webcrypto.CryptoKeyPair;

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const day = 86_400_000;
const codeSigning = new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.3']);

async function issue(
  subject: string,
  keys: Pair,
  issuer: { subject: string; keys: Pair },
  { ca = false, days = [-1, 1], extensions = [] }: { ca?: boolean; days?: [number, number]; extensions?: x509.Extension[] } = {},
): Promise<Buffer> {
  const now = Date.now();
  const certificate = await x509.X509CertificateGenerator.create({
    subject: `CN=${subject}`,
    issuer: `CN=${issuer.subject}`,
    notBefore: new Date(now + days[0] * day),
    notAfter: new Date(now + days[1] * day),
    publicKey: keys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: algorithm,
    extensions: [new x509.BasicConstraintsExtension(ca), ...extensions],
  });
  return Buffer.from(certificate.rawData);
}

let keys: { root: Pair; middle: Pair; leaf: Pair };
let chain: { root: Buffer; middle: Buffer; leaf: Buffer };
let pem: Buffer;
beforeAll(async () => {
  x509.cryptoProvider.set(webcrypto);
  const make = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  keys = { root: await make(), middle: await make(), leaf: await make() };
  const root = { subject: 'root', keys: keys.root };
  const middle = { subject: 'middle', keys: keys.middle };
  chain = {
    root: await issue('root', keys.root, root, { ca: true }),
    middle: await issue('middle', keys.middle, root, { ca: true }),
    leaf: await issue('leaf', keys.leaf, middle, { extensions: [codeSigning] }),
  };
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.leaf.privateKey));
  pem = Buffer.from(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export({ type: 'pkcs8', format: 'pem' }));
});

describe('a key signer with certificates', () => {
  it('puts its chain into the bundle, the leaf first and without the root', async () => {
    const { root, middle, leaf } = chain;
    for (const certificates of [
      [leaf, middle],
      [leaf, middle, root],
    ]) {
      const bundle = await signEnvelope(Buffer.from('{}'), keySigner({ pem, certificates }));
      expect(parseBundle(bundle).material).toEqual({ kind: 'certificates', certificates: [leaf, middle], timestamps: [] });
    }
    const alone = await issue('leaf', keys.leaf, { subject: 'leaf', keys: keys.leaf });
    expect(keySigner({ pem, certificates: [alone] }).certificates).toEqual([alone]);
  });

  it('refuses a chain of another key, one that does not link, and too many', async () => {
    const { root, middle, leaf } = chain;
    const forged = await issue('middle', keys.root, { subject: 'root', keys: keys.root }, { ca: true });
    for (const [certificates, message] of [
      [[middle, root], /first certificate is not of the key/],
      [[leaf, root], /CN=root did not issue CN=leaf/],
      [[leaf, forged], /CN=middle did not issue CN=leaf/],
      [Array.from({ length: 11 }, () => leaf), /more than 10/],
      [[Buffer.from('x')], /cannot be read/],
    ] as const) {
      expect(() => keySigner({ pem, certificates })).toThrow(
        expect.objectContaining({ code: 'KEY_INVALID', message: expect.stringMatching(message) }),
      );
    }
  });
});

describe('checkChain() and keyOfCertificate()', () => {
  it('know a key by itself and not by its form', () => {
    const key = keyOfCertificate(chain.leaf);
    expect(checkChain([chain.leaf], key)).toEqual([chain.leaf]);
    const other = readPublicKey(
      Buffer.from(generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' })),
    );
    expect(() => checkChain([chain.leaf], other)).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }));
  });
});

describe('chainWarnings()', () => {
  it('tells what verifiers may refuse, each certificate by its name', async () => {
    expect(chainWarnings([chain.leaf, chain.middle], Date.now())).toEqual([]);
    expect(chainWarnings([chain.leaf, chain.middle], Date.now() + 2 * day)).toEqual([
      expect.stringMatching(/^CN=leaf expired on /),
      expect.stringMatching(/^CN=middle expired on /),
    ]);
    expect(chainWarnings([chain.leaf], Date.now() - 2 * day)).toEqual([expect.stringMatching(/^CN=leaf is not valid before /)]);
    expect(chainWarnings([chain.middle], Date.now())).toEqual([expect.stringContaining('is not for code signing')]);
    const server = new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.1']);
    const tls = await issue('tls', keys.leaf, { subject: 'root', keys: keys.root }, { extensions: [server] });
    expect(chainWarnings([tls], Date.now())).toHaveLength(1);
  });
});
