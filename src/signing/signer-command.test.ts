// Commands that sign, well and badly. Each is a small program run by this very Node.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadedKey, signers } from '../../tests/support/signing-keys.ts';
import { signEnvelope } from './envelope/index.ts';
import { commandSigner } from './signer-command.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-signer-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const prelude = `
  const { readFileSync } = require('node:fs');
  const { sign } = require('node:crypto');
  const [key] = process.argv.slice(1);
  const signed = (dsaEncoding) => sign(process.env.AIRLOCK_HASH, readFileSync(0), { key: readFileSync(key), dsaEncoding });
  const write = (value) => process.stdout.write(value);
`;

function signer(code: string, curve: 'P-256' | 'P-384' | 'P-521' = 'P-256', more: object = {}) {
  const { pem, publicPem } = loadedKey(curve);
  const key = join(folder, `${curve}.pem`);
  writeFileSync(key, pem, { mode: 0o600 });
  return commandSigner({ command: [process.execPath, '-e', `${prelude};${code}`, key], publicKey: publicPem, ...more });
}

const payload = Buffer.from('{"a":"statement"}');

describe('commandSigner()', () => {
  it.each(signers)('takes each form of a signature on %s', async (curve) => {
    for (const code of [
      `write(signed('der'))`,
      `write(signed('ieee-p1363'))`,
      `write(signed('der').toString('base64') + '\\n')`,
      `write(signed('ieee-p1363').toString('base64').replace(/.{20}/g, '$&\\n'))`,
    ]) {
      await expect(signEnvelope(payload, signer(code, curve))).resolves.toBeInstanceOf(Buffer);
    }
  });

  it('tells the command curve and hash, and of our environment only PATH', async () => {
    const seen = join(folder, 'env.json');
    const code = `require('node:fs').writeFileSync(${JSON.stringify(seen)}, JSON.stringify(process.env)); write(signed('der'))`;
    await signer(code, 'P-384').sign(payload);
    expect(JSON.parse(readFileSync(seen, 'utf8'))).toEqual({
      AIRLOCK_HASH: 'sha384',
      AIRLOCK_CURVE: 'P-384',
      PATH: process.env.PATH,
    });
    await signer(code, 'P-256', { env: { PIN: '1' } }).sign(payload);
    expect(JSON.parse(readFileSync(seen, 'utf8'))).toEqual({ AIRLOCK_HASH: 'sha256', AIRLOCK_CURVE: 'P-256', PIN: '1' });
  });

  it.each([
    ['writes something else', `write('no signature')`, /12 bytes, and they are no signature/],
    ['writes nothing', '', /0 bytes/],
    ['signs something else', `write(sign('sha256', Buffer.from('x'), readFileSync(key)))`, /no signature of this public key/],
    ['signs with junk behind it', `write(Buffer.concat([signed('der'), Buffer.from('!')]))`, /no signature/],
    ['floods us', `setInterval(() => write('x'.repeat(60000)), 1)`, /more than 65536 bytes/],
    ['fails', `console.error('\\n\\u001b[31mno PIN'); process.exit(3)`, /failed with exit code 3/],
    ['is killed', `process.kill(process.pid, 'SIGKILL')`, /ended by SIGKILL/],
  ])('refuses a command that %s', async (_what, code, message) => {
    await expect(signer(code).sign(payload)).rejects.toMatchObject({
      code: 'SIGNING_FAILED',
      message: expect.stringMatching(message),
    });
  });

  it('shows the first line that a failed command complained with, made safe', async () => {
    const failing = signer(`console.error('\\n\\u001b[31mno PIN\\nmore'); process.exit(3)`);
    await expect(failing.sign(payload)).rejects.toMatchObject({ detail: '\\u{1b}[31mno PIN' });
  });

  it('ends a command that takes too long, also one that does not want to end', async () => {
    const stubborn = signer(`process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)`, 'P-256', { timeoutMs: 300 });
    await expect(stubborn.sign(payload)).rejects.toMatchObject({ message: 'The command did not sign within 0.3 s' });
  });

  it('does not wait for what a command left behind', async () => {
    const { publicPem } = loadedKey('P-256');
    const command = ['/bin/sh', '-c', 'sleep 2 & exit 0'];
    const started = performance.now();
    await expect(commandSigner({ command, publicKey: publicPem, timeoutMs: 300 }).sign(payload)).rejects.toMatchObject({
      code: 'SIGNING_FAILED',
    });
    expect(performance.now() - started).toBeLessThan(1_500);
  });

  it('takes a signature from a command that does not read its input, and survives its closed pipe', async () => {
    const big = Buffer.alloc(4_000_000, 97);
    const made = signer('');
    await expect(made.sign(big)).rejects.toMatchObject({ message: expect.stringContaining('0 bytes') });
  });

  it('says when the command is not there, by its name and not its place', async () => {
    const { publicPem } = loadedKey('P-256');
    await expect(commandSigner({ command: ['/nowhere/sign-it'], publicKey: publicPem }).sign(payload)).rejects.toMatchObject({
      code: 'SIGNING_FAILED',
      message: 'The command sign-it cannot be started',
    });
  });

  it('needs a command and a public key', () => {
    const { publicPem } = loadedKey('P-256');
    expect(() => commandSigner({ command: ['true'] })).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }));
    expect(() => commandSigner({ command: [], publicKey: publicPem })).toThrow(expect.objectContaining({ code: 'USAGE' }));
    expect(() => commandSigner({ command: ['true'], publicKey: Buffer.from('x') })).toThrow(
      expect.objectContaining({ code: 'KEY_INVALID' }),
    );
  });
});
