import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  type CertificateOptions,
  codeSigning,
  dayMs,
  ecKeys,
  extension,
  makeAuthority,
  makeLeaf,
  type TestCertificate,
  timeStamping,
} from '../../../tests/support/certificates.ts';
import { nothing, sequence } from '../../../tests/support/der-writer.ts';
import { readCertificate } from './certificate.ts';
import { findPath, type PathRequest } from './certificate-path.ts';

const nowMs = Date.now();
const root = makeAuthority({ name: 'root' });

function find(leaf: TestCertificate, intermediates: TestCertificate[], roots = [root], more: Partial<PathRequest> = {}) {
  return findPath({
    leaf: readCertificate(leaf.der),
    intermediates: intermediates.map(({ der }) => readCertificate(der)),
    roots: roots.map(({ der }) => readCertificate(der)),
    atMs: nowMs,
    purpose: codeSigning,
    check: () => undefined,
    ...more,
  });
}

/** Authorities below one another, the first below `root`. */
function chainOf(length: number, options: (index: number) => Partial<CertificateOptions> = () => ({})): TestCertificate[] {
  const chain: TestCertificate[] = [];
  for (let index = 0; index < length; index += 1) {
    chain.push(makeAuthority({ name: `middle ${index}`, issuer: chain.at(-1) ?? root, ...options(index) }));
  }
  return chain;
}

const below = (chain: TestCertificate[], options: Partial<CertificateOptions> = {}) =>
  makeLeaf({ name: 'leaf', issuer: chain.at(-1) ?? root, ...options });

const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 });

