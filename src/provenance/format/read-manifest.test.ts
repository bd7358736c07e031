// Tests of model signatures' statements: row by row what the reference says of them (the rows' sections stand in the tests'
// names), and that whatever is made for signing is read back.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { isAirlockError } from '../../core/index.ts';
import {
  type MakeManifestOptions,
  makeManifest,
  maxFiles,
  maxIgnored,
  modelSignatureType,
  modelSignatureTypeV02,
  parseStatement,
  readManifest,
  statementType,
} from './index.ts';

type Json = Record<string, unknown>;

const sha256 = (content: string | Buffer) => createHash('sha256').update(content).digest('hex');
const rootOf = (digests: readonly string[]) => sha256(Buffer.from(digests.join(''), 'hex'));
const resource = (name: string, digest = sha256(name)) => ({ name, algorithm: 'sha256', digest });
const serialization = { method: 'files', hash_type: 'sha256', allow_symlinks: false, ignore_paths: ['model.sig', '.git'] };

function statement(
  names: readonly string[],
  change: { serialization?: Json; resources?: unknown; root?: string; predicate?: unknown } = {},
): Json {
  const resources = change.resources ?? names.map((name) => resource(name));
  return {
    _type: statementType,
    subject: [{ name: 'model', digest: { sha256: change.root ?? rootOf(names.map(sha256)) } }],
    predicateType: modelSignatureType,
    predicate: change.predicate ?? { serialization: { ...serialization, ...change.serialization }, resources },
  };
}

const v02 = (names: readonly string[]): Json => ({
  _type: statementType,
  subject: names.map((name) => ({
    name,
    digest: { sha256: sha256(name) },
    annotations: { actual_hash_algorithm: 'file-sha256' },
  })),
  predicateType: modelSignatureTypeV02,
  predicate: { unused: 'Unused, just passed due to API requirements' },
});

const read = (value: Json, legacy?: 'v0.2') => readManifest(parseStatement(Buffer.from(JSON.stringify(value))), legacy);

function refused(run: () => unknown): string {
  try {
    run();
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    const [{ rule, path }] = thrown.violations;
    return `${thrown.code} ${rule} at ${path}`;
  }
  return 'accepted';
}
const refusal = (value: Json, legacy?: 'v0.2') => refused(() => read(value, legacy));

const names = ['variables/variables.index', 'saved_model.pb', 'assets.extra/x', 'assets/y'];
const name0 = 'predicate.resources[0].name';
const serializationPath = 'predicate.serialization';

describe('what is read', () => {
  test('the files in the order of the statement, with what is ignored', () => {
    const manifest = read(statement(names));
    expect(manifest).toMatchObject({ hashType: 'sha256', ignored: ['model.sig', '.git'], root: rootOf(names.map(sha256)) });
    expect(manifest.files).toEqual(names.map((name) => ({ name, digest: sha256(name) })));
  });

  test("section 1.7: Python's order, the specification's and none, each with its own root and one identity", () => {
    const python = ['a/b.txt', 'a-b', 'a.txt'];
    const specification = ['a-b', 'a.txt', 'a/b.txt'];
    const manifests = [python, specification, ['a.txt', 'a/b.txt', 'a-b']].map((order) => read(statement(order)));
    expect(new Set(manifests.map(({ root }) => root)).size).toBe(3);
    expect(new Set(manifests.map(({ identity }) => identity)).size).toBe(1);
  });

  test('section 1.6: BLAKE2b, with digests of 64 bytes', () => {
    const digest = createHash('blake2b512').update('x').digest('hex');
    const value = statement([], {
      serialization: { hash_type: 'blake2b' },
      resources: [{ name: 'x', algorithm: 'blake2b', digest }],
      root: rootOf([digest]),
    });
    expect(read(value)).toMatchObject({ hashType: 'blake2b', root: rootOf([digest]) });
  });

  it.each([
    ['section 1.12: `.` for a model that is one file', '.'],
    ['section 1.12: the file name, as the specification has it', 'model.h5'],
  ])('%s', (_, name) => {
    expect(read(statement([name])).files.map((file) => file.name)).toEqual([name]);
  });

  test('section 3: v0.3.1 and v1.0.0 without ignore_paths, and a form without allow_symlinks', () => {
    const { ignore_paths: _ignored, allow_symlinks: _links, ...least } = serialization;
    const value = statement([], { predicate: { serialization: least, resources: [resource('a')] }, root: rootOf([sha256('a')]) });
    expect(read(value).ignored).toEqual([]);
  });

  test('section 1.8: names with newlines, quotes, in NFC and NFD, and beyond the BMP are different files', () => {
    const odd = ['a\nb', '"\\', 'é', 'e\u0301', '𝄞', '\ufffd', ':', ' '];
    expect(read(statement(odd)).files.map(({ name }) => name)).toEqual(odd);
  });
});

