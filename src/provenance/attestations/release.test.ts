// Names and versions in release statements: one text for one release, and nothing else is read.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Statement } from '../provenance-types.ts';
import { attestationTypeOf, predicateTypes } from './predicate-types.ts';
import { releaseOf, releasePurl } from './release.ts';

function statement(purl: unknown, predicateType = predicateTypes.release): Statement {
  return { predicateType, subjects: [], predicate: { purl } };
}

describe('attestationTypeOf()', () => {
  it('knows what the makers write, and both versions of release statements', () => {
    for (const [type, uri] of Object.entries(predicateTypes)) expect(attestationTypeOf(uri)).toBe(type);
    expect(attestationTypeOf('https://in-toto.io/attestation/release/v0.2')).toBe('release');
  });

  it.each([
    'https://model_signing/signature/v1.0',
    'https://slsa.dev/provenance/v0.2',
    'https://slsa.dev/provenance/v1/',
    'HTTPS://slsa.dev/provenance/v1',
    'https://tf-airlock/scan/v2',
    '__proto__',
    'constructor',
    '',
  ])('does not know %j', (uri) => expect(attestationTypeOf(uri)).toBeUndefined());
});

describe('releaseOf()', () => {
  it.each([
    ['pkg:generic/digits@7', 'digits', 7n],
    ['pkg:generic/digits@0', 'digits', 0n],
    ['pkg:generic/digits@9223372036854775807', 'digits', 2n ** 63n - 1n],
    ['pkg:generic/fraud%20model%20%28new%29@3', 'fraud model (new)', 3n],
    ['pkg:generic/a%40b%2Fc@3', 'a@b/c', 3n],
    ['pkg:generic/a%2A%21%27@3', "a*!'", 3n],
    ['pkg:generic/zahl-%C3%A4%F0%9F%A7%AE_.~@3', 'zahl-ä🧮_.~', 3n],
  ])('reads %s', (purl, model, version) => {
    expect(releaseOf(statement(purl))).toEqual({ model, version });
    expect(releaseOf(statement(purl, 'https://in-toto.io/attestation/release/v0.2'))).toEqual({ model, version });
    expect(releasePurl({ model, version })).toBe(purl);
  });

  it.each<[unknown, string]>([
    ['pkg:generic/digits', 'no version'],
    ['pkg:generic/digits@', 'an empty version'],
    ['pkg:generic/@7', 'no name'],
    ['pkg:generic/digits@07', 'a version with a 0 before it'],
    ['pkg:generic/digits@-1', 'a negative version'],
    ['pkg:generic/digits@+1', 'a sign'],
    ['pkg:generic/digits@1.0', 'a version with a dot'],
    ['pkg:generic/digits@9223372036854775808', 'a version of 2^63'],
    ['pkg:generic/digits@99999999999999999999', 'twenty digits'],
    ['pkg:generic/digits@7?arch=x', 'a qualifier'],
    ['pkg:generic/digits@7#sub', 'a subpath'],
    ['pkg:generic/acme/digits@7', 'a namespace'],
    ['pkg:generic//digits@7', 'two slashes'],
    ['pkg:generic/digits@7/', 'a slash after it'],
    ['pkg:pypi/digits@7', 'another type'],
    ['PKG:generic/digits@7', 'large letters'],
    ['pkg://generic/digits@7', 'slashes after the scheme'],
    ['pkg:generic/d%69gits@7', 'a letter that needs no percent sign'],
    ['pkg:generic/a%2fb@7', 'percent-encoding in small letters'],
    ['pkg:generic/a b@7', 'a space'],
    ['pkg:generic/a%ZZ@7', 'a percent sign with no digits'],
    ['pkg:generic/a%C3@7', 'half of a character'],
    ['pkg:generic/a%ED%A0%80@7', 'half of a surrogate pair'],
    [' pkg:generic/digits@7', 'a space before it'],
    ['pkg:generic/digits@7\n', 'a newline after it'],
    [`pkg:generic/${'a'.repeat(2_048)}@7`, 'more than 2,048 characters'],
    [7, 'a number'],
    [undefined, 'nothing'],
    [['pkg:generic/digits@7'], 'a list'],
  ])('refuses %j: %s', (purl) => expect(releaseOf(statement(purl))).toBeUndefined());

  it('reads no statement of another type', () => {
    expect(releaseOf(statement('pkg:generic/digits@7', predicateTypes.slsa))).toBeUndefined();
    expect(releaseOf(statement('pkg:generic/digits@7', 'https://model_signing/signature/v1.0'))).toBeUndefined();
  });

  it('reads back every name and version that it wrote, and two releases never share a text', () => {
    const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 128 });
    const version = fc.bigInt({ min: 0n, max: 2n ** 63n - 1n });
    fc.assert(
      fc.property(name, version, (model, number) => {
        expect(releaseOf(statement(releasePurl({ model, version: number })))).toEqual({ model, version: number });
      }),
      { numRuns: 40 },
    );
  });

  it('never throws, and what it reads it would write the same way', () => {
    const purl = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.stringMatching(/^pkg:generic\/[a%0-9C/@?#]{0,12}@[0-9]{0,20}$/),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(purl, (text) => {
        const release = releaseOf(statement(text));
        if (release !== undefined) expect(releasePurl(release)).toBe(text);
      }),
      { numRuns: 500 },
    );
  });
});
