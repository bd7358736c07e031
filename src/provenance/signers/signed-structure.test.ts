import { createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { algorithmOf, ecKeys, type KeyPair } from '../../../tests/support/certificates.ts';
import { der, integer, nothing, oid, sequence } from '../../../tests/support/der-writer.ts';
import { readElement } from './der.ts';
import { isSignedBy, isStrong } from './signed-structure.ts';

const body = Buffer.from('a body');
const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const ec = ecKeys();
const edwards = generateKeyPairSync('ed25519');
const oids = {
  rsaSha256: '1.2.840.113549.1.1.11',
  ecSha256: '1.2.840.10045.4.3.2',
  rsa: '1.2.840.113549.1.1.1',
  edwards: '1.3.101.112',
};

function holds(
  { privateKey, publicKey }: KeyPair,
  algorithm: Buffer,
  hash?: string,
  signWith: string | undefined = 'sha256',
): boolean {
  const signature = sign(privateKey.asymmetricKeyType === 'ed25519' ? undefined : signWith, body, privateKey);
  return isSignedBy({ body, algorithm: readElement(algorithm, 0x30), signature }, publicKey, hash);
}

describe('isSignedBy', () => {
  test('takes RSA with and without NULL, and the others without', () => {
    expect(holds(rsa, sequence(oid(oids.rsaSha256), nothing()))).toBe(true);
    expect(holds(rsa, sequence(oid(oids.rsaSha256)))).toBe(true);
    expect(holds(ec, sequence(oid(oids.ecSha256)))).toBe(true);
    expect(holds(edwards, sequence(oid(oids.edwards)))).toBe(true);
  });

  test('takes plain RSA only where the hash is said elsewhere', () => {
    const plain = sequence(oid(oids.rsa), nothing());
    expect(holds(rsa, plain, 'sha256')).toBe(true);
    expect(holds(rsa, plain, 'sha384')).toBe(false);
    expect(holds(rsa, plain)).toBe(false);
    expect(holds(ec, plain, 'sha256')).toBe(false);
  });

  test.each<[string, KeyPair, Buffer]>([
    ['parameters of ECDSA', ec, sequence(oid(oids.ecSha256), nothing())],
    ['a NULL that holds something', rsa, sequence(oid(oids.rsaSha256), der(5, Buffer.from([0])))],
    ['an algorithm of another key', ec, sequence(oid(oids.rsaSha256), nothing())],
    ['an unknown algorithm', ec, sequence(oid('1.2.3'))],
    ['an unknown algorithm with parameters', ec, sequence(oid('1.2.3'), nothing())],
  ])('refuses %s', (_, keys, algorithm) => {
    expect(holds(keys, algorithm)).toBe(false);
  });

  test('refuses MD5, SHA-1, SHA-224 and RSASSA-PSS, whose signatures Node would accept', () => {
    for (const [id, hash] of [
      ['1.2.840.113549.1.1.4', 'md5'],
      ['1.2.840.113549.1.1.5', 'sha1'],
      ['1.2.840.113549.1.1.14', 'sha224'],
      ['1.2.840.113549.1.1.10', 'sha256'],
    ]) {
      expect(holds(rsa, sequence(oid(id), nothing()), undefined, hash)).toBe(false);
    }
    expect(holds(ec, sequence(oid('1.2.840.10045.4.1')), undefined, 'sha1')).toBe(false);
    expect(() => holds(rsa, sequence(oid(oids.rsaSha256), integer(1)))).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }));
  });

  test('refuses a signature by another key, and over another body', () => {
    const algorithm = readElement(algorithmOf(ec.publicKey, 'sha256'), 0x30);
    const signature = sign('sha256', body, ec.privateKey);
    expect(isSignedBy({ body, algorithm, signature }, ec.publicKey)).toBe(true);
    expect(isSignedBy({ body, algorithm, signature }, ecKeys().publicKey)).toBe(false);
    expect(isSignedBy({ body: Buffer.from('x'), algorithm, signature }, ec.publicKey)).toBe(false);
  });
});

test('isStrong takes three curves, Ed25519, and RSA from 2,048 bits', () => {
  const rsaOf = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength }).publicKey;
  expect([ec, ecKeys('P-384'), ecKeys('P-521'), rsa, edwards].map(({ publicKey }) => isStrong(publicKey))).not.toContain(false);
  const weak = [rsaOf(1_024), ecKeys('secp256k1').publicKey, ecKeys('secp224r1').publicKey];
  const slowExponent = Buffer.alloc(256, 0x7f).toString('base64url');
  const slow = createPublicKey({ key: { ...rsa.publicKey.export({ format: 'jwk' }), e: slowExponent }, format: 'jwk' });
  expect(isStrong(slow)).toBe(false);
  const strange = [generateKeyPairSync('ed448').publicKey, generateKeyPairSync('x25519').publicKey];
  expect([...weak, ...strange].map(isStrong)).not.toContain(true);
});