describe('section 3: the form of model-signing 0.2', () => {
  test('is read where the signer may use it: nothing is ignored, and the root is that of the subjects', () => {
    expect(read(v02(names), 'v0.2')).toMatchObject({ hashType: 'sha256', ignored: [], root: rootOf(names.map(sha256)) });
    expect(read({ ...v02(['a']), predicate: {} }, 'v0.2').files).toHaveLength(1);
  });

  it.each<[string, Json, 'v0.2' | undefined, string]>([
    ['it where the signer may not', v02(names), undefined, 'BUNDLE_UNSUPPORTED predicateType at predicateType'],
    ['the current form under its name', statement(names), 'v0.2', 'BUNDLE_UNSUPPORTED predicateType at predicateType'],
    ['another predicate', { ...v02(names), predicate: { serialization } }, 'v0.2', 'BUNDLE_INVALID keys at predicate'],
    [
      'a predicate that is not text',
      { ...v02(names), predicate: { unused: 1 } },
      'v0.2',
      'BUNDLE_INVALID text at predicate.unused',
    ],
    ['a name twice', v02(['a', 'b', 'a']), 'v0.2', 'BUNDLE_INVALID name at subject[2].name'],
    ['a name outside', v02(['../a']), 'v0.2', 'BUNDLE_INVALID name at subject[0].name'],
    [
      'another digest',
      { ...v02([]), subject: [{ name: 'a', digest: { sha512: '00'.repeat(64) } }] },
      'v0.2',
      'BUNDLE_INVALID keys at subject[0].digest',
    ],
  ])('refuses %s', (_, value, legacy, reason) => {
    expect(refusal(value, legacy)).toBe(reason);
  });
});

