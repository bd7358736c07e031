// Key pairs for tests of signing, made once per run and never kept in a file of this repository.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';

/** Each curve with the hash that goes with it. */
export const signers = [
  ['P-256', 'sha256'],
  ['P-384', 'sha384'],
  ['P-521', 'sha512'],
] as const;

type Curve = (typeof signers)[number][0];

interface LoadedKey {
  /** PKCS#8. */
  readonly pem: Buffer;
  readonly publicKey: KeyObject;
  readonly publicPem: Buffer;
}

const keys = new Map<Curve, LoadedKey>();

/** The key of this run on `curve`. */
export function loadedKey(curve: Curve): LoadedKey {
  const known = keys.get(curve);
  if (known !== undefined) return known;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve });
  const pem = Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const key = { pem, publicKey, publicPem: Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })) };
  keys.set(curve, key);
  return key;
}
