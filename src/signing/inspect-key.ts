// Says what a file with a key or with certificates is, and under which names bundles and policies know it. Never shows anything of a private key
// but its public half.
import { X509Certificate } from 'node:crypto';
import { printable } from '../core/index.ts';
import { type PublicKey, readCertificates, readPublicKey } from '../provenance/signers/index.ts';
import { isEncryptedKey, keyOfCertificate, readPrivateKey } from './envelope/index.ts';

export interface InspectedKey {
  readonly kind: 'public key' | 'private key' | 'certificate';
  /** Undefined for an encrypted key without its passphrase, and for a certificate whose key cannot sign models. */
  readonly publicKey: PublicKey | undefined;
  /** Of a private key: whether its file is encrypted. */
  readonly encrypted?: boolean;
  readonly certificate?: InspectedCertificate;
}

/** Texts are printable. */
export interface InspectedCertificate {
  readonly subject: string;
  readonly issuer: string;
  /** As OpenSSL writes subject alternative names: `URI:https://…, email:…`. */
  readonly names: string;
  /** RFC 3339. */
  readonly notBefore: string;
  readonly notAfter: string;
  readonly isAuthority: boolean;
  /** Extended key usages as object identifiers. */
  readonly usages: readonly string[];
  /** SHA-256 of the DER, hex. */
  readonly sha256: string;
}

/**
 * One entry for a key, one per certificate for certificates (PEM or DER).
 * @param passphrase called when the key is encrypted; may give undefined, then only that is said
 * @throws KEY_INVALID
 */
export async function inspectKey(bytes: Buffer, passphrase: () => Promise<Buffer | undefined>): Promise<InspectedKey[]> {
  if (bytes.includes('PRIVATE KEY-----')) {
    const encrypted = isEncryptedKey(bytes);
    const secret = encrypted ? await passphrase() : undefined;
    const publicKey = encrypted && secret === undefined ? undefined : readPrivateKey(bytes, secret).publicKey;
    return [{ kind: 'private key', encrypted, publicKey }];
  }
  if (bytes.includes('-----BEGIN PUBLIC KEY-----')) return [{ kind: 'public key', publicKey: readPublicKey(bytes) }];
  return readCertificates(bytes).map(({ der }) => ({
    kind: 'certificate',
    publicKey: signingKeyOf(der),
    certificate: describe(new X509Certificate(der)),
  }));
}

/** Roots often have RSA keys: no reason to refuse to look at them. */
function signingKeyOf(der: Buffer): PublicKey | undefined {
  try {
    return keyOfCertificate(der);
  } catch {
    return undefined;
  }
}

function describe(certificate: X509Certificate): InspectedCertificate {
  const oneLine = (text: string | undefined) => printable((text ?? '').replaceAll('\n', ', '), 500);
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    names: oneLine(certificate.subjectAltName),
    notBefore: new Date(certificate.validFrom).toISOString(),
    notAfter: new Date(certificate.validTo).toISOString(),
    isAuthority: certificate.ca,
    usages: certificate.keyUsage ?? [],
    sha256: certificate.fingerprint256.replaceAll(':', '').toLowerCase(),
  };
}
