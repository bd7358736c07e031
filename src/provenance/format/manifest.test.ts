// Tests of what a manifest is made of: names, their order, their conflicts, and the two digests; each against a plain second
// implementation.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { isCanonicalName, isIgnored } from './index.ts';
import { completeManifest, componentKey, findNameProblem } from './manifest.ts';

const part = fc.constantFrom('a', 'b', 'ab', 'a.b', 'a-b', 'A', ' ', 'é', 'e\u0301', '\ue000', '𝄞', '*', '.git', '"\\\n');
const name = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));

describe('isCanonicalName', () => {
  it.each([
    'a',
    'variables/variables.index',
    '.hidden',
    '..a',
    'a..',
    ' ',
    'a\nb',
    '"\\',
    '𝄞',
    '\u202e',
    'x'.repeat(4096),
    'é'.repeat(2048),
  ])('accepts %j', (text) => {
    expect(isCanonicalName(text)).toBe(true);
  });

  it.each([
    '',
    '.',
    '..',
    '/',
    '/a',
    'a/',
    'a//b',
    './a',
    'a/./b',
    'a/..',
    '../a',
    'a\0',
    '\ud800',
    'a/\udfff',
    'x'.repeat(4097),
    'é'.repeat(2049),
  ])('refuses %j', (text) => {
    expect(isCanonicalName(text)).toBe(false);
  });
});

describe('isIgnored', () => {
  it.each<[string, boolean]>([
    ['.git', true],
    ['.git/hooks/pre-commit', true],
    ['.gitmodules', false],
    ['sub/.git/config', false],
    ['cache', false],
    ['cache/x', true],
    ['cache/xy', false],
    ['cache/x/y', true],
  ])('section 1.9: %s is %s', (text, expected) => {
    expect(isIgnored(text, ['.git', 'cache/x'])).toBe(expected);
  });

  test('ignores nothing when nothing is ignored', () => {
    expect(isIgnored('a', [])).toBe(false);
  });
});

describe('componentKey', () => {
  test('orders names by path component, and those by code point, as Python does', () => {
    const points = (text: string) => [...text].map((character) => character.codePointAt(0) ?? 0);
    const compare = (a: readonly number[], b: readonly number[]): number => {
      const at = a.findIndex((value, index) => value !== b[index]);
      return at < 0 ? a.length - b.length : at >= b.length ? 1 : a[at] - b[at];
    };
    const byComponents = (a: string, b: string): number => {
      const left = a.split('/');
      const right = b.split('/');
      for (const [index, component] of left.entries()) {
        if (index >= right.length) return 1;
        const order = compare(points(component), points(right[index]));
        if (order !== 0) return order;
      }
      return left.length - right.length;
    };
    fc.assert(
      fc.property(name, name, (a, b) => {
        expect(Math.sign(Buffer.compare(componentKey(a), componentKey(b)))).toBe(Math.sign(byComponents(a, b)));
      }),
      { numRuns: 1000 },
    );
  });

  test('section 1.7: a folder comes before the names that only begin like it', () => {
    const sorted = ['a.txt', 'a-b', 'a/b.txt', 'assets.extra/x', 'assets/y'].sort((a, b) =>
      Buffer.compare(componentKey(a), componentKey(b)),
    );
    expect(sorted).toEqual(['a/b.txt', 'a-b', 'a.txt', 'assets/y', 'assets.extra/x']);
  });
});