describe('what is refused', () => {
  const resourceWith = (change: Json) => statement([], { resources: [{ ...resource('a'), ...change }] });

  it.each<[string, Json, string]>([
    // Section 2, step 5.
    [
      'another predicate type',
      { ...statement(names), predicateType: 'https://slsa.dev/provenance/v1' },
      'BUNDLE_INVALID predicateType at predicateType',
    ],
    [
      'section 1.12: v1.1',
      { ...statement(names), predicateType: 'https://model_signing/signature/v1.1' },
      'BUNDLE_UNSUPPORTED predicateType at predicateType',
    ],
    [
      'section 1.12: an unknown key of the predicate',
      statement(names, { predicate: { serialization, resources: [], x: 1 } }),
      'BUNDLE_INVALID keys at predicate',
    ],
    [
      'section 1.12: an unknown key of the serialization',
      statement(names, { serialization: { x: 1 } }),
      `BUNDLE_INVALID keys at ${serializationPath}`,
    ],
    [
      'a serialization that is a list',
      statement(names, { predicate: { serialization: [], resources: [] } }),
      `BUNDLE_INVALID object at ${serializationPath}`,
    ],
    ['another root', statement(names, { root: sha256('x') }), 'BUNDLE_INVALID root at subject[0].digest.sha256'],
    [
      'the root of another order',
      statement(names, { root: rootOf([...names].sort().map(sha256)) }),
      'BUNDLE_INVALID root at subject[0].digest.sha256',
    ],
    [
      'a second digest of the subject',
      { ...statement(['a']), subject: [{ name: 'm', digest: { sha256: rootOf([sha256('a')]), sha512: '00'.repeat(64) } }] },
      'BUNDLE_INVALID keys at subject[0].digest',
    ],
    [
      'no sha256 of the subject',
      { ...statement(['a']), subject: [{ name: 'm', digest: { sha512: '00'.repeat(64) } }] },
      'BUNDLE_INVALID keys at subject[0].digest',
    ],
    [
      'section 1.11: shards as 1.1.1 writes them',
      statement([], {
        serialization: { method: 'shards', shard_size: 1000.0 },
        resources: [{ ...resource('a:0:10'), algorithm: 'sha256-sharded-1000' }],
      }),
      `BUNDLE_UNSUPPORTED method at ${serializationPath}.method`,
    ],
    [
      'another method',
      statement(names, { serialization: { method: 'file' } }),
      `BUNDLE_INVALID method at ${serializationPath}.method`,
    ],
    [
      'section 1.6: BLAKE3',
      statement(names, { serialization: { hash_type: 'blake3' } }),
      `BUNDLE_UNSUPPORTED hashType at ${serializationPath}.hash_type`,
    ],
    [
      'no hash type',
      statement(names, { serialization: { hash_type: undefined } }),
      `BUNDLE_UNSUPPORTED hashType at ${serializationPath}.hash_type`,
    ],
    [
      'section 1.10: links that are allowed',
      statement(names, { serialization: { allow_symlinks: true } }),
      `BUNDLE_UNSUPPORTED symlinks at ${serializationPath}.allow_symlinks`,
    ],
    [
      'links that are "false"',
      statement(names, { serialization: { allow_symlinks: 'false' } }),
      `BUNDLE_INVALID symlinks at ${serializationPath}.allow_symlinks`,
    ],
    // Section 1.9.
    [
      'section 1.9: everything ignored',
      statement(names, { serialization: { ignore_paths: ['.'] } }),
      `BUNDLE_INVALID name at ${serializationPath}.ignore_paths[0]`,
    ],
    [
      'an empty ignored path',
      statement(names, { serialization: { ignore_paths: ['x', ''] } }),
      `BUNDLE_INVALID name at ${serializationPath}.ignore_paths[1]`,
    ],
    [
      'the folder above',
      statement(names, { serialization: { ignore_paths: ['..'] } }),
      `BUNDLE_INVALID name at ${serializationPath}.ignore_paths[0]`,
    ],
    [
      'an absolute ignored path',
      statement(names, { serialization: { ignore_paths: ['/tmp'] } }),
      `BUNDLE_INVALID name at ${serializationPath}.ignore_paths[0]`,
    ],
    [
      'a slash at its end',
      statement(names, { serialization: { ignore_paths: ['x/'] } }),
      `BUNDLE_INVALID name at ${serializationPath}.ignore_paths[0]`,
    ],
    [
      'an ignored path twice',
      statement(names, { serialization: { ignore_paths: ['x', 'x'] } }),
      `BUNDLE_INVALID name at ${serializationPath}.ignore_paths[1]`,
    ],
    [
      'a pattern',
      statement(names, { serialization: { ignore_paths: ['*.log'] } }),
      `BUNDLE_INVALID name at ${serializationPath}.ignore_paths[0]`,
    ],
    [
      'ignored paths that are null',
      statement(names, { serialization: { ignore_paths: null } }),
      `BUNDLE_INVALID list at ${serializationPath}.ignore_paths`,
    ],
    [
      'an ignored path that is a number',
      statement(names, { serialization: { ignore_paths: [1] } }),
      `BUNDLE_INVALID text at ${serializationPath}.ignore_paths[0]`,
    ],
    [
      `more than ${maxIgnored} ignored paths`,
      statement(names, { serialization: { ignore_paths: Array.from({ length: maxIgnored + 1 }, (_, index) => `x${index}`) } }),
      `BUNDLE_INVALID list at ${serializationPath}.ignore_paths`,
    ],
    [
      'a signed file that is ignored',
      statement(['a', 'x/y'], { serialization: { ignore_paths: ['x'] } }),
      'BUNDLE_INVALID name at predicate.resources[1].name',
    ],
    // Section 2, step 6.
    ['section 1.12 and section 6: an empty model', statement([]), 'BUNDLE_INVALID list at predicate.resources'],
    [
      'more than 100,000 files',
      statement([], { resources: Array.from({ length: maxFiles + 1 }, () => 0) }),
      'BUNDLE_INVALID list at predicate.resources',
    ],
    ['a resource that is a text', statement([], { resources: ['a'] }), 'BUNDLE_INVALID object at predicate.resources[0]'],
    ['a resource with an unknown key', resourceWith({ size: 1 }), 'BUNDLE_INVALID keys at predicate.resources[0]'],
    [
      'a resource of another algorithm',
      resourceWith({ algorithm: 'blake2b' }),
      'BUNDLE_INVALID algorithm at predicate.resources[0].algorithm',
    ],
    [
      'section 1.12: a digest in uppercase',
      resourceWith({ digest: sha256('a').toUpperCase() }),
      'BUNDLE_INVALID hex at predicate.resources[0].digest',
    ],
    ['a short digest', resourceWith({ digest: sha256('a').slice(2) }), 'BUNDLE_INVALID hex at predicate.resources[0].digest'],
    ['a name that is a number', resourceWith({ name: 7 }), `BUNDLE_INVALID text at ${name0}`],
    ['a name above 4,096 bytes', resourceWith({ name: 'x'.repeat(4097) }), `BUNDLE_INVALID text at ${name0}`],
    ['section 6: a name twice', statement(['a', 'b', 'a']), 'BUNDLE_INVALID name at predicate.resources[2].name'],
    ['section 6: `./a`', statement(['./a']), `BUNDLE_INVALID name at ${name0}`],
    ['section 6: `a//b`', statement(['a//b']), `BUNDLE_INVALID name at ${name0}`],
    ['section 1.8: an absolute name', statement(['/a']), `BUNDLE_INVALID name at ${name0}`],
    ['section 1.8: `../a`', statement(['../a']), `BUNDLE_INVALID name at ${name0}`],
    ['section 1.8: a slash at the end', statement(['a/']), `BUNDLE_INVALID name at ${name0}`],
    ['section 1.8: an empty name', statement(['']), `BUNDLE_INVALID name at ${name0}`],
    ['section 2: a NUL', statement(['a\0b']), `BUNDLE_INVALID name at ${name0}`],
    ['`.` beside another file', statement(['.', 'a']), `BUNDLE_INVALID name at ${name0}`],
    ['section 2: a name below another', statement(['a/b', 'a']), `BUNDLE_INVALID name at ${name0}`],
  ])('%s', (_, value, reason) => {
    expect(refusal(value)).toBe(reason);
  });

  test('any single change of names, digests or order that keeps the old root and does not keep the digests', () => {
    const order = fc.shuffledSubarray(names, { minLength: 1 });
    fc.assert(
      fc.property(order, (other) => {
        fc.pre(other.join() !== names.join());
        expect(refusal(statement(other, { root: rootOf(names.map(sha256)) }))).toBe(
          'BUNDLE_INVALID root at subject[0].digest.sha256',
        );
      }),
    );
  });
});

