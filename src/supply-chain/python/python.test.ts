// PEP 440, 503 and 508 against the examples of the PEPs themselves, and against each other by properties.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allows,
  compareVersions,
  exactVersion,
  normalizedName,
  parseRequirement,
  parseSpecifiers,
  parseVersion,
  versionText,
} from './index.ts';

function version(text: string) {
  const parsed = parseVersion(text);
  if (parsed === undefined) throw new Error(`${text} is no version`);
  return parsed;
}

function isIn(text: string, specifiers: string): boolean {
  const set = parseSpecifiers(specifiers);
  if (set === undefined) throw new Error(`${specifiers} is no specifier`);
  return allows(set, version(text));
}

describe('versions of PEP 440', () => {
  // "Summary of permitted suffixes and relative ordering", and the examples before it.
  const ordered = [
    '1.dev0',
    '1.0.dev456',
    '1.0a1',
    '1.0a2.dev456',
    '1.0a12.dev456',
    '1.0a12',
    '1.0b1.dev456',
    '1.0b2',
    '1.0b2.post345.dev456',
    '1.0b2.post345',
    '1.0rc1.dev456',
    '1.0rc1',
    '1.0',
    '1.0+abc.5',
    '1.0+abc.7',
    '1.0+5',
    '1.0.post456.dev34',
    '1.0.post456',
    '1.0.15',
    '1.1.dev1',
    '1!0.1',
  ];

  it('are ordered as the PEP orders them', () => {
    for (const [at, lower] of ordered.entries())
      for (const higher of ordered.slice(at + 1)) {
        expect([lower, higher, Math.sign(compareVersions(version(lower), version(higher)))]).toEqual([lower, higher, -1]);
        expect(Math.sign(compareVersions(version(higher), version(lower)))).toBe(1);
      }
  });

  it.each([
    ['1.1RC1', '1.1rc1'],
    ['00.1', '0.1'],
    ['1.1.a1', '1.1a1'],
    ['1.1-a1', '1.1a1'],
    ['1.1a.1', '1.1a1'],
    ['1.1alpha1', '1.1a1'],
    ['1.1beta2', '1.1b2'],
    ['1.1c3', '1.1rc3'],
    ['1.1preview3', '1.1rc3'],
    ['1.2a', '1.2a0'],
    ['1.2-post2', '1.2.post2'],
    ['1.2post2', '1.2.post2'],
    ['1.0-r4', '1.0.post4'],
    ['1.2.post', '1.2.post0'],
    ['1.0-1', '1.0.post1'],
    ['1.2-dev2', '1.2.dev2'],
    ['1.2dev', '1.2.dev0'],
    ['1.0+ubuntu-1', '1.0+ubuntu.1'],
    ['v1.0', '1.0'],
    [' 1.0\n', '1.0'],
    ['2.15.0.post1', '2.15.0.post1'],
  ])('%s is normally %s', (text, normal) => expect(versionText(version(text))).toBe(normal));

  it.each([
    '',
    '1.',
    '.1',
    '1..2',
    '1.0+',
    '1.0+a_',
    '1.0-',
    'one',
    '1.0 2',
    '1.0foo',
    '1.0a1a2',
    '１.0',
    `1${'.1'.repeat(20)}`,
    '1'.repeat(200),
    '9'.repeat(10),
  ])('%s is none', (text) => expect(parseVersion(text)).toBeUndefined());

  it('come back from their normal form', () => {
    const part = fc.integer({ min: 0, max: 999_999 });
    const made = fc
      .record({
        release: fc.array(part, { minLength: 1, maxLength: 5 }),
        pre: fc.option(fc.tuple(fc.constantFrom('a', 'b', 'rc'), part)),
        post: fc.option(part),
        dev: fc.option(part),
      })
      .map(
        ({ release, pre, post, dev }) =>
          `${release.join('.')}${pre?.join('') ?? ''}${post === null ? '' : `.post${post}`}${dev === null ? '' : `.dev${dev}`}`,
      );
    fc.assert(fc.property(made, (text) => void expect(versionText(version(text))).toBe(text)));
    fc.assert(
      fc.property(made, made, made, (a, b, c) => {
        const [x, y, z] = [a, b, c].map(version);
        expect(Math.sign(compareVersions(x, y))).toBe(0 - Math.sign(compareVersions(y, x)));
        if (compareVersions(x, y) <= 0 && compareVersions(y, z) <= 0) expect(compareVersions(x, z)).toBeLessThanOrEqual(0);
      }),
    );
  });
});

