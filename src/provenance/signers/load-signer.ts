// Makes a signer of its entry in the trust section: reads its files, refuses what cannot be used. After this no file is opened.
import type { CertificateSigner, SignerConfig } from '../../config/index.ts';
import { AirlockError } from '../../core/index.ts';
import type { TrustedSigner } from '../provenance-types.ts';
import { type Certificate, readCertificates } from './certificate.ts';
import { authorityProblem, codeSigning, timeStamping } from './certificate-path.ts';
import { type CertificateTrust, certificateSigner } from './certificate-signer.ts';
import { keySigner } from './key-signer.ts';
import { readPublicKey } from './public-key.ts';
import { readRevocationLists } from './revocation-list.ts';
import { readSignerFile } from './signer-file.ts';
import { timeStamperProblem } from './time-stamp.ts';

/**
 * The signer `name`. TRUST_INVALID names the key of airlock.yaml whose file cannot be used; a root that may not issue
 * certificates is one of these. Certificates and lists that are out of date are not: that is asked for each signature.
 */
export async function loadSigner(name: string, config: SignerConfig): Promise<TrustedSigner> {
  const place = `trust.signers.${name}`;
  switch (config.kind) {
    case 'key':
      return keySigner(name, config, await readSignerFile(`${place}.key`, config.publicKey, readPublicKey));
    case 'certificate':
      return certificateSigner(name, config, await readTrust(`${place}.certificate`, config));
    case 'sigstore': {
      // Its libraries take longer to load than anything else here, and most servers have no such signer.
      const { readTrustedRoot, sigstoreSigner } = await import('./sigstore-signer.ts');
      const read = (bytes: Buffer) => readTrustedRoot(bytes, config.trustedRootSha256);
      return sigstoreSigner(name, config, await readSignerFile(`${place}.sigstore.trustedRoot`, config.trustedRoot, read));
    }
  }
}

async function readTrust(place: string, config: CertificateSigner): Promise<CertificateTrust> {
  const crls = await readAll(`${place}.crls`, config.crls, readRevocationLists);
  return {
    roots: await readAll(`${place}.roots`, config.roots, readRoots),
    intermediates: await readAll(`${place}.intermediates`, config.intermediates, readCertificates),
    crls: config.crls.length === 0 ? undefined : crls,
    timestampAuthorities: await readAll(`${place}.timestampAuthorities`, config.timestampAuthorities, readAuthorities),
  };
}

/** All that lies in some files. */
async function readAll<T>(place: string, paths: readonly string[], read: (bytes: Buffer) => T[]): Promise<T[]> {
  const found: T[] = [];
  for (const [index, path] of paths.entries()) {
    found.push(...(await readSignerFile(`${place}[${index}]`, path, read)));
  }
  return found;
}

/** A root that could never end a path is a mistake that nobody would find in a refusal. */
function readRoots(bytes: Buffer): Certificate[] {
  return checked(readCertificates(bytes), (root) => authorityProblem(root, codeSigning));
}

/** Certificates that stamp, or authorities above them. */
function readAuthorities(bytes: Buffer): Certificate[] {
  return checked(readCertificates(bytes), (authority) =>
    authority.extensions.isCa ? authorityProblem(authority, timeStamping) : timeStamperProblem(authority),
  );
}

function checked(certificates: Certificate[], problemOf: (certificate: Certificate) => string | undefined): Certificate[] {
  const problem = certificates.map(problemOf).find((text) => text !== undefined);
  if (problem !== undefined) {
    throw new AirlockError('KEY_INVALID', { message: problem });
  }
  return certificates;
}