describe('findPath', () => {
  test('finds the way from leaf to root, in whatever order the certificates come', () => {
    const chain = chainOf(3);
    const leaf = below(chain);
    expect(find(leaf, [chain[1], chain[0], chain[2]]).path?.map(({ subject }) => subject)).toEqual(
      [leaf, ...chain.toReversed(), root].map((certificate) => certificate.nameDer),
    );
    expect(find(below([]), []).path).toHaveLength(2);
  });

  test.each(['issuer', 'keyId', 'none'] as const)('accepts the authority key identifier "%s"', (authorityKeyId) => {
    const chain = chainOf(1, () => ({ authorityKeyId }));
    expect(find(below(chain, { authorityKeyId }), chain).problem).toBeUndefined();
  });

  test.each(['wrong', 'wrongIssuer', 'wrongSerial'] as const)('refuses the authority key identifier "%s"', (authorityKeyId) => {
    const chain = chainOf(1);
    expect(find(below(chain, { authorityKeyId }), chain).problem).toContain('no given certificate has issued "CN=leaf"');
  });

  test('accepts an issuer without a key identifier of its own', () => {
    const chain = chainOf(1, () => ({ subjectKeyId: false }));
    expect(find(below(chain), chain).problem).toBeUndefined();
  });

  test('accepts RSA and Ed25519 keys of authorities, and every hash', () => {
    for (const keys of [rsa, generateKeyPairSync('ed25519'), ecKeys('P-384'), ecKeys('P-521')]) {
      for (const hash of ['sha256', 'sha384', 'sha512'] as const) {
        const [other] = [makeAuthority({ name: 'other', keys })];
        expect(find(makeLeaf({ name: 'leaf', issuer: other, hash }), [], [other]).problem).toBeUndefined();
      }
    }
  });

  test.each<[string, Partial<CertificateOptions>]>([
    ['SHA-1', { hash: 'sha1' }],
    ["another authority's signature", { signWith: ecKeys().privateKey }],
    ["another authority's name", { issuerName: 'other' }],
  ])('refuses %s on a leaf', (_, options) => {
    expect(find(below([], options), []).problem).toContain('no given certificate has issued "CN=leaf"');
  });

  test('refuses weak and strange keys of authorities', () => {
    const weak = generateKeyPairSync('rsa', { modulusLength: 1_024 });
    const large = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2_048 });
    for (const keys of [weak, large]) {
      const other = makeAuthority({ name: 'other', keys });
      expect(find(makeLeaf({ name: 'leaf', issuer: other }), [], [other]).path).toBeUndefined();
    }
    const other = makeAuthority({ name: 'other', keys: pss, signWith: rsa.privateKey });
    expect(find(makeLeaf({ name: 'leaf', issuer: other, signWith: rsa.privateKey }), [], [other]).path).toBeUndefined();
  });

  test('needs a root that was given, not one that a bundle brings', () => {
    const chain = chainOf(1);
    expect(find(below(chain), [...chain, root], []).problem).toContain('no given certificate has issued');
    const impostor = makeAuthority({ name: 'root' });
    expect(find(below(chain), [...chain, root], [impostor]).problem).toContain('no given certificate has issued');
  });

  test('takes a root that is not self-signed, and none that is not listed', () => {
    const chain = chainOf(2);
    expect(find(below(chain), [chain[1]], [chain[0]]).path).toHaveLength(3);
    expect(find(below(chain), chain, [chain[1]]).path).toHaveLength(2);
  });

  test('does not take a leaf for its own root', () => {
    const self = makeLeaf({ name: 'leaf' });
    expect(find(self, [self], [self]).problem).toContain('may not issue certificates (basic constraints)');
  });

  test.each<[string, Partial<CertificateOptions>, string]>([
    ['is an authority', { ca: true, keyUsage: [0, 5] }, 'is an authority'],
    ['has a key for other things', { keyUsage: [2] }, 'is not for signatures'],
    ['has no purpose', { extendedKeyUsage: undefined } as never, 'is not for code signing'],
    ['is for servers', { extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] }, 'is not for code signing'],
    ['is for any purpose', { extendedKeyUsage: ['2.5.29.37.0'] }, 'is not for code signing'],
    ['is out of date', { notAfterMs: nowMs - 1_000 }, 'is valid from'],
    ['is not yet valid', { notBeforeMs: nowMs + 2_000 }, 'is valid from'],
    ['says what nobody understands', { extensions: [extension('1.2.3', true, nothing())] }, 'not understood here: 1.2.3'],
    ['has name constraints', { extensions: [extension('2.5.29.30', false, sequence())] }, 'name constraints'],
  ])('refuses a leaf that %s', (_, options, problem) => {
    expect(find(below([], options), []).problem).toContain(problem);
  });

  test('says which purpose is missing', () => {
    expect(find(below([]), [], [root], { purpose: timeStamping }).problem).toContain('is not for time stamps');
  });

  test('accepts a leaf without key usage, and one for more than code signing', () => {
    expect(find(below([], { keyUsage: undefined } as never), []).problem).toBeUndefined();
    expect(find(below([], { extendedKeyUsage: ['1.3.6.1.5.5.7.3.1', codeSigning] }), []).problem).toBeUndefined();
  });

  test.each<[string, Partial<CertificateOptions>, string]>([
    ['is none', { ca: false }, 'basic constraints'],
    ['says nothing about it', { ca: undefined } as never, 'basic constraints'],
    ['may not sign certificates', { keyUsage: [0, 6] }, 'key usage'],
    ['does not say what its key is for', { keyUsage: undefined } as never, 'key usage'],
    ['is for servers', { extendedKeyUsage: ['1.3.6.1.5.5.7.3.1'] }, 'extended key usage'],
    ['is out of date', { notAfterMs: nowMs - 1_000 }, 'is valid from'],
    ['is not yet valid', { notBeforeMs: nowMs + 2_000 }, 'is valid from'],
    ['says what nobody understands', { extensions: [extension('1.2.3', true, nothing())] }, 'not understood here: 1.2.3'],
    ['has name constraints', { extensions: [extension('2.5.29.30', true, sequence())] }, 'name constraints'],
    ['demands policies', { extensions: [extension('2.5.29.36', true, sequence())] }, '2.5.29.36'],
  ])('refuses an authority that %s, between and as the root', (_, options, problem) => {
    const chain = chainOf(1, () => options);
    expect(find(below(chain), chain).problem).toContain(problem);
    const bad = makeAuthority({ name: 'bad', ...options });
    expect(find(makeLeaf({ name: 'leaf', issuer: bad }), [], [bad]).problem).toContain(problem);
  });

  test('accepts an authority for code signing or for any purpose', () => {
    for (const purpose of [codeSigning, '2.5.29.37.0']) {
      const chain = chainOf(1, () => ({ extendedKeyUsage: [purpose] }));
      expect(find(below(chain), chain).problem).toBeUndefined();
    }
  });

  test('is valid in its first and its last moment', () => {
    const leaf = below([], { notBeforeMs: 1_000_000_000_000, notAfterMs: 1_000_000_001_000 });
    const old = makeAuthority({ name: 'root', keys: root.keys, notBeforeMs: 0 });
    const at = (atMs: number) => find(leaf, [], [old], { atMs }).problem === undefined;
    expect([999_999_999_999, 1e12, 1e12 + 1_000, 1e12 + 1_001].map(at)).toEqual([false, true, true, false]);
  });

  test('counts the authorities below a path length, but not those that issued to themselves', () => {
    for (const [pathLength, length, good] of [
      [0, 1, true],
      [0, 2, false],
      [1, 2, true],
      [1, 3, false],
    ] as const) {
      const chain = chainOf(length, (index) => (index === 0 ? { pathLength } : {}));
      expect(find(below(chain), chain).problem === undefined, `${pathLength} ${length}`).toBe(good);
    }
    const first = makeAuthority({ name: 'same', issuer: root, pathLength: 0 });
    const again = makeAuthority({ name: 'same', issuer: first });
    expect(find(makeLeaf({ name: 'leaf', issuer: again }), [first, again]).problem).toBeUndefined();
  });

  test('takes another way when one is refused, and says the first reason when all are', () => {
    const keys = ecKeys();
    const bad = makeAuthority({ name: 'middle', issuer: root, keys, notAfterMs: nowMs - dayMs });
    const good = makeAuthority({ name: 'middle', issuer: root, keys });
    const leaf = makeLeaf({ name: 'leaf', issuer: good });
    expect(find(leaf, [bad, good]).path?.[1].fingerprint).toBe(readCertificate(good.der).fingerprint);
    expect(find(leaf, [bad]).problem).toContain('"CN=middle" is valid from');
    expect(find(leaf, [good], [root], { check: () => 'no' }).problem).toBe('no');
  });

  test('takes eight certificates and no more', () => {
    const chain = chainOf(7);
    expect(find(below(chain.slice(0, 6)), chain).path).toHaveLength(8);
    expect(find(below(chain), chain).problem).toContain('no given certificate has issued');
  });

  test('ends on authorities that sign each other, after at most 64 signatures', () => {
    const keys = Array.from({ length: 6 }, () => ecKeys());
    const names = keys.map((_, index) => makeAuthority({ name: `a${index}`, keys: keys[index] }));
    const all = names.flatMap((issuer) =>
      names.map((_, index) => makeAuthority({ name: `a${index}`, keys: keys[index], issuer })),
    );
    const leaf = makeLeaf({ name: 'leaf', issuer: names[0] });
    const started = performance.now();
    expect(find(leaf, [...all, ...all]).problem).toContain('no given certificate has issued');
    expect(performance.now() - started).toBeLessThan(500);
  });
});
