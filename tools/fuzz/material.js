// Keys, certificates, a revocation list and a time stamp, made anew for each run, and the bundles that they sign. Nothing of it
// is kept.
import 'reflect-metadata';
import { createHash, createPublicKey, generateKeyPairSync, KeyObject, sign, webcrypto } from 'node:crypto';
import { createRequire } from 'node:module';
import * as x509 from '@peculiar/x509';
import {
  bundleMediaType,
  dssePayloadType,
  makeManifest,
  modelSignatureType,
  preAuthEncoding,
  statementType,
} from '../../dist/provenance/format/index.js';

x509.cryptoProvider.set(webcrypto);
const { initializeTSA } = createRequire(import.meta.url)('@sigstore/mock');

const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 86_400_000;
const { KeyUsageFlags } = x509;

const newKeys = () => webcrypto.subtle.generateKey(ecdsa, true, ['sign', 'verify']);
const validity = () => ({ notBefore: new Date(Date.now() - dayMs), notAfter: new Date(Date.now() + 30 * dayMs) });
const pem = (certificate) => certificate.toString('pem');

async function issue(subject, keys, issuer, extensions) {
  return x509.X509CertificateGenerator.create({
    serialNumber: createHash('sha256').update(subject).digest('hex').slice(0, 16),
    subject,
    issuer: issuer.subject,
    publicKey: keys.publicKey,
    signingKey: issuer.keys.privateKey,
    signingAlgorithm: ecdsa,
    ...validity(),
    extensions: [...extensions, await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)],
  });
}

/** A root, an intermediate and a leaf for code, with a revocation list of each authority and an authority for time stamps. */
export async function makeAuthorities() {
  const [rootKeys, middleKeys, leafKeys] = await Promise.all([newKeys(), newKeys(), newKeys()]);
  const authority = (pathLength) => [
    new x509.BasicConstraintsExtension(true, pathLength, true),
    new x509.KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
  ];
  const rootIssuer = { subject: 'CN=fuzz root', keys: rootKeys };
  const middleIssuer = { subject: 'CN=fuzz middle', keys: middleKeys };
  const root = await issue('CN=fuzz root', rootKeys, rootIssuer, authority(1));
  const middle = await issue('CN=fuzz middle', middleKeys, rootIssuer, authority(0));
  const leaf = await issue('CN=fuzz leaf', leafKeys, middleIssuer, [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.3'], false),
    new x509.SubjectAlternativeNameExtension([{ type: 'email', value: 'release@example.com' }]),
  ]);
  const listOf = (issuer) =>
    x509.X509CrlGenerator.create({
      issuer: issuer.subject,
      thisUpdate: new Date(Date.now() - dayMs),
      nextUpdate: new Date(Date.now() + dayMs),
      signingKey: issuer.keys.privateKey,
      signingAlgorithm: ecdsa,
      entries: [{ serialNumber: '77', revocationDate: new Date(Date.now() - dayMs), reason: x509.X509CrlReason.keyCompromise }],
    });
  const stamper = await initializeTSA(generateKeyPairSync('ec', { namedCurve: 'P-384' }));
  return {
    root: pem(root),
    lists: [await listOf(rootIssuer), await listOf(middleIssuer)].map((list) => Buffer.from(list.rawData)),
    chain: [leaf, middle].map((certificate) => Buffer.from(certificate.rawData)),
    leafKey: KeyObject.from(leafKeys.privateKey),
    stamperRoot: pem(new x509.X509Certificate(stamper.rootCertificate)),
    stamp: (signature) =>
      stamper.timestamp({
        artifactHash: createHash('sha256').update(signature).digest(),
        hashAlgorithmOID: '2.16.840.1.101.3.4.2.1',
        certReq: true,
        nonce: 1,
        policyOID: '1.2.3.4',
      }),
  };
}

/** The statement of a model with a few files, as a JSON value. */
export function makeStatement() {
  const digest = (name) => createHash('sha256').update(name).digest('hex');
  const names = ['saved_model.pb', 'variables/variables.index', 'assets/é', 'assets.extra/x'];
  const { files, root } = makeManifest(
    names.map((name) => ({ name, digest: digest(name) })),
    { ignored: [] },
  );
  return {
    _type: statementType,
    subject: [{ name: '1', digest: { sha256: root } }],
    predicateType: modelSignatureType,
    predicate: {
      serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false, ignore_paths: ['model.sig', '.git'] },
      resources: files.map(({ name, digest: hex }) => ({ name, algorithm: 'sha256', digest: hex })),
    },
  };
}

/** The bundle over `payload`, as a JSON value: by key where `chain` is undefined, otherwise by certificate with a time stamp. */
export async function makeBundle(payload, key, chain, stamp) {
  const signature = sign('sha256', preAuthEncoding(dssePayloadType, payload), key);
  const base64 = (bytes) => bytes.toString('base64');
  const spki = createPublicKey(key).export({ type: 'spki', format: 'pem' });
  const material =
    chain === undefined
      ? { publicKey: { hint: createHash('sha256').update(spki).digest('hex') } }
      : {
          x509CertificateChain: { certificates: chain.map((der) => ({ rawBytes: base64(der) })) },
          timestampVerificationData: { rfc3161Timestamps: [{ signedTimestamp: base64(await stamp(signature)) }] },
        };
  return {
    mediaType: bundleMediaType,
    verificationMaterial: { ...material, tlogEntries: [] },
    dsseEnvelope: { payload: base64(payload), payloadType: dssePayloadType, signatures: [{ sig: base64(signature), keyid: '' }] },
  };
}
