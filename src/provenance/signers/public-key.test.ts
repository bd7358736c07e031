import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, createPublicKey, ECDH, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AirlockError, isAirlockError } from '../../core/index.ts';
import { readPublicKey } from './public-key.ts';

const noOpenssl = spawnSync('openssl', ['version']).status !== 0;

function pemOf(curve: string): string {
  return generateKeyPairSync('ec', { namedCurve: curve }).publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

function refusal(pem: string | Buffer): string {
  try {
    readPublicKey(Buffer.from(pem));
  } catch (error) {
    expect(error).toBeInstanceOf(AirlockError);
    expect((error as AirlockError).code).toBe('KEY_INVALID');
    return (error as AirlockError).message;
  }
  throw new Error('was accepted');
}

describe('readPublicKey', () => {
  test.each([
    ['P-256', 'sha256'],
    ['P-384', 'sha384'],
    ['P-521', 'sha512'],
  ])('reads a key on %s, whose hash is %s', (curve, hash) => {
    const pem = pemOf(curve);
    const key = readPublicKey(Buffer.from(pem));
    expect(key).toMatchObject({ curve, hash });
    expect(key.hint).toBe(createHash('sha256').update(pem).digest('hex'));
    const der = createPublicKey(pem).export({ type: 'spki', format: 'der' });
    expect(key.keyId).toBe(createHash('sha256').update(der).digest('hex'));
  });

  test('gives one hint to all spellings of a key: CRLF, text around it, a compressed point', () => {
    const pem = pemOf('P-256');
    const { hint, keyId } = readPublicKey(Buffer.from(pem));
    expect(readPublicKey(Buffer.from(pem.replaceAll('\n', '\r\n')))).toMatchObject({ hint, keyId });
    expect(readPublicKey(Buffer.from(`the key of ci\n${pem}\n\n`))).toMatchObject({ hint, keyId });
    const der = createPublicKey(pem).export({ type: 'spki', format: 'der' });
    const point = ECDH.convertKey(der.subarray(-65), 'prime256v1', undefined, undefined, 'compressed') as Buffer;
    const header = Buffer.from(der.subarray(0, -65));
    header[1] = (header[1] ?? 0) - 32;
    header[header.length - 2] = (header.at(-2) ?? 0) - 32;
    const short = Buffer.concat([header, point]).toString('base64');
    const compressed = `-----BEGIN PUBLIC KEY-----\n${short}\n-----END PUBLIC KEY-----\n`;
    expect(readPublicKey(Buffer.from(compressed))).toMatchObject({ hint, keyId });
  });

  test.skipIf(noOpenssl)('gives the same hint to a curve that is written out as parameters (skipped without openssl)', () => {
    for (const curve of ['P-256', 'P-384', 'P-521']) {
      const pem = pemOf(curve);
      for (const form of ['compressed', 'uncompressed', 'hybrid']) {
        const options = ['ec', '-pubin', '-pubout', '-param_enc', 'explicit', '-conv_form', form];
        const explicit = execFileSync('openssl', options, { input: pem, stdio: 'pipe' });
        expect(readPublicKey(explicit).hint).toBe(readPublicKey(Buffer.from(pem)).hint);
      }
    }
  });

  test('refuses other kinds of keys by name', () => {
    expect(refusal(pemOf('secp256k1'))).toContain('secp256k1');
    const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' });
    expect(refusal(rsa)).toMatch(/P-256, P-384 and P-521.*rsa/);
    expect(refusal(generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }))).toContain('ed25519');
  });

  test('refuses a private key, a certificate, two keys, no key, and a large file', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect(refusal(privateKey.export({ type: 'pkcs8', format: 'pem' }))).toContain('"PRIVATE KEY"');
    expect(refusal(privateKey.export({ type: 'sec1', format: 'pem' }))).toContain('"EC PRIVATE KEY"');
    expect(refusal('-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n')).toContain('"CERTIFICATE"');
    expect(refusal(pemOf('P-256') + pemOf('P-256'))).toContain('2 blocks');
    expect(refusal('')).toContain('no PEM');
    expect(refusal(' '.repeat(65_537))).toContain('65536 bytes');
  });

  test('refuses a structure that something follows, and one that is none', () => {
    const der = createPublicKey(pemOf('P-256')).export({ type: 'spki', format: 'der' });
    const wrap = (bytes: Buffer) => `-----BEGIN PUBLIC KEY-----\n${bytes.toString('base64')}\n-----END PUBLIC KEY-----\n`;
    expect(refusal(wrap(Buffer.concat([der, Buffer.from([5, 0])])))).toContain('not well formed');
    expect(refusal(wrap(Buffer.from([0x30, 0])))).toContain('not well formed');
    const off = Buffer.from(der);
    off[off.length - 1] = (off.at(-1) ?? 0) ^ 1;
    expect(refusal(wrap(off))).toContain('not well formed');
  });

  test('gives nothing but a key or KEY_INVALID for any bytes', () => {
    const der = createPublicKey(pemOf('P-384')).export({ type: 'spki', format: 'der' });
    const changed = fc.tuple(fc.nat(der.length * 8 - 1), fc.nat(der.length)).map(([bit, cut]) => {
      const copy = Buffer.from(der);
      copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      return `-----BEGIN PUBLIC KEY-----\n${copy.subarray(0, cut || der.length).toString('base64')}\n-----END PUBLIC KEY-----`;
    });
    const before = readPublicKey(
      Buffer.from(`-----BEGIN PUBLIC KEY-----\n${der.toString('base64')}\n-----END PUBLIC KEY-----`),
    ).keyId;
    fc.assert(
      fc.property(fc.oneof(changed, fc.string(), fc.uint8Array().map(String)), (pem) => {
        try {
          expect(readPublicKey(Buffer.from(pem)).keyId).not.toBe(before);
        } catch (error) {
          if (!isAirlockError(error)) {
            throw error;
          }
          expect(error.code).toBe('KEY_INVALID');
        }
      }),
      { numRuns: 500 },
    );
  });
});
