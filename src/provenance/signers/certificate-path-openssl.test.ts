// Our judgement of certificate paths beside that of `openssl verify`: whatever it refuses, we refuse. Where we refuse more is a
// list below.
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type CertificateOptions,
  type CrlOptions,
  codeSigning,
  dayMs,
  ecKeys,
  extension,
  makeAuthority,
  makeCrl,
  makeLeaf,
  pemOf,
  type TestCertificate,
} from '../../../tests/support/certificates.ts';
import { der, integer, nothing, sequence } from '../../../tests/support/der-writer.ts';
import { readCertificate } from './certificate.ts';
import { findPath } from './certificate-path.ts';
import { readRevocationLists, revocationProblem } from './revocation-list.ts';

const noOpenssl = spawnSync('openssl', ['version']).status !== 0;
const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
const weakRsa = generateKeyPairSync('rsa', { modulusLength: 1_024 });
const unknown = extension('1.2.3.4', true, nothing());
const leavesOnly = extension('2.5.29.28', true, sequence(der(0x81, Buffer.from([0xff]))));

interface Change {
  /** Where it may be made. */
  readonly at: 'leaf' | 'authority' | 'crl' | 'any';
  readonly certificate?: Partial<CertificateOptions>;
  readonly crl?: Partial<CrlOptions> | 'none' | 'revoked';
  /** Openssl accepts it when it is not told to be strict; we do too, and nothing worse follows. */
  readonly loose?: true;
}

const changes: Readonly<Record<string, Change>> = {
  nothing: { at: 'any' },
  expired: { at: 'any', certificate: { notAfterMs: nowMs - 1_000 } },
  early: { at: 'any', certificate: { notBeforeMs: nowMs + 60_000 } },
  'signed by another key': { at: 'any', certificate: { signWith: ecKeys().privateKey } },
  'signed with SHA-1': { at: 'any', certificate: { hash: 'sha1' } },
  'another issuer': { at: 'any', certificate: { issuerName: 'somebody else' } },
  'wrong key identifier': { at: 'any', certificate: { authorityKeyId: 'wrong' } },
  'wrong serial of the authority': { at: 'any', certificate: { authorityKeyId: 'wrongSerial' } },
  'wrong issuer of the authority': { at: 'any', certificate: { authorityKeyId: 'wrongIssuer' } },
  'full key identifier': { at: 'any', certificate: { authorityKeyId: 'issuer' } },
  'no key identifiers': { at: 'any', certificate: { authorityKeyId: 'none', subjectKeyId: false }, loose: true },
  'unknown critical extension': { at: 'any', certificate: { extensions: [unknown] } },
  'policy constraints': { at: 'any', certificate: { extensions: [extension('2.5.29.36', true, sequence())] } },
  'P-384': { at: 'any', certificate: { keys: ecKeys('P-384') } },
  'P-521': { at: 'any', certificate: { keys: ecKeys('P-521'), hash: 'sha512' } },
  'not an authority': { at: 'authority', certificate: { ca: false } },
  'no basic constraints': { at: 'authority', certificate: { ca: undefined } as never },
  'no signing of certificates': { at: 'authority', certificate: { keyUsage: [0, 6] } },
  'no signing of lists': { at: 'authority', certificate: { keyUsage: [5] } },
  'path length 0': { at: 'authority', certificate: { pathLength: 0 } },
  'path length 1': { at: 'authority', certificate: { pathLength: 1 } },
  'weak key': { at: 'authority', certificate: { keys: weakRsa } },
  'no list': { at: 'crl', crl: 'none' },
  revoked: { at: 'crl', crl: 'revoked' },
  'list out of date': { at: 'crl', crl: { nextUpdateMs: nowMs - 1_000 } },
  'list of tomorrow': { at: 'crl', crl: { thisUpdateMs: nowMs + dayMs } },
  'list by another key': { at: 'crl', crl: { signWith: ecKeys().privateKey } },
  'list with an unknown extension': { at: 'crl', crl: { extensions: [unknown] } },
};

