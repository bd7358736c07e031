// Reads a private key for signing. Its bytes go to OpenSSL and nowhere else: no message, log or result of this file holds any of them.
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { AirlockError } from '../../core/index.ts';
import { type PublicKey, readPublicKey } from '../../provenance/signers/index.ts';

export interface PrivateKey {
  readonly key: KeyObject;
  readonly publicKey: PublicKey;
}

/** Labels of keys that people have and that cannot be used as they are, each with the way out. */
const foreignKeys: readonly (readonly [label: string, advice: string])[] = [
  [
    'ENCRYPTED COSIGN PRIVATE KEY',
    "This is cosign's own form of an encrypted key; call cosign by --signer, or sign with a PKCS#8 key",
  ],
  [
    'ENCRYPTED SIGSTORE PRIVATE KEY',
    "This is cosign's own form of an encrypted key; call cosign by --signer, or sign with a PKCS#8 key",
  ],
  ['OPENSSH PRIVATE KEY', "This is OpenSSH's own form of a key; convert a copy with `ssh-keygen -p -m PKCS8 -f COPY`"],
];

/** True when the PEM text is an encrypted PKCS#8 key, so that reading it takes a passphrase. */
export function isEncryptedKey(pem: Buffer): boolean {
  return pem.includes('-----BEGIN ENCRYPTED PRIVATE KEY-----');
}

/**
 * Reads one EC key (P-256, P-384 or P-521) in PKCS#8, encrypted PKCS#8 or SEC1, as PEM.
 * @param passphrase for an encrypted key; not looked at for any other
 * @throws KEY_INVALID
 */
export function readPrivateKey(pem: Buffer, passphrase?: Buffer): PrivateKey {
  for (const [label, advice] of foreignKeys) {
    if (pem.includes(`-----BEGIN ${label}-----`)) throw refusal(advice);
  }
  // Its key derivation is one round of MD5.
  if (pem.includes('Proc-Type: 4,ENCRYPTED'))
    throw refusal("The key is encrypted in OpenSSL's old form; convert it with `openssl pkcs8 -topk8 -in OLD.pem -out NEW.pem`");
  const isEncrypted = isEncryptedKey(pem);
  if (isEncrypted && passphrase === undefined) throw refusal('The key is encrypted, and no passphrase was given');
  if (!pem.includes('PRIVATE KEY-----')) throw refusal('There is no private key in PEM form in the file');
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, format: 'pem', ...(isEncrypted && passphrase !== undefined && { passphrase }) });
  } catch {
    // No cause: what OpenSSL says about a key is nobody's business.
    throw refusal(
      isEncrypted ? 'The key cannot be read: the passphrase is wrong, or the file is damaged' : 'The key cannot be read',
    );
  }
  const spki = createPublicKey(key).export({ type: 'spki', format: 'pem' });
  return { key, publicKey: readPublicKey(Buffer.from(spki)) };
}

function refusal(message: string): AirlockError {
  return new AirlockError('KEY_INVALID', { message });
}
