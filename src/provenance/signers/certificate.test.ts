import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { extension, makeAuthority, makeCertificate, makeLeaf, nameDer, pemOf } from '../../../tests/support/certificates.ts';
import {
  bits,
  boolean,
  der,
  explicit,
  integer,
  nothing,
  octets,
  oid,
  sequence,
  set,
  time,
  utf8,
} from '../../../tests/support/der-writer.ts';
import { readCertificate, readCertificates } from './certificate.ts';
import { certificateName, nameText } from './certificate-name.ts';
import { childrenOf, readElement } from './der.ts';

const root = makeAuthority({ name: 'root' });
const leaf = makeLeaf({ name: 'leaf', issuer: root });
const invalid = (message: string) => expect.objectContaining({ code: 'KEY_INVALID', message: expect.stringContaining(message) });

/** The certificate with other parts of its body; the signature is not made anew. */
function rewritten(change: (parts: Buffer[]) => Buffer[], outside: (parts: Buffer[]) => Buffer[] = (parts) => parts): Buffer {
  const [body, algorithm, signature] = childrenOf(readElement(leaf.der, 0x30));
  const parts = childrenOf(body).map(({ raw }) => raw);
  return sequence(...outside([sequence(...change(parts)), algorithm.raw, signature.raw]));
}

const withExtensions = (...extensions: Buffer[]) =>
  makeCertificate({ name: 'x', extensions, subjectKeyId: false, authorityKeyId: 'none' }).der;

