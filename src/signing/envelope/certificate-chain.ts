// Whether certificates are the chain of a key, before they go into a bundle. It saves the signer a surprise; what counts is the check of
// the verifier, in src/provenance/signers, which has roots and a policy.
import { X509Certificate } from 'node:crypto';
import { AirlockError, printable } from '../../core/index.ts';
import { type PublicKey, readPublicKey } from '../../provenance/signers/index.ts';

const codeSigning = '1.3.6.1.5.5.7.3.3';
/** As many as the parser of bundles takes. */
const maxCertificates = 10;

/**
 * The chain as a bundle holds it: without a self-signed root at its end, which verifiers have or do not trust.
 * @param certificates DER; the first must be of `publicKey`, each further one must have issued the one before
 * @throws KEY_INVALID
 */
export function checkChain(certificates: readonly Buffer[], publicKey: PublicKey): readonly Buffer[] {
  if (certificates.length > maxCertificates) throw refusal(`The chain has more than ${maxCertificates} certificates`);
  const chain = certificates.map(parse);
  if (keyOfCertificate(certificates[0]).keyId !== publicKey.keyId)
    throw refusal('The first certificate is not of the key that signs');
  for (let at = 1; at < chain.length; at++) {
    const [issued, issuer] = [chain[at - 1], chain[at]];
    if (!issued.checkIssued(issuer) || !issued.verify(issuer.publicKey))
      throw refusal(`The chain does not link: ${nameOf(issuer)} did not issue ${nameOf(issued)}`);
  }
  const last = chain[chain.length - 1];
  const endsInRoot = chain.length > 1 && last.checkIssued(last);
  return endsInRoot ? certificates.slice(0, -1) : certificates;
}

/** @throws KEY_INVALID when the certificate cannot be read, or its key cannot sign models */
export function keyOfCertificate(der: Buffer): PublicKey {
  return readPublicKey(Buffer.from(parse(der).publicKey.export({ type: 'spki', format: 'pem' })));
}

/** What verifiers may refuse about a chain that is right otherwise; texts for people. */
export function chainWarnings(certificates: readonly Buffer[], nowMs: number): string[] {
  return certificates.flatMap((der, at) => {
    const certificate = parse(der);
    const warnings: string[] = [];
    if (nowMs < Date.parse(certificate.validFrom))
      warnings.push(`${nameOf(certificate)} is not valid before ${certificate.validFrom}`);
    if (nowMs > Date.parse(certificate.validTo)) warnings.push(`${nameOf(certificate)} expired on ${certificate.validTo}`);
    if (at === 0 && !certificate.keyUsage?.includes(codeSigning))
      warnings.push(`${nameOf(certificate)} is not for code signing (extended key usage), which airlock verify asks for`);
    return warnings;
  });
}

function parse(der: Buffer): X509Certificate {
  try {
    return new X509Certificate(der);
  } catch {
    throw refusal('A certificate cannot be read');
  }
}

function nameOf({ subject, serialNumber }: X509Certificate): string {
  return printable(subject?.replaceAll('\n', ', ') ?? `the certificate ${serialNumber}`, 200);
}

function refusal(message: string): AirlockError {
  return new AirlockError('KEY_INVALID', { message });
}
