// Time stamps that `openssl ts` makes and checks: ours are not only right by our own reading.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ecKeys, makeAuthority } from '../../../tests/support/certificates.ts';
import { makeStamper, makeTimeStamp } from '../../../tests/support/time-stamps.ts';
import { readCertificate } from './certificate.ts';
import { trustedTime } from './time-stamp.ts';

const noOpenssl = spawnSync('openssl', ['version']).status !== 0;
const signature = Buffer.from('a signature');
const root = makeAuthority({ name: 'root' });
const stamper = makeStamper({ name: 'stamper', issuer: root, keys: ecKeys('P-384') });

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-stamps-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function openssl(...parts: string[]): boolean {
  return spawnSync('openssl', ['ts', ...parts], { cwd: folder }).status === 0;
}

const config = `[tsa]
serial = serial
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256, sha384, sha512
accuracy = secs:1, millisecs:500
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
`;

describe.skipIf(noOpenssl)('beside openssl ts (skipped without openssl)', () => {
  test.each(['sha1', 'sha256', 'sha512'])('we count what openssl stamps, with certificates named by %s', (idHash) => {
    const pem = String(stamper.keys.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    const files = {
      data: signature,
      key: pem,
      cert: stamper.pem,
      serial: '01\n',
      config: `${config}ess_cert_id_alg = ${idHash}\n`,
    };
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(join(folder, name), content);
    }
    expect(openssl('-query', '-data', 'data', '-sha512', '-cert', '-out', 'query')).toBe(true);
    const reply = [
      '-reply',
      '-queryfile',
      'query',
      '-config',
      'config',
      '-section',
      'tsa',
      '-signer',
      'cert',
      '-inkey',
      'key',
      '-out',
      'stamp',
    ];
    expect(openssl(...reply)).toBe(true);
    const stamp = readFileSync(join(folder, 'stamp'));
    const nowMs = Date.now();
    for (const authority of [stamper, root]) {
      const atMs = trustedTime(signature, [stamp], [readCertificate(authority.der)], nowMs);
      expect(Math.abs((atMs ?? 0) - nowMs)).toBeLessThan(60_000);
    }
    expect(trustedTime(Buffer.from('another'), [stamp], [readCertificate(root.der)], nowMs)).toBeUndefined();
  });

  test('openssl counts what our tests stamp', () => {
    writeFileSync(join(folder, 'root'), root.pem);
    writeFileSync(join(folder, 'data'), signature);
    writeFileSync(join(folder, 'good'), makeTimeStamp({ bytes: signature, authority: stamper, certificates: [stamper] }));
    writeFileSync(
      join(folder, 'bad'),
      makeTimeStamp({ bytes: signature, authority: stamper, certificates: [stamper], bindings: ['wrong'] }),
    );
    expect(openssl('-verify', '-data', 'data', '-in', 'good', '-CAfile', 'root')).toBe(true);
    expect(openssl('-verify', '-data', 'data', '-in', 'bad', '-CAfile', 'root')).toBe(false);
  });
});
