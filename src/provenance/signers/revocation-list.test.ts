import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ecKeys, extension, makeAuthority, makeCrl, makeLeaf, pemOf } from '../../../tests/support/certificates.ts';
import { der, explicit, integer, nothing, oid, sequence, time } from '../../../tests/support/der-writer.ts';
import { readCertificate } from './certificate.ts';
import { childrenOf, readElement } from './der.ts';
import { readRevocationLists, revocationProblem } from './revocation-list.ts';

const nowMs = Date.now();
const root = makeAuthority({ name: 'root' });
const middle = makeAuthority({ name: 'middle', issuer: root });
const leaf = makeLeaf({ name: 'leaf', issuer: middle });
const path = [leaf, middle, root].map((certificate) => readCertificate(certificate.der));
const rootList = makeCrl({ issuer: root });
const middleList = makeCrl({ issuer: middle });
const problem = (...lists: Buffer[]) => revocationProblem(path, lists.flatMap(readRevocationLists), nowMs);
const invalid = (message: string) => expect.objectContaining({ code: 'KEY_INVALID', message: expect.stringContaining(message) });

describe('revocationProblem', () => {
  test('is satisfied by a current list of each issuer, in any order', () => {
    expect(problem(rootList, middleList)).toBeUndefined();
    expect(problem(middleList, rootList, makeCrl({ issuer: makeAuthority({ name: 'other' }) }))).toBeUndefined();
  });

  test('needs a list for every certificate below the root', () => {
    expect(problem(rootList)).toContain('no current revocation list of "CN=middle" covers "CN=leaf"');
    expect(problem(middleList)).toContain('no current revocation list of "CN=root" covers "CN=middle"');
    expect(problem()).toContain('no current revocation list');
  });

  test('refuses what a list names, also one that is out of date, also beside one that does not', () => {
    const revoked = [{ serial: 5 }, { serial: leaf.serial }];
    expect(problem(rootList, makeCrl({ issuer: middle, revoked }))).toBe('"CN=leaf" has been revoked');
    expect(problem(rootList, middleList, makeCrl({ issuer: middle, revoked, nextUpdateMs: nowMs - 1_000 }))).toContain('revoked');
    expect(problem(makeCrl({ issuer: root, revoked: [{ serial: middle.serial }] }), middleList)).toBe(
      '"CN=middle" has been revoked',
    );
    expect(problem(rootList, makeCrl({ issuer: middle, revoked: [{ serial: 5 }] }))).toBeUndefined();
    expect(problem(makeCrl({ issuer: root, revoked: [{ serial: leaf.serial }] }), middleList)).toBeUndefined();
  });

  test('refuses lists that are out of date or yet to come', () => {
    expect(problem(rootList, makeCrl({ issuer: middle, nextUpdateMs: nowMs - 1_000 }))).toContain('no current');
    expect(problem(rootList, makeCrl({ issuer: middle, thisUpdateMs: nowMs + 2_000 }))).toContain('no current');
  });

  test('does not count a list that its issuer did not sign, or may not sign', () => {
    expect(problem(rootList, makeCrl({ issuer: middle, signWith: ecKeys().privateKey }))).toContain('no current');
    const renamed = makeAuthority({ name: 'another name', keys: middle.keys });
    expect(problem(rootList, makeCrl({ issuer: renamed }))).toContain('no current');
    const quiet = makeAuthority({ name: 'quiet', issuer: root, keyUsage: [5] });
    const below = makeLeaf({ name: 'leaf', issuer: quiet });
    const quietPath = [below, quiet, root].map((certificate) => readCertificate(certificate.der));
    const lists = [rootList, makeCrl({ issuer: quiet })].flatMap(readRevocationLists);
    expect(revocationProblem(quietPath, lists, nowMs)).toContain('no current');
  });
});

/** A list with other parts of its body; the signature is not made anew. */
function rewritten(change: (parts: Buffer[]) => Buffer[]): Buffer {
  const full = makeCrl({ issuer: root, revoked: [{ serial: 1 }] });
  const [body, algorithm, signature] = childrenOf(readElement(full, 0x30));
  return sequence(sequence(...change(childrenOf(body).map(({ raw }) => raw))), algorithm.raw, signature.raw);
}

describe('readRevocationLists', () => {
  test('reads DER and PEM, with reasons and without extensions', () => {
    const reason = extension('2.5.29.21', false, der(0x0a, Buffer.from([1])));
    const list = makeCrl({ issuer: root, revoked: [{ serial: 200, extensions: [reason] }], extensions: [] });
    expect([...readRevocationLists(list)[0].revoked]).toEqual(['00c8']);
    expect(readRevocationLists(Buffer.from(pemOf('X509 CRL', list) + pemOf('X509 CRL', rootList)))).toHaveLength(2);
  });

  test.each<[string, () => Buffer, string]>([
    ['nothing', () => Buffer.alloc(0), 'Expected PEM blocks "X509 CRL"'],
    ['a certificate', () => Buffer.from(root.pem), 'Expected PEM blocks "X509 CRL"'],
    ['a certificate in DER', () => root.der, 'version 2'],
    ['version 1', () => makeCrl({ issuer: root, version: 0 }), 'version 2'],
    ['no version', () => rewritten((parts) => parts.slice(1)), 'version 2'],
    ['no end', () => makeCrl({ issuer: root, nextUpdateMs: null }), 'expected a part'],
    ['another algorithm inside', () => rewritten((p) => p.with(1, sequence(oid('1.2.3')))), 'two signature'],
    ['a part at the end', () => rewritten((p) => [...p, nothing()]), 'more parts'],
    ['two lists of extensions', () => rewritten((p) => p.with(6, explicit(0, sequence(), sequence()))), 'empty'],
    ['an entry with more', () => rewritten((p) => p.with(5, sequence(sequence(integer(1), time(0), nothing())))), 'more parts'],
    ['a delta list', () => makeCrl({ issuer: root, extensions: [extension('2.5.29.27', true, integer(1))] }), '2.5.29.27'],
    ['a part of a list', () => makeCrl({ issuer: root, extensions: [extension('2.5.29.28', false, sequence())] }), '2.5.29.28'],
    ['an unknown extension', () => makeCrl({ issuer: root, extensions: [extension('1.2.3', true, nothing())] }), '1.2.3'],
    [
      "an entry of somebody else's",
      () => makeCrl({ issuer: root, revoked: [{ serial: 1, extensions: [extension('2.5.29.29', true, sequence())] }] }),
      '2.5.29.29',
    ],
  ])('refuses %s', (_, make, message) => {
    expect(() => readRevocationLists(make())).toThrow(invalid(message));
  });

  test('refuses two lists of extensions that are not empty', () => {
    const list = sequence(extension('1.2.3', false, nothing()));
    expect(() => readRevocationLists(rewritten((p) => p.with(6, explicit(0, list, list))))).toThrow(invalid('more parts'));
  });

  test('a list with a flipped bit is refused, or covers nothing and revokes what was not revoked before', () => {
    const bits = fc.nat(middleList.length * 8 - 1);
    fc.assert(
      fc.property(bits, (bit) => {
        const copy = Buffer.from(middleList);
        copy[bit >> 3] ^= 1 << (bit & 7);
        try {
          expect(problem(rootList, copy)).toContain('no current');
        } catch (error) {
          expect(error).toEqual(invalid(''));
        }
      }),
      { numRuns: 300 },
    );
  });
});
