// New keys: who can read them, that they sign, and that nothing is written over.
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { signers } from '../../tests/support/signing-keys.ts';
import { keySigner, signEnvelope } from './envelope/index.ts';
import { generateKeys } from './generate-keys.ts';
import { inspectKey } from './inspect-key.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const nobody = async () => undefined;

describe('generateKeys()', () => {
  it.each(signers)('makes a pair on %s that signs, with the private key for its owner only', async (curve) => {
    const passphrase = Buffer.from('pässword');
    const made = await generateKeys({ file: join(folder, 'release.pem'), curve, passphrase });
    expect(made.publicFile).toBe(join(folder, 'release.pub'));
    expect(statSync(made.privateFile).mode & 0o777).toBe(0o600);
    const pem = readFileSync(made.privateFile);
    expect(pem.toString()).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----\n/);
    expect(() => keySigner({ pem })).toThrow();
    const signer = keySigner({ pem, passphrase });
    expect(signer.publicKey.hint).toBe(createHash('sha256').update(readFileSync(made.publicFile)).digest('hex'));
    await expect(signEnvelope(Buffer.from('{}'), signer)).resolves.toBeInstanceOf(Buffer);
  });

  it.each([
    ['release.pem', 'release.pub'],
    ['release.key', 'release.pub'],
    ['release', 'release.pub'],
    ['a.pem.x', 'a.pem.x.pub'],
  ])('puts the public half of %s into %s', async (name, expected) => {
    await generateKeys({ file: join(folder, name), passphrase: undefined });
    expect(readdirSync(folder).sort()).toEqual([name, expected].sort());
  });

  it('writes over nothing, and leaves no half of a pair', async () => {
    writeFileSync(join(folder, 'a.pub'), 'mine');
    await expect(generateKeys({ file: join(folder, 'a.pem'), passphrase: undefined })).rejects.toMatchObject({
      code: 'USAGE',
      message: 'a.pub exists already: a key is never written over',
    });
    writeFileSync(join(folder, 'b'), 'mine');
    await expect(generateKeys({ file: join(folder, 'b'), passphrase: undefined })).rejects.toMatchObject({ code: 'USAGE' });
    await expect(generateKeys({ file: join(folder, 'none', 'c'), passphrase: undefined })).rejects.toMatchObject({
      message: 'c could not be written',
    });
    expect(readdirSync(folder).sort()).toEqual(['a.pub', 'b']);
  });
});

describe('inspectKey()', () => {
  it('tells the public half of a private key, and of an encrypted one only with its passphrase', async () => {
    const passphrase = Buffer.from('secret');
    const { publicKey, privateFile, publicFile } = await generateKeys({ file: join(folder, 'k'), passphrase });
    const pem = readFileSync(privateFile);
    expect(publicFile).toBe(join(folder, 'k.pub'));
    await expect(inspectKey(readFileSync(publicFile), nobody)).resolves.toMatchObject([
      { kind: 'public key', publicKey: { curve: 'P-256', hint: publicKey.hint, keyId: publicKey.keyId } },
    ]);
    await expect(inspectKey(pem, nobody)).resolves.toEqual([{ kind: 'private key', encrypted: true, publicKey: undefined }]);
    await expect(inspectKey(pem, async () => passphrase)).resolves.toMatchObject([
      { kind: 'private key', encrypted: true, publicKey: { keyId: publicKey.keyId } },
    ]);
    await expect(inspectKey(pem, async () => Buffer.from('wrong'))).rejects.toMatchObject({ code: 'KEY_INVALID' });
    const plain = await generateKeys({ file: join(folder, 'plain'), passphrase: undefined });
    await expect(inspectKey(readFileSync(plain.privateFile), nobody)).resolves.toMatchObject([
      { encrypted: false, publicKey: { keyId: plain.publicKey.keyId } },
    ]);
  });

  it('refuses what is neither', async () => {
    await expect(inspectKey(Buffer.from('nothing'), nobody)).rejects.toMatchObject({ code: 'KEY_INVALID' });
  });
});
