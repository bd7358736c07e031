import { generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { codeSigning, dayMs, ecKeys, extension, makeAuthority, timeStamping } from '../../../tests/support/certificates.ts';
import { boolean, der, explicit, integer, nothing, oid, sequence, set } from '../../../tests/support/der-writer.ts';
import { attribute, makeStamper, makeTimeStamp, type TimeStampOptions } from '../../../tests/support/time-stamps.ts';
import { readCertificate } from './certificate.ts';
import { childrenOf, readElement } from './der.ts';
import { trustedTime } from './time-stamp.ts';
import { readTimeStamp } from './time-stamp-token.ts';

const nowMs = Math.floor(Date.now() / 1_000) * 1_000;
const signature = Buffer.from('a signature');
const root = makeAuthority({ name: 'stamp root' });
const stamper = makeStamper({ name: 'stamper', issuer: root });
const stamp = (options: Partial<TimeStampOptions> = {}) =>
  makeTimeStamp({ bytes: signature, authority: stamper, atMs: nowMs, ...options });
const trusted = (tokens: Buffer[], authorities = [stamper]) =>
  trustedTime(
    signature,
    tokens,
    authorities.map((authority) => readCertificate(authority.der)),
    nowMs,
  );

describe('trustedTime', () => {
  test('is what a trusted authority says, whether it is named itself or by who issued it', () => {
    expect(trusted([stamp()])).toBe(nowMs);
    expect(trusted([stamp({ certificates: [stamper] })], [root])).toBe(nowMs);
    const middle = makeAuthority({ name: 'stamp middle', issuer: root });
    const below = makeStamper({ name: 'below', issuer: middle });
    expect(trusted([stamp({ authority: below, certificates: [middle, below] })], [root])).toBe(nowMs);
    expect(trusted([stamp({ certificates: [] })], [root])).toBeUndefined();
  });

  test.each(['sha256', 'sha384', 'sha512'])('takes %s, and every way to name the certificate', (hash) => {
    for (const bindings of [['v1'], ['v2'], ['v2sha512'], ['v1', 'v2']] as const) {
      expect(trusted([stamp({ hash, bindings })])).toBe(nowMs);
    }
  });

  test('takes RSA, also where the algorithm does not say the hash', () => {
    const authority = makeStamper({ name: 'rsa', issuer: root, keys: generateKeyPairSync('rsa', { modulusLength: 2_048 }) });
    expect(trusted([stamp({ authority })], [authority])).toBe(nowMs);
    expect(trusted([stamp({ authority, plainRsa: true, hash: 'sha512' })], [authority])).toBe(nowMs);
  });

  test('reads what may be in a statement and matters nothing here', () => {
    const accuracy = sequence(integer(1), der(0x80, Buffer.from([1])));
    const fields = [accuracy, boolean(true), integer(5), explicit(0, der(0xa4, sequence()))];
    expect(trusted([stamp({ fields })])).toBe(nowMs);
    expect(trusted([stamp({ fields: [explicit(1, extension('1.2.3', false, nothing()))], status: 1 })])).toBe(nowMs);
    expect(trusted([stamp({ attributes: [attribute('1.2.3', nothing(), nothing())] })])).toBe(nowMs);
  });

  test('takes the earliest of several, and passes over those that do not count', () => {
    const early = stamp({ atMs: nowMs - 60_000 });
    const other = stamp({ atMs: nowMs - 120_000, authority: makeStamper({ name: 'other' }) });
    expect(trusted([stamp(), early, other, Buffer.from('x')])).toBe(nowMs - 60_000);
    expect(trusted([...Array<Buffer>(8).fill(Buffer.alloc(0)), stamp()])).toBeUndefined();
    expect(trusted([...Array<Buffer>(7).fill(Buffer.alloc(0)), stamp()])).toBe(nowMs);
    expect(trusted([])).toBeUndefined();
    expect(trusted([stamp()], [])).toBeUndefined();
  });

  test('may be five minutes ahead of our clock', () => {
    expect(trusted([stamp({ atMs: nowMs + 300_000 })])).toBe(nowMs + 300_000);
    expect(trusted([stamp({ atMs: nowMs + 301_000 })])).toBeUndefined();
  });

  test.each<[string, Partial<TimeStampOptions>]>([
    ['other bytes', { bytes: Buffer.from('another') }],
    ['another key', { signWith: ecKeys().privateKey }],
    ['other content than it states', { stated: Buffer.from('x') }],
    ['no name for its certificate', { bindings: [] }],
    ["another certificate's digest", { bindings: ['wrong'] }],
    ['one right and one wrong digest', { bindings: ['v1', 'wrong'] }],
    ['two attributes of one kind', { bindings: ['v2', 'v2sha512'] }],
    ['a content that is no statement', { contentType: '1.2.840.113549.1.7.1' }],
    ['a refusal', { status: 2 }],
    ['SHA-1', { hash: 'sha1' }],
    ['version 2', { version: 2 }],
    ['two signers', { signers: 2 }],
    ['no signer', { signers: 0 }],
    ['an extension that must be understood', { fields: [explicit(1, extension('1.2.3', true, nothing()))] }],
    ['something at the end', { fields: [nothing()] }],
    ['eleven certificates', { certificates: Array<typeof root>(11).fill(root) }],
  ])('does not count a stamp with %s', (_, options) => {
    expect(trusted([stamp()])).toBe(nowMs);
    expect(trusted([stamp(options)])).toBeUndefined();
  });

  test('refuses an authority that is not for stamps and nothing else', () => {
    for (const options of [
      { extendedKeyUsageCritical: false },
      { extendedKeyUsage: [timeStamping, codeSigning] },
      { extendedKeyUsage: [codeSigning] },
      { extendedKeyUsage: undefined } as never,
      { extensions: [extension('1.2.3', true, nothing())] },
    ]) {
      const authority = makeStamper({ name: 'stamper', issuer: root, ...options });
      expect(trusted([stamp({ authority })], [authority])).toBeUndefined();
      expect(trusted([stamp({ authority, certificates: [authority] })], [root])).toBeUndefined();
    }
  });

  test('asks the validity of the authority when it stamped, not now', () => {
    const options = { name: 'old', issuer: root, notBeforeMs: nowMs - 10 * dayMs, notAfterMs: nowMs - 5 * dayMs };
    const authority = makeStamper(options);
    const at = (days: number) => trusted([stamp({ authority, atMs: nowMs - days * dayMs })], [authority]);
    expect([11, 10, 5, 4].map((days) => at(days) !== undefined)).toEqual([false, true, true, false]);
    const oldRoot = makeAuthority({ name: 'stamp root', keys: root.keys, notBeforeMs: nowMs - 20 * dayMs });
    const token = stamp({ authority, certificates: [authority], atMs: nowMs - 6 * dayMs });
    expect(trusted([token], [oldRoot])).toBe(nowMs - 6 * dayMs);
    expect(trusted([token], [root])).toBeUndefined();
  });

  test('does not take an authority for code signing as a root of stamps', () => {
    const wrong = makeAuthority({ name: 'stamp root', keys: root.keys, extendedKeyUsage: [codeSigning] });
    expect(trusted([stamp({ certificates: [stamper] })], [wrong])).toBeUndefined();
  });

  test('a stamp with a flipped bit does not count, or says the same', () => {
    const token = stamp({ certificates: [stamper] });
    const authorities = [readCertificate(stamper.der)];
    fc.assert(
      fc.property(fc.nat(token.length * 8 - 1), (bit) => {
        const copy = Buffer.from(token);
        copy[bit >> 3] ^= 1 << (bit & 7);
        const atMs = trustedTime(signature, [copy], authorities, nowMs);
        expect(atMs === undefined || atMs === nowMs).toBe(true);
      }),
      { numRuns: 400 },
    );
  });
});

describe('readTimeStamp', () => {
  const invalid = expect.objectContaining({ code: 'KEY_INVALID' });

  test('refuses other structures', () => {
    const [status, token] = childrenOf(readElement(stamp(), 0x30));
    const [type, content] = childrenOf(token);
    for (const bytes of [
      Buffer.alloc(0),
      sequence(status.raw),
      sequence(status.raw, token.raw, nothing()),
      sequence(status.raw, sequence(oid('1.2.3'), content.raw)),
      sequence(status.raw, sequence(type.raw, content.raw, nothing())),
      sequence(status.raw, sequence(type.raw, explicit(0, content.content, nothing()))),
      sequence(sequence(), token.raw),
    ]) {
      expect(() => readTimeStamp(bytes)).toThrow(invalid);
    }
  });

  test('reads the certificates and the lists that came along', () => {
    const [status, token] = childrenOf(readElement(stamp({ certificates: [stamper] }), 0x30));
    const [type, wrapped] = childrenOf(token);
    const parts = childrenOf(childrenOf(wrapped)[0]).map(({ raw }) => raw);
    const withLists = sequence(...parts.slice(0, 4), explicit(1, sequence()), parts[4]);
    const bytes = sequence(status.raw, sequence(type.raw, explicit(0, withLists)));
    expect(readTimeStamp(bytes).certificates).toEqual([stamper.der]);
    expect(readTimeStamp(bytes).imprint.hash).toBe('sha256');
  });

  test('refuses a content that has two types, and attributes with two values', () => {
    for (const id of ['1.2.840.113549.1.9.3', '1.2.840.113549.1.9.4', '1.2.840.113549.1.9.16.2.47']) {
      expect(() => readTimeStamp(stamp({ attributes: [attribute(id, nothing())] }))).toThrow(invalid);
    }
    const two = attribute('1.2.840.113549.1.9.16.2.12', sequence(), sequence());
    expect(() => readTimeStamp(stamp({ attributes: [two] }))).toThrow(invalid);
    const more = sequence(oid('1.2.3'), set(), nothing());
    expect(() => readTimeStamp(stamp({ attributes: [more] }))).toThrow(invalid);
  });
});