describe('readCertificate', () => {
  test('reads what Node reads', () => {
    const ours = readCertificate(leaf.der);
    const nodes = new X509Certificate(leaf.der);
    expect(ours.fingerprint).toBe(nodes.fingerprint256.replaceAll(':', '').toLowerCase());
    expect(ours.serial.toString('hex')).toBe(nodes.serialNumber.toLowerCase());
    expect(new Date(ours.notBeforeMs)).toEqual(new Date(nodes.validFrom));
    expect(new Date(ours.notAfterMs)).toEqual(new Date(nodes.validTo));
    expect(ours.publicKey.equals(nodes.publicKey)).toBe(true);
    expect(ours.extensions).toMatchObject({
      isCa: false,
      pathLength: undefined,
      keyUsage: { digitalSignature: true, certSign: false, crlSign: false },
      extendedKeyUsage: ['1.3.6.1.5.5.7.3.3'],
      extendedKeyUsageCritical: false,
      emails: ['ci@example.com'],
      dnsNames: [],
      uris: [],
      refused: [],
      authorityIssuer: undefined,
      authoritySerial: undefined,
    });
    expect(ours.extensions.authorityKeyId).toEqual(readCertificate(root.der).extensions.subjectKeyId);
  });

  test('reads a certificate without extensions, and every form of an authority key identifier', () => {
    const bare = makeCertificate({ name: 'bare', subjectKeyId: false, authorityKeyId: 'none' });
    expect(readCertificate(bare.der).extensions).toMatchObject({ isCa: false, keyUsage: undefined, all: [] });
    const full = makeLeaf({ name: 'x', issuer: root, authorityKeyId: 'issuer' });
    expect(readCertificate(full.der).extensions).toMatchObject({
      authorityIssuer: root.nameDer,
      authoritySerial: readCertificate(root.der).serial,
    });
    const nothingInIt = makeCertificate({
      name: 'x',
      authorityKeyId: 'none',
      extensions: [extension('2.5.29.35', false, sequence())],
    });
    expect(readCertificate(nothingInIt.der).extensions.authorityKeyId).toBeUndefined();
  });

  test('reads times on either side of 2050', () => {
    const late = makeCertificate({ name: 'x', notAfterMs: Date.UTC(2050, 0) });
    expect(readCertificate(late.der).notAfterMs).toBe(Date.UTC(2050, 0));
  });

  test.each<[string, () => Buffer, string]>([
    ['more than 64 KiB', () => Buffer.alloc(65_537), 'larger than 65536'],
    ['no version', () => rewritten((parts) => parts.slice(1)), 'only certificates of version 3'],
    ['version 1', () => rewritten(([, ...rest]) => [explicit(0, integer(0)), ...rest]), 'only certificates of version 3'],
    ['two versions', () => rewritten(([, ...rest]) => [explicit(0, integer(2), integer(2)), ...rest]), 'more parts'],
    [
      'another algorithm inside',
      () => rewritten(([a, b, , ...rest]) => [a, b, sequence(oid('1.2.3')), ...rest]),
      'two signature',
    ],
    ['three times', () => rewritten((p) => p.with(4, sequence(time(0), time(0), time(0)))), 'more parts'],
    ['one time', () => rewritten((p) => p.with(4, sequence(time(0)))), 'expected a part'],
    ['unique identifiers', () => rewritten((p) => [...p.slice(0, 7), der(0x81, Buffer.from([0, 1])), p[7]]), 'more parts'],
    ['a key that is none', () => rewritten((p) => p.with(6, sequence(nothing()))), 'public key cannot be read'],
    ['something behind the extensions', () => rewritten((p) => [...p, nothing()]), 'more parts'],
    [
      'something behind the signature',
      () =>
        rewritten(
          (p) => p,
          (p) => [...p, nothing()],
        ),
      'more parts',
    ],
    [
      'a signature of bits',
      () =>
        rewritten(
          (p) => p,
          (p) => p.with(2, bits(Buffer.from([2]), 1)),
        ),
      'does not consist of bytes',
    ],
    ['no extensions in the list', () => rewritten((p) => p.with(7, explicit(3, sequence()))), 'empty'],
    ['two lists of extensions', () => rewritten((p) => p.with(7, explicit(3, sequence(), sequence()))), 'more parts'],
    [
      'an extension twice',
      () => withExtensions(extension('1.2.3', false, nothing()), extension('1.2.3', false, nothing())),
      'twice',
    ],
    [
      'a long extension',
      () => withExtensions(sequence(oid('1.2.3'), boolean(false), octets(nothing()), nothing())),
      'more parts',
    ],
    ['a path length without an authority', () => makeCertificate({ name: 'x', ca: false, pathLength: 0 }).der, 'no authority'],
    [
      'more in basicConstraints',
      () => withExtensions(extension('2.5.29.19', true, sequence(boolean(true), integer(1), nothing()))),
      'more parts',
    ],
    [
      'a negative path length',
      () => withExtensions(extension('2.5.29.19', true, sequence(boolean(true), integer(Buffer.from([0xff]))))),
      'negative',
    ],
    [
      'an issuer without its serial number',
      () => withExtensions(sequence(oid('2.5.29.35'), octets(sequence(der(0xa1, der(0xa4, nameDer('x'))))))),
      'has an issuer or',
    ],
    [
      'other names of the authority',
      () => withExtensions(sequence(oid('2.5.29.35'), octets(sequence(der(0xa1, der(0x82)), der(0x82, Buffer.from([1])))))),
      'expected a part',
    ],
    ['an empty key usage', () => withExtensions(extension('2.5.29.15', true, bits(Buffer.from([0])))), 'no bits'],
    ['a name with a NUL', () => makeLeaf({ name: 'x', emails: ['ci@example.com\0.evil.com'] }).der, 'may not hold'],
    ['a name beyond ASCII', () => makeLeaf({ name: 'x', uris: ['https://exämple.com'] }).der, 'may not hold'],
  ])('refuses %s', (_, make, message) => {
    expect(() => readCertificate(make())).toThrow(invalid(message));
  });

  test('keeps by name what must be understood and is not, and name constraints in any case', () => {
    const refused = (...extensions: Buffer[]) => readCertificate(withExtensions(...extensions)).extensions.refused;
    expect(refused(extension('1.2.3', true, nothing()), extension('1.2.4', false, nothing()))).toEqual(['1.2.3']);
    expect(refused(extension('2.5.29.30', false, sequence()))).toEqual(['name constraints']);
    expect(refused(extension('2.5.29.36', true, sequence()), extension('2.5.29.54', true, integer(0)))).toEqual([
      '2.5.29.36',
      '2.5.29.54',
    ]);
    expect(refused(extension('2.5.29.32', true, sequence(sequence(oid('2.5.29.32.0')))))).toEqual([]);
    expect(refused(sequence(oid('1.2.3'), boolean(false), octets(nothing())))).toEqual([]);
  });

  test('reads any bytes or refuses them, and reads no changed certificate as the same', () => {
    const bitOf = fc.nat(leaf.der.length * 8 - 1);
    fc.assert(
      fc.property(bitOf, fc.boolean(), (bit, cut) => {
        const copy = Buffer.from(leaf.der);
        copy[bit >> 3] ^= 1 << (bit & 7);
        try {
          const read = readCertificate(cut ? copy.subarray(0, bit >> 3) : copy);
          expect(read.fingerprint).not.toBe(readCertificate(leaf.der).fingerprint);
        } catch (error) {
          expect(error).toEqual(invalid(''));
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('readCertificates', () => {
  test('reads PEM and DER', () => {
    expect(readCertificates(leaf.der)).toHaveLength(1);
    expect(readCertificates(Buffer.from(`${leaf.pem}issuer=root\n${root.pem}`)).map(({ subject }) => subject)).toEqual([
      leaf.nameDer,
      root.nameDer,
    ]);
  });

  test('refuses files that hold nothing, or something else', () => {
    const key = String(leaf.keys.privateKey.export({ type: 'pkcs8', format: 'pem' }));
    for (const text of ['', 'x', key, leaf.pem + key, pemOf('TRUSTED CERTIFICATE', leaf.der)]) {
      expect(() => readCertificates(Buffer.from(text))).toThrow(invalid('Expected PEM blocks "CERTIFICATE"'));
    }
  });
});

describe('nameText', () => {
  test('writes names for people, also hostile ones', () => {
    expect(certificateName({ subject: leaf.nameDer })).toBe('"CN=leaf"');
    const attribute = (id: string, text: string) => set(sequence(oid(id), utf8(text)));
    expect(nameText(sequence(attribute('2.5.4.10', 'A\u001b[31m'), attribute('2.5.4.99', 'B')))).toBe(
      'O=A\\u{1b}[31m, 2.5.4.99=B',
    );
    expect(nameText(sequence(attribute('2.5.4.3', 'x'.repeat(500)))).length).toBeLessThan(210);
    expect(nameText(sequence())).toBe('');
  });

  test('says when a name cannot be read', () => {
    for (const name of [Buffer.alloc(0), sequence(set(sequence(oid('2.5.4.3')))), sequence(nothing()), set()]) {
      expect(nameText(name)).toBe('a name that cannot be read');
    }
    expect(nameText(sequence(set(sequence(nothing()))))).toBe('a name that cannot be read');
  });
});