/** Refused by us although openssl accepts. */
const stricter: Readonly<Record<string, Change>> = {
  'name constraints that allow the name': {
    at: 'authority',
    certificate: {
      extensions: [extension('2.5.29.30', true, sequence(der(0xa0, sequence(der(0x81, Buffer.from('example.com'))))))],
    },
  },
  'a list for leaves only': { at: 'leaf', crl: { extensions: [leavesOnly, extension('2.5.29.20', false, integer(1))] } },
  'no purpose': { at: 'leaf', certificate: { extendedKeyUsage: undefined } as never },
  'a purpose that is any': { at: 'leaf', certificate: { extendedKeyUsage: ['2.5.29.37.0'] } },
  'a purpose that is another': { at: 'leaf', certificate: { extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] } },
  'a key that is not for signatures': { at: 'leaf', certificate: { keyUsage: [4] } },
  'a leaf that is an authority': { at: 'leaf', certificate: { ca: true, keyUsage: [0, 5] } },
  'an authority for another purpose': { at: 'authority', certificate: { extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] } },
};

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-openssl-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function judge(length: number, position: number, change: Change): { ours: string | undefined; openssl: string | undefined } {
  const { at, certificate = {}, crl } = change;
  const index = at === 'leaf' ? length : at === 'authority' ? 1 + (position % (length - 1)) : 1 + (position % length);
  const root = makeAuthority({ name: 'root' });
  const chain: TestCertificate[] = [root];
  for (let depth = 1; depth <= length; depth += 1) {
    const options = { name: `certificate ${depth}`, issuer: chain[depth - 1], ...(depth === index && certificate) };
    chain.push(depth === length ? makeLeaf(options) : makeAuthority(options));
  }
  const lists = chain.slice(0, -1).flatMap((issuer, depth) => {
    const own = depth === index - 1 ? crl : undefined;
    const revoked = own === 'revoked' ? [chain[depth + 1]] : [];
    return own === 'none' ? [] : [makeCrl({ issuer, revoked, ...(typeof own === 'object' && own) })];
  });
  return { ours: ourProblem(chain, lists), openssl: opensslProblem(chain, lists, change.loose !== true) };
}

function ourProblem(chain: readonly TestCertificate[], lists: readonly Buffer[]): string | undefined {
  try {
    const [root, ...rest] = chain.map((certificate) => readCertificate(certificate.der));
    const [leaf, ...intermediates] = rest.reverse();
    const crls = lists.flatMap(readRevocationLists);
    const check = (path: Parameters<typeof revocationProblem>[0]) => revocationProblem(path, crls, nowMs);
    return findPath({ leaf, intermediates, roots: [root], atMs: nowMs, purpose: codeSigning, check }).problem;
  } catch (error) {
    expect(error).toMatchObject({ code: 'KEY_INVALID' });
    return String(error);
  }
}

function opensslProblem(chain: readonly TestCertificate[], lists: readonly Buffer[], strict: boolean): string | undefined {
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };
  const pems = chain.map(({ pem }) => pem);
  const all = file('crls', lists.map((list) => pemOf('X509 CRL', list)).join(''));
  const untrusted = pems.length > 2 ? ['-untrusted', file('untrusted', pems.slice(1, -1).join(''))] : [];
  const { status, stdout, stderr } = spawnSync('openssl', [
    'verify',
    ...(strict ? ['-x509_strict'] : []),
    ...['-auth_level', '1', '-no-CApath', '-no-CAstore', '-CAfile', file('root', pems[0])],
    ...(lists.length > 0 ? ['-CRLfile', all] : []),
    ...['-crl_check_all', '-attime', String(nowMs / 1_000), ...untrusted, file('leaf', pems[pems.length - 1])],
  ]);
  return status === 0 ? undefined : String(stdout) + String(stderr);
}

describe.skipIf(noOpenssl)('beside openssl verify (skipped without openssl)', () => {
  test('both accept chains that are right', () => {
    for (const name of ['nothing', 'full key identifier', 'no key identifiers', 'P-384', 'P-521', 'path length 1']) {
      expect(judge(3, 0, changes[name]), name).toEqual({ ours: undefined, openssl: undefined });
    }
  });

  test('both refuse what is wrong with a list', () => {
    for (const name of ['revoked', 'no list', 'list out of date', 'list of tomorrow', 'list by another key']) {
      const { ours, openssl } = judge(2, 1, changes[name]);
      expect([typeof ours, typeof openssl], name).toEqual(['string', 'string']);
    }
  });

  test('we refuse whatever openssl refuses, in any place of chains of any length', () => {
    // Nearly all of these chains are refused; that good ones are accepted is tested above.
    let refused = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 5 }),
        fc.nat(10),
        fc.constantFrom(...Object.keys(changes)),
        (length, position, name) => {
          const { ours, openssl } = judge(length, position, changes[name]);
          if (ours !== undefined) refused += 1;
          expect(openssl !== undefined && ours === undefined, `${name}: ${openssl}`).toBe(false);
        },
      ),
      { numRuns: 50 },
    );
    expect(refused).toBeGreaterThan(5);
  });

  test.each(Object.entries(stricter))('we refuse %s, and openssl does not', (_, change) => {
    const { ours, openssl } = judge(3, 0, change);
    expect([typeof ours, openssl]).toEqual(['string', undefined]);
  });

  test('a certificate in which one bit differs is refused by both', () => {
    const root = makeAuthority({ name: 'root' });
    const leaf = makeLeaf({ name: 'leaf', issuer: root });
    fc.assert(
      fc.property(fc.nat(leaf.der.length * 8 - 1), (bit) => {
        const copy = Buffer.from(leaf.der);
        copy[bit >> 3] ^= 1 << (bit & 7);
        const changed = { ...leaf, der: copy, pem: pemOf('CERTIFICATE', copy) };
        const list = makeCrl({ issuer: root });
        expect(typeof ourProblem([root, changed], [list])).toBe('string');
        expect(typeof opensslProblem([root, changed], [list], true)).toBe('string');
      }),
      { numRuns: 20 },
    );
  });
});
