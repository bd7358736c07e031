// Reads the public keys that signers are pinned to, and says under which names bundles know them. Accepts three curves and
// nothing else, and must never accept a private key: one that lies where the server reads it is a mistake to be told, not to be
// served with.
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { AirlockError, printable } from '../../core/index.ts';
import { readElement, tags } from './der.ts';
import { readPem } from './pem.ts';

/** A key that may sign: which hash goes with it is fixed by its curve, so nothing in a bundle can choose one. */
export interface PublicKey {
  readonly key: KeyObject;
  readonly curve: 'P-256' | 'P-384' | 'P-521';
  readonly hash: 'sha256' | 'sha384' | 'sha512';
  /** What bundles call this key: SHA-256, in hex, of its SubjectPublicKeyInfo as PEM text. */
  readonly hint: string;
  /** SHA-256, in hex, of its SubjectPublicKeyInfo as DER, the point uncompressed and the curve by name. */
  readonly keyId: string;
}

const maxPemBytes = 65_536;

const curves: ReadonlyMap<unknown, Pick<PublicKey, 'curve' | 'hash'>> = new Map([
  ['prime256v1', { curve: 'P-256', hash: 'sha256' }],
  ['secp384r1', { curve: 'P-384', hash: 'sha384' }],
  ['secp521r1', { curve: 'P-521', hash: 'sha512' }],
]);

/**
 * One PEM block with a SubjectPublicKeyInfo on P-256, P-384 or P-521, at most 64 KiB; CRLF, compressed points and curves
 * written out as parameters are fine. KEY_INVALID with what it is instead.
 */
export function readPublicKey(pem: Buffer): PublicKey {
  if (pem.length > maxPemBytes) {
    throw keyError(`a public key takes at most ${maxPemBytes} bytes, got ${pem.length}`);
  }
  const blocks = readPem(pem);
  const [block] = blocks;
  if (block === undefined || blocks.length > 1) {
    throw keyError(`expected one PEM block "PUBLIC KEY", got ${blocks.length === 0 ? 'no PEM' : `${blocks.length} blocks`}`);
  }
  if (block.label !== 'PUBLIC KEY') {
    throw keyError(`expected a PEM block "PUBLIC KEY", got "${printable(block.label)}"`);
  }
  return publicKeyFromSpki(block.der);
}

/** The same for the DER of a SubjectPublicKeyInfo, as a certificate holds it. KEY_INVALID. */
export function publicKeyFromSpki(spki: Buffer): PublicKey {
  let given: KeyObject;
  try {
    // OpenSSL ignores what follows the structure; two files that differ must not be one key.
    readElement(spki, tags.sequence);
    given = createPublicKey({ key: spki, format: 'der', type: 'spki' });
  } catch (cause) {
    throw keyError('the public key is not well formed', cause);
  }
  const found = curves.get(given.asymmetricKeyDetails?.namedCurve);
  if (found === undefined) {
    throw keyError(`only keys on P-256, P-384 and P-521 may sign, got ${keyName(given)}`);
  }
  // The hint is over PEM text, and OpenSSL writes a point in the form in which it was read; a JWK has no such forms.
  const key = createPublicKey({ key: given.export({ format: 'jwk' }), format: 'jwk' });
  return {
    ...found,
    key,
    hint: sha256(key.export({ type: 'spki', format: 'pem' })),
    keyId: sha256(key.export({ type: 'spki', format: 'der' })),
  };
}

function keyName(key: KeyObject): string {
  const type = String(key.asymmetricKeyType);
  return type === 'ec' ? `the curve ${printable(String(key.asymmetricKeyDetails?.namedCurve))}` : printable(type);
}

function sha256(bytes: string | Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function keyError(message: string, cause?: unknown): AirlockError {
  return new AirlockError('KEY_INVALID', { message, cause });
}
