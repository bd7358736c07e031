// Envelopes signed by every kind of key, checked with node:crypto and with the verifier's own reader, and everything that may not come out.
import { createHash, generateKeyPairSync, sign, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loadedKey, signers } from '../../../tests/support/signing-keys.ts';
import { dssePayloadType, parseBundle, preAuthEncoding } from '../../provenance/format/index.ts';
import { derFromRaw, keySigner, readPrivateKey, signEnvelope } from './index.ts';

const payload = Buffer.from('{"_type":"anything"}');

describe('signEnvelope()', () => {
  it.each(signers)('signs with a key on %s, so that its public key verifies what the parser reads', async (curve, hash) => {
    const { pem, publicKey } = loadedKey(curve);
    const bundle = await signEnvelope(payload, keySigner({ pem }));
    const { material, payload: kept, payloadType, signature } = parseBundle(bundle);
    expect(kept).toEqual(payload);
    expect(payloadType).toBe(dssePayloadType);
    expect(verify(hash, preAuthEncoding(payloadType, kept), { key: publicKey, dsaEncoding: 'der' }, signature)).toBe(true);
    // The hint is what `sha256sum key.pub` prints.
    const spki = publicKey.export({ type: 'spki', format: 'pem' });
    expect(material).toEqual({ kind: 'publicKey', hint: createHash('sha256').update(spki).digest('hex'), rawPem: undefined });
  });

  it('lets nothing out that was signed by another key, or is no signature', async () => {
    const right = keySigner({ pem: loadedKey('P-256').pem });
    const wrong = keySigner({
      pem: Buffer.from(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type: 'pkcs8', format: 'pem' })),
    });
    for (const made of [() => wrong.sign(payload), async () => Buffer.from('junk'), async () => Buffer.alloc(0)]) {
      await expect(signEnvelope(payload, { ...right, sign: made })).rejects.toMatchObject({ code: 'SIGNING_FAILED' });
    }
  });

  it('lets nothing out that the parser would refuse', async () => {
    const signer = keySigner({ pem: loadedKey('P-256').pem });
    await expect(signEnvelope(payload, { ...signer, certificates: [Buffer.alloc(20_000, 1)] })).rejects.toMatchObject({
      code: 'BUNDLE_INVALID',
    });
    await expect(signEnvelope(Buffer.alloc(0), signer)).rejects.toMatchObject({ code: 'BUNDLE_INVALID' });
  });
});

describe('readPrivateKey()', () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const encrypted = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'open sesame' });
  const read = (pem: string | Buffer, passphrase?: string) =>
    readPrivateKey(Buffer.from(pem as string), passphrase === undefined ? undefined : Buffer.from(passphrase)).publicKey.curve;

  it('takes PKCS#8, encrypted PKCS#8 and SEC1, also after the parameters that openssl ecparam writes', () => {
    expect(read(privateKey.export({ type: 'pkcs8', format: 'pem' }))).toBe('P-384');
    expect(read(encrypted, 'open sesame')).toBe('P-384');
    const sec1 = privateKey.export({ type: 'sec1', format: 'pem' });
    expect(read(sec1)).toBe('P-384');
    expect(read(`-----BEGIN EC PARAMETERS-----\nBgUrgQQAIg==\n-----END EC PARAMETERS-----\n${sec1}`)).toBe('P-384');
    // A passphrase in the environment must not make a plain key unusable.
    expect(read(sec1, 'not needed')).toBe('P-384');
  });

  const pem = (label: string, headers = '') => `-----BEGIN ${label}-----\n${headers}AAAA\n-----END ${label}-----\n`;
  it.each([
    ['a wrong passphrase', encrypted, 'wrong', /passphrase is wrong/],
    ['no passphrase', encrypted, undefined, /encrypted, and no passphrase/],
    ['a cosign key', pem('ENCRYPTED COSIGN PRIVATE KEY'), 'x', /cosign/],
    ['a sigstore key', pem('ENCRYPTED SIGSTORE PRIVATE KEY'), 'x', /cosign/],
    ['an OpenSSH key', pem('OPENSSH PRIVATE KEY'), undefined, /ssh-keygen/],
    ['a key under the old encryption', pem('EC PRIVATE KEY', 'Proc-Type: 4,ENCRYPTED\n'), 'x', /openssl pkcs8/],
    ['a damaged key', pem('PRIVATE KEY'), undefined, /cannot be read/],
    ['a public key', pem('PUBLIC KEY'), undefined, /no private key/],
    ['nothing', '', undefined, /no private key/],
    ['an Ed25519 key', generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }), undefined, /ed25519/],
    [
      'a key on secp256k1',
      generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
      undefined,
      /secp256k1/,
    ],
    [
      'an RSA key',
      generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }),
      undefined,
      /rsa/,
    ],
  ])('refuses %s', (_what, text, passphrase, message) => {
    expect(() => read(text, passphrase)).toThrow(
      expect.objectContaining({ code: 'KEY_INVALID', message: expect.stringMatching(message) }),
    );
  });

  it('says nothing of what it read', () => {
    const secret = pem('PRIVATE KEY').replace('AAAA', 'c2VjcmV0');
    expect.assertions(2);
    try {
      read(secret);
    } catch (thrown) {
      expect(String(thrown)).not.toContain('c2VjcmV0');
      expect(thrown).not.toHaveProperty('cause');
    }
  });
});

describe('derFromRaw()', () => {
  it.each(signers)('writes what OpenSSL writes on %s', (curve, hash) => {
    const { pem } = loadedKey(curve);
    const { key } = readPrivateKey(pem);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (message) => {
        const raw = sign(hash, message, { key, dsaEncoding: 'ieee-p1363' });
        const der = derFromRaw(raw, curve);
        expect(der !== undefined && verify(hash, message, { key: loadedKey(curve).publicKey, dsaEncoding: 'der' }, der)).toBe(
          true,
        );
      }),
      { numRuns: 30 },
    );
  });

  it('keeps integers minimal and positive, and refuses other lengths', () => {
    const raw = Buffer.concat([Buffer.alloc(31), Buffer.from([0x80]), Buffer.alloc(32)]);
    expect(derFromRaw(raw, 'P-256')).toEqual(Buffer.from('3007020200800201' + '00', 'hex'));
    expect(derFromRaw(Buffer.alloc(132, 255), 'P-521')?.subarray(0, 6)).toEqual(Buffer.from('30818a024300', 'hex'));
    expect(derFromRaw(Buffer.alloc(63), 'P-256')).toBeUndefined();
    expect(derFromRaw(Buffer.alloc(64), 'P-384')).toBeUndefined();
  });
});
