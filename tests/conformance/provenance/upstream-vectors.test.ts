// The bundles that the tool's own project keeps of each of its versions, where somebody has its source: AIRLOCK_MODEL_TRANSPARENCY names a checkout
// of sigstore/model-transparency. They are not ours to copy; history.test.ts makes the same forms without them.
import { createHash, X509Certificate } from 'node:crypto';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LegacyForm, SignerConfig } from '../../../src/config/index.ts';
import { makeAuthority, makeLeaf, type TestCertificate } from '../../support/certificates.ts';
import {
  hasModelSigning,
  ModelSigning,
  needsModelSigning,
  type PythonTrust,
  publicSigstore,
  trustConfigOf,
} from './model-signing.ts';
import { certificateEntry, keyEntry, type OurVerdict, ourVerdict } from './our-verdict.ts';

const vectors = join(process.env.AIRLOCK_MODEL_TRANSPARENCY ?? '/nonexistent', 'scripts/tests');
const hasVectors = existsSync(vectors);
const needsVectors = hasVectors ? '' : ' (skipped: AIRLOCK_MODEL_TRANSPARENCY names no checkout of sigstore/model-transparency)';

interface Row {
  readonly version: string;
  readonly method: 'certificate' | 'elliptic-key' | 'sigstore';
  /** The form that the signer has to be allowed; undefined where today's rules accept it. */
  readonly legacy?: LegacyForm;
  /** A file in the folder that nobody signed. */
  readonly hasExtra?: boolean;
  readonly isFile?: boolean;
}

const rows: readonly Row[] = [
  { version: 'v0.2.0', method: 'certificate', legacy: 'v0.2' },
  { version: 'v0.3.1', method: 'certificate' },
  { version: 'v0.3.1', method: 'elliptic-key', legacy: 'raw-public-key', isFile: true },
  { version: 'v0.3.1', method: 'sigstore' },
  { version: 'v1.0.0', method: 'certificate' },
  { version: 'v1.0.0', method: 'elliptic-key', legacy: 'raw-public-key', isFile: true },
  { version: 'v1.0.0', method: 'sigstore' },
  { version: 'v1.0.1', method: 'certificate', hasExtra: true },
  { version: 'v1.0.1', method: 'elliptic-key', legacy: 'raw-public-key', hasExtra: true },
  { version: 'v1.0.1', method: 'sigstore', hasExtra: true },
  { version: 'v1.1.0', method: 'certificate' },
  { version: 'v1.1.0', method: 'elliptic-key' },
  { version: 'v1.1.0', method: 'sigstore' },
];

const identity = 'stefanb@us.ibm.com';
const issuer = 'https://sigstore.verify.ibm.com/oauth2';
const certificateOnly = { kind: 'certificate', intermediates: [], crls: [], timestampAuthorities: [], accept: ['v0.2'] } as const;
const inKeys = (name: string): string => join(vectors, 'keys/certificate', name);

describe.skipIf(!hasVectors || !hasModelSigning)(`upstream's own bundles${needsVectors}${needsModelSigning}`, () => {
  let folder: string;
  let python: ModelSigning;
  let authority: TestCertificate;

  beforeAll(() => {
    authority = makeAuthority({ name: 'another root' });
    folder = mkdtempSync(join(tmpdir(), 'airlock-vectors-'));
    python = new ModelSigning();
    const { trustedRoot } = publicSigstore();
    writeFileSync(join(folder, 'root.pem'), authority.pem);
    writeFileSync(join(folder, 'trusted_root.json'), trustedRoot);
    writeFileSync(join(folder, 'trust_config.json'), trustConfigOf(trustedRoot));
  });
  afterAll(() => {
    python?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function ourTrust({ method }: Row, accept: readonly LegacyForm[]): SignerConfig {
    if (method === 'elliptic-key') return keyEntry(inKeys('signing-key-pub.pem'), ...accept);
    if (method === 'sigstore')
      return { kind: 'sigstore', trustedRoot: join(folder, 'trusted_root.json'), identity, issuer, accept };
    return certificateEntry(join(folder, 'root.pem'), ...accept);
  }

  /** Upstream's leaf has no name to compare, so by its key. */
  function upstreamEntry(): SignerConfig {
    const { publicKey } = new X509Certificate(readFileSync(inKeys('signing-key-cert.pem')));
    const spkiSha256 = createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex');
    const roots = [inKeys('ca-cert.pem')];
    return { ...certificateOnly, roots, identity: { spkiSha256 } };
  }

  /** The same signature with a chain of ours for the same key. Upstream's leaf says that it is an authority, which no leaf of ours may be. */
  function certifiedAgain(bundle: string): string {
    const { publicKey } = new X509Certificate(readFileSync(inKeys('signing-key-cert.pem')));
    const keys = { publicKey, privateKey: authority.keys.privateKey };
    const leaf = makeLeaf({ name: 'leaf', issuer: authority, keys, emails: ['release@example.com'] });
    const chain = { certificates: [{ rawBytes: leaf.der.toString('base64') }] };
    const { verificationMaterial, ...rest } = JSON.parse(bundle);
    return JSON.stringify({ ...rest, verificationMaterial: { ...verificationMaterial, x509CertificateChain: chain } });
  }

  function pythonTrust({ method }: Row): PythonTrust {
    if (method === 'elliptic-key') return { publicKey: inKeys('signing-key-pub.pem') };
    if (method === 'certificate') return { roots: [inKeys('ca-cert.pem')] };
    return { trustConfig: join(folder, 'trust_config.json'), identity, issuer };
  }

  it.each(rows)('$version, $method', async (row) => {
    const place = join(folder, `${row.version}-${row.method}`);
    cpSync(join(vectors, `${row.version}-${row.method}`), place, { recursive: true });
    const signature = join(folder, `${row.version}-${row.method}.sig`);
    writeFileSync(signature, readFileSync(join(place, 'model.sig')));
    const model = row.isFile === true ? join(place, 'signme-1') : place;
    if (row.isFile !== true) expect(readdirSync(model)).toContain('signme-1');

    // The signature itself is no part of the model, and upstream's tests look away from what nobody signed.
    const away = ['model.sig', 'ignore-me'].flatMap((name) => ['--ignore-paths', join(place, name)]);
    expect(await python.verify(model, signature, pythonTrust(row), ...away)).toMatchObject({ accepted: true });

    if (row.method === 'certificate') {
      const refused = await ourVerdict(model, signature, upstreamEntry());
      expect(refused).toMatchObject({ code: 'SIGNER_UNTRUSTED', text: expect.stringContaining('is an authority') });
      writeFileSync(signature, certifiedAgain(readFileSync(signature, 'utf8')));
    }
    if (row.legacy !== undefined) expect((await ourVerdict(model, signature, ourTrust(row, []))).manifest).toBeUndefined();
    const verdict = await ourVerdict(model, signature, ourTrust(row, row.legacy === undefined ? [] : [row.legacy]));
    expect(shown(verdict)).toEqual(
      row.hasExtra === true ? { text: '', differences: ['extra ignore-me'] } : { text: '', differences: [] },
    );
  });
});

const shown = ({ text, differences }: OurVerdict): object => ({ text, differences });