describe('makeManifest', () => {
  const part = fc.constantFrom('a', 'b', 'a.b', 'A', 'é', '\ue000', '𝄞', 'x y', '..', '');
  const path = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
  const file = fc.record({ name: path, digest: fc.constantFrom(sha256('1'), sha256('2')) });
  const options = fc.record({ ignored: fc.array(path, { maxLength: 2 }) });

  test('makes what is read back as it is, or says SIGNING_FAILED for what would not be', () => {
    fc.assert(
      fc.property(fc.array(file, { maxLength: 5 }), options, (files, { ignored }) => {
        const text = (list: readonly { name: string; digest: string }[], root: string) =>
          statement([], {
            serialization: { ignore_paths: ignored },
            resources: list.map(({ name, digest }) => resource(name, digest)),
            root,
          });
        let made: ReturnType<typeof makeManifest>;
        try {
          made = makeManifest(files, { ignored });
        } catch (thrown) {
          expect(isAirlockError(thrown) && thrown.code).toBe('SIGNING_FAILED');
          expect(refusal(text(files, rootOf(files.map(({ digest }) => digest))))).toMatch(/^BUNDLE_INVALID (name|list)/);
          return;
        }
        expect(read(text(made.files, made.root))).toEqual(made);
      }),
      { numRuns: 1000 },
    );
  });

  test("section 1.7: has Python's order, with the same root whatever order the files come in", () => {
    const files = ['assets.extra/x', 'saved_model.pb', 'assets/y', '\ue000', '𝄞'].map((name) => ({ name, digest: sha256(name) }));
    const made = makeManifest(files, { ignored: [] });
    expect(made.files.map(({ name }) => name)).toEqual(['assets/y', 'assets.extra/x', 'saved_model.pb', '\ue000', '𝄞']);
    expect(makeManifest(files.reverse(), { ignored: [] })).toEqual(made);
  });

  it.each<[string, { name: string; digest: string }[], MakeManifestOptions, string]>([
    ['no files', [], { ignored: [] }, 'files'],
    ['too many files', Array.from({ length: maxFiles + 1 }, () => ({ name: 'a', digest: sha256('') })), { ignored: [] }, 'files'],
    [
      'too many ignored paths',
      [{ name: 'a', digest: sha256('') }],
      { ignored: Array.from({ length: maxIgnored + 1 }, (_, i) => `x${i}`) },
      'ignored',
    ],
    ['an ignored path that is everything', [{ name: 'a', digest: sha256('') }], { ignored: ['.'] }, 'ignored[0]'],
    ['a lone surrogate', [{ name: '\ud800', digest: sha256('') }], { ignored: [] }, 'files[0]'],
    [
      'digests of another algorithm',
      [{ name: 'a', digest: sha256('') }],
      { ignored: [], hashType: 'blake2b' },
      'files[0].digest',
    ],
  ])('refuses %s', (_, files, given, where) => {
    expect(refused(() => makeManifest(files, given))).toBe(`SIGNING_FAILED manifest at ${where}`);
  });

  test('makes a manifest of BLAKE2b', () => {
    const digest = createHash('blake2b512').update('x').digest('hex');
    expect(makeManifest([{ name: '.', digest }], { ignored: [], hashType: 'blake2b' })).toMatchObject({
      hashType: 'blake2b',
      root: rootOf([digest]),
    });
  });
});