describe('specifiers of PEP 440', () => {
  it.each([
    ['~=2.2', '2.2', true],
    ['~=2.2', '2.9', true],
    ['~=2.2', '3.0', false],
    ['~=1.4.5', '1.4.9', true],
    ['~=1.4.5', '1.5', false],
    ['~=2.2.post3', '2.2.post3', true],
    ['~=2.2.post3', '2.2', false],
    ['~=1.4.5a4', '1.4.5a4', true],
    ['~=1.4.5a4', '1.5', false],
    ['~=2.2.0', '2.2.1', true],
    ['==1.1', '1.1.post1', false],
    ['==1.1.post1', '1.1.post1', true],
    ['==1.1.*', '1.1.post1', true],
    ['==1.1', '1.1.0', true],
    ['==1.1', '1.1a1', false],
    ['==1.1', '1.1+local', true],
    ['==1.1+local', '1.1', false],
    ['==1.1.*', '1.1a1', false],
    ['!=1.1', '1.1.post1', true],
    ['!=1.1.*', '1.1.post1', false],
    ['>1.7', '1.7.1', true],
    ['>1.7', '1.7.0.post1', false],
    ['>1.7.post2', '1.7.1', true],
    ['>1.7.post2', '1.7.0.post3', true],
    ['<1.7', '1.7rc1', false],
    ['>=2.16,!=2.16.1,<3', '2.16.1', false],
    ['>=2.16,!=2.16.1,<3', '2.16.2', true],
    ['===1.0', '1.0', true],
    ['', '1.0', true],
    ['', '1.0rc1', false],
    ['>=1.0rc0', '1.0rc1', true],
  ])('%s: %s is allowed: %s', (specifiers, text, expected) => expect(isIn(text, specifiers)).toBe(expected));

  it.each(['2.16', '=2.16', '=>2', '~=2', '>=2.*', '~=2.1.*', '>=1+local', '==1.0.dev1.*', '>=', '==2.*.1', '>=1 <2', '== 1 2'])(
    '%s is none',
    (text) => expect(parseSpecifiers(text)).toBeUndefined(),
  );

  it('knows what is exact', () => {
    expect(exactVersion(parseSpecifiers('==2.21.0') ?? [])).toBe('2.21.0');
    expect(exactVersion(parseSpecifiers('===2.21.0') ?? [])).toBe('2.21.0');
    expect(exactVersion(parseSpecifiers('==2.21.*,>2') ?? [])).toBeUndefined();
  });
});

describe('requirements of PEP 508', () => {
  it.each([
    ['A', { name: 'A', specifierText: '' }],
    ['name>=3', { name: 'name', specifierText: '>=3' }],
    ['name>=3,<2', { specifierText: '>=3,<2' }],
    ['name (>=3,<2)', { specifierText: '>=3,<2' }],
    [
      'name [fred,bar] @ http://foo.com ; python_version=="2.7"',
      { extras: ['fred', 'bar'], url: 'http://foo.com', marker: 'python_version=="2.7"' },
    ],
    [
      "name[quux, strange];python_version<'2.7' and platform_version=='2'",
      { extras: ['quux', 'strange'], marker: "python_version<'2.7' and platform_version=='2'" },
    ],
    ["name; os_name=='a' or os_name=='b'", { marker: "os_name=='a' or os_name=='b'" }],
  ])('%s', (text, expected) => expect(parseRequirement(text)).toMatchObject(expected));

  it.each(['', '-e .', 'name[', 'name]', 'name >= ', 'name;', 'name @', '==1', 'a b', 'name=2', `a${'b'.repeat(20_000)}`])(
    '%s is none',
    (text) => expect(parseRequirement(text)).toBeUndefined(),
  );

  it('takes any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => void parseRequirement(text)));
  });

  it('compares names as PEP 503 does', () => expect(normalizedName('Friendly-._.-Bard')).toBe('friendly-bard'));
});
