// Signs with a private key that is in this process, alone or for the certificate of that key.
import { sign } from 'node:crypto';
import { checkChain } from './certificate-chain.ts';
import type { EnvelopeSigner } from './envelope-signer.ts';
import { readPrivateKey } from './private-key.ts';

export interface KeySignerOptions {
  /** PKCS#8, encrypted PKCS#8 or SEC1. */
  readonly pem: Buffer;
  /** Needed for an encrypted key. */
  readonly passphrase?: Buffer | undefined;
  /** DER; the first is of this key, each further one of the issuer of the one before. Default none: verifiers know the key itself. */
  readonly certificates?: readonly Buffer[] | undefined;
}

/** @throws KEY_INVALID when the key cannot be used, or the certificates are not its chain */
export function keySigner({ pem, passphrase, certificates = [] }: KeySignerOptions): EnvelopeSigner {
  const { key, publicKey } = readPrivateKey(pem, passphrase);
  return {
    publicKey,
    certificates: certificates.length === 0 ? [] : checkChain(certificates, publicKey),
    async sign(preAuthEncoding) {
      return sign(publicKey.hash, preAuthEncoding, { key, dsaEncoding: 'der' });
    },
  };
}
