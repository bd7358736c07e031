// A signer who has a certificate: the leaf of the bundle must lead to a root of the trust section, be for the identity that it
// names, and have made the signature. The chain in the bundle is hostile input; roots, lists and authorities come from files
// that the operator named.
import type { CertificateSigner } from '../../config/index.ts';
import { AirlockError } from '../../core/index.ts';
import type { SignedEnvelope, SignerEvidence, TrustedSigner } from '../provenance-types.ts';
import { type Certificate, readCertificate } from './certificate.ts';
import { identityProblem } from './certificate-identity.ts';
import { certificateName, nameText } from './certificate-name.ts';
import { codeSigning, findPath } from './certificate-path.ts';
import { checkSignature } from './envelope-signature.ts';
import { type PublicKey, publicKeyFromSpki } from './public-key.ts';
import { type RevocationList, revocationProblem } from './revocation-list.ts';
import { untrusted } from './signer-error.ts';
import { trustedTime } from './time-stamp.ts';

/** What the entry's files hold. */
export interface CertificateTrust {
  readonly roots: readonly Certificate[];
  readonly intermediates: readonly Certificate[];
  /** Undefined where no lists were asked for. */
  readonly crls: readonly RevocationList[] | undefined;
  readonly timestampAuthorities: readonly Certificate[];
}

type Rules = Pick<CertificateSigner, 'accept' | 'notAfterMs' | 'identity'>;

/**
 * A signer that accepts what a certificate for `config.identity` signed. Certificates must be valid at the time that an
 * authority stamped, or now where no stamp counts; revocation lists are asked as of now, because a thief of a key may stamp
 * too.
 */
export function certificateSigner(name: string, config: Rules, trust: CertificateTrust): TrustedSigner {
  const rules = { signer: name, accept: config.accept, legacyHash: 'sha256', notAfterMs: config.notAfterMs };
  return {
    name,
    kind: 'certificate',
    accept: config.accept,
    verify(envelope: SignedEnvelope, nowMs: number): SignerEvidence {
      if (envelope.material.kind !== 'certificates') {
        throw untrusted(name, 'it signs with a certificate, and the bundle has none of a private authority');
      }
      const { timestamps } = envelope.material;
      const [leaf, ...given] = readChain(name, envelope.material.certificates);
      const wrong = identityProblem(config.identity, leaf);
      if (wrong !== undefined) {
        throw untrusted(name, wrong);
      }
      const key = readLeafKey(name, leaf);
      const legacy = checkSignature(envelope, key, rules, nowMs);
      const signedAtMs = trustedTime(envelope.signature, timestamps, trust.timestampAuthorities, nowMs);
      checkPath(name, trust, leaf, given, signedAtMs, nowMs);
      return {
        signer: name,
        kind: 'certificate',
        keyId: key.keyId,
        subject: nameText(leaf.subject),
        ...(signedAtMs !== undefined && { signedAtMs }),
        ...(legacy !== undefined && { legacy }),
      };
    },
  };
}

function readChain(name: string, certificates: readonly Buffer[]): Certificate[] {
  try {
    return certificates.map(readCertificate);
  } catch (error) {
    throw untrusted(name, `a certificate of the bundle cannot be read (${AirlockError.from(error).message})`, error);
  }
}

function readLeafKey(name: string, leaf: Certificate): PublicKey {
  try {
    return publicKeyFromSpki(leaf.spki);
  } catch (error) {
    throw untrusted(name, `the key of ${certificateName(leaf)} is not on P-256, P-384 or P-521`, error);
  }
}

function checkPath(
  name: string,
  trust: CertificateTrust,
  leaf: Certificate,
  given: readonly Certificate[],
  signedAtMs: number | undefined,
  nowMs: number,
): void {
  const { problem } = findPath({
    leaf,
    intermediates: [...trust.intermediates, ...given],
    roots: trust.roots,
    atMs: signedAtMs ?? nowMs,
    purpose: codeSigning,
    check: (path) => trust.crls && revocationProblem(path, trust.crls, nowMs),
  });
  if (problem !== undefined) {
    const unstamped = trust.timestampAuthorities.length > 0 && signedAtMs === undefined;
    throw untrusted(name, unstamped ? `${problem} (no time stamp of a trusted authority says when it was signed)` : problem);
  }
}