describe('findNameProblem', () => {
  it.each<[string, string[], string[], string | undefined]>([
    ['nothing in plain names', ['a', 'b/c', 'b/d'], ['.git', 'model.sig'], undefined],
    ['nothing in names that begin alike', ['a', 'a.b', 'ab', 'a-b'], ['a.'], undefined],
    ['nothing in ignored paths inside each other', ['a'], ['cache', 'cache/x', 'cache/x/y'], undefined],
    ['nothing in the name of a single file', ['.'], ['.git'], undefined],
    ['the name of a single file beside others', ['.', 'a'], [], 'files[0] a canonical relative name'],
    ['a name that is not canonical', ['a', './b'], [], 'files[1] a canonical relative name'],
    ['an ignored path that is everything', ['a'], ['.'], 'ignored[0] a canonical relative path without a pattern'],
    ['an ignored path that is nothing', ['a'], [''], 'ignored[0] a canonical relative path without a pattern'],
    ['a pattern', ['a'], ['*.log'], 'ignored[0] a canonical relative path without a pattern'],
    ['a name twice', ['a', 'b', 'a'], [], 'files[2] each name once'],
    ['an ignored path twice', ['a'], ['x', 'y', 'x'], 'ignored[2] each name once'],
    ['an ignored path twice inside another', ['a'], ['x', 'x/y', 'x/y'], 'ignored[2] each name once'],
    ['a name below a file', ['a/b', 'c', 'a'], [], 'files[0] no name below the name of a file'],
    [
      'a name below a file that is not its neighbour',
      ['a', 'a.b', 'a/c', 'a/b'],
      [],
      'files[3] no name below the name of a file',
    ],
    ['a signed file that is ignored', ['a', 'b'], ['b'], 'files[1] no signed file that is ignored'],
    ['a signed file below an ignored folder', ['a', 'b/c/d'], ['b/x', 'b'], 'files[1] no signed file that is ignored'],
    [
      'a signed file below an ignored folder, behind one inside of it',
      ['b/z'],
      ['b', 'b/x'],
      'files[0] no signed file that is ignored',
    ],
  ])('finds %s', (_, names, ignored, expected) => {
    const problem = findNameProblem(names, ignored);
    expect(problem === undefined ? undefined : `${problem.list}[${problem.index}] ${problem.expected}`).toBe(expected);
  });

  test('finds a problem exactly where comparing every pair finds one', () => {
    const below = (a: string, b: string) => a === b || a.startsWith(`${b}/`);
    fc.assert(
      fc.property(fc.array(name, { minLength: 1, maxLength: 6 }), fc.array(name, { maxLength: 4 }), (names, ignored) => {
        const twice = (list: string[]) => new Set(list).size < list.length;
        const inside = names.some((a, i) => names.some((b, j) => i !== j && below(a, b)));
        const covered = names.some((a) => ignored.some((b) => below(a, b)));
        const pattern = ignored.some((path) => path.includes('*'));
        expect(findNameProblem(names, ignored) !== undefined).toBe(
          twice(names) || twice(ignored) || inside || covered || pattern,
        );
      }),
      { numRuns: 2000 },
    );
  });

  test('takes time in proportion to the bytes of hostile names', () => {
    const deep = 'a/'.repeat(2000);
    const names = Array.from({ length: 3000 }, (_, index) => `${deep}${index}`);
    const startedMs = performance.now();
    expect(
      findNameProblem(
        names,
        Array.from({ length: 256 }, (_, index) => `${deep}x${index}`),
      ),
    ).toBeUndefined();
    expect(performance.now() - startedMs).toBeLessThan(4000);
  });
});

describe('completeManifest', () => {
  const sha = (...content: (Buffer | string)[]) => {
    const hash = createHash('sha256');
    for (const piece of content) hash.update(piece);
    return hash.digest('hex');
  };
  const files = [
    { name: '\ue000', digest: sha('1') },
    { name: '𝄞', digest: sha('2') },
    { name: 'a.b', digest: sha('3') },
    { name: 'a/b', digest: sha('4') },
  ];

  test('has the root of its digests in their order', () => {
    const digests = files.map(({ digest }) => Buffer.from(digest, 'hex'));
    expect(completeManifest(files, 'sha256', []).root).toBe(sha(...digests));
    expect(completeManifest([...files].reverse(), 'sha256', []).root).toBe(sha(...digests.reverse()));
  });

  test('has an identity over names in the order of their bytes, algorithm and digests, each with its length', () => {
    const field = (content: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, content.length]), content]);
    const order = [files[2], files[3], files[0], files[1]];
    const text = order
      .flatMap(({ name, digest }) => [Buffer.from(name), Buffer.from('sha256'), Buffer.from(digest, 'hex')])
      .map(field);
    expect(completeManifest(files, 'sha256', ['.git']).identity).toBe(sha(Buffer.concat(text)));
  });

  test('has one identity for one content, whatever the order, and another for any other content', () => {
    const file = fc.record({ name, digest: fc.constantFrom(sha('1'), sha('2'), sha('3')) });
    const list = fc.uniqueArray(file, { selector: (entry) => entry.name, minLength: 1, maxLength: 5 });
    const said = (entries: readonly { name: string; digest: string }[]) =>
      JSON.stringify(entries.map(({ name, digest }) => [name, digest]).sort());
    fc.assert(
      fc.property(list, list, (one, other) => {
        const { identity } = completeManifest(one, 'sha256', []);
        expect(completeManifest([...one].reverse(), 'sha256', ['x']).identity).toBe(identity);
        expect(completeManifest(other, 'sha256', []).identity === identity).toBe(said(one) === said(other));
        expect(completeManifest(one, 'blake2b', []).identity).not.toBe(identity);
      }),
    );
  });
});
