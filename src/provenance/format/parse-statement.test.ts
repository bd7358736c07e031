// Tests of in-toto statements: the forms of model signatures and attestations are read, and what deviates is refused with its
// place.
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { isAirlockError } from '../../core/index.ts';
import { maxFiles, modelSignatureType, modelSignatureTypeV02, parseStatement, statementType } from './index.ts';

const digest = 'ab'.repeat(32);
const current = {
  _type: statementType,
  subject: [{ name: 'model', digest: { sha256: digest } }],
  predicateType: modelSignatureType,
  predicate: { any: 1 },
};
const old = {
  ...current,
  subject: ['a', 'b'].map((name) => ({
    name,
    digest: { sha256: digest },
    annotations: { actual_hash_algorithm: 'file-sha256' },
  })),
  predicateType: modelSignatureTypeV02,
};

const parse = (value: unknown) => parseStatement(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));

function refusal(value: unknown): string {
  try {
    parse(value);
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    return `${thrown.code} ${thrown.violations[0].rule} at ${thrown.violations[0].path}`;
  }
  return 'accepted';
}

describe('parseStatement', () => {
  test('reads a model signature', () => {
    const statement = parse(current);
    expect(JSON.parse(JSON.stringify(statement))).toEqual({
      predicateType: modelSignatureType,
      subjects: current.subject,
      predicate: current.predicate,
    });
  });

  test('reads an attestation with two digests of one subject', () => {
    const digests = { sha256: digest, manifestSha256: digest };
    const { subjects } = parse({
      ...current,
      predicateType: 'https://slsa.dev/provenance/v1',
      subject: [{ name: '', digest: digests }],
    });
    expect({ ...subjects[0].digest }).toEqual(digests);
  });

  test('reads a subject per file in the form of model-signing 0.2', () => {
    expect(parse(old).subjects.map(({ name }) => name)).toEqual(['a', 'b']);
  });

  const subject = (change: object) => ({ ...current, subject: [{ ...current.subject[0], ...change }] });
  const digests = (value: unknown) => subject({ digest: value });

  it.each<[string, unknown, string]>([
    ['a list', [], 'BUNDLE_INVALID object at '],
    ['section 6: a byte order mark in the payload', `\ufeff${JSON.stringify(current)}`, 'BUNDLE_INVALID json at '],
    [
      'section 6: a key twice, the bad value first',
      JSON.stringify(current).replace('{"sha256":', `{"sha256":"${'00'.repeat(32)}","sha256":`),
      'BUNDLE_INVALID uniqueKey at subject[0].digest.sha256',
    ],
    ['a missing key', { ...current, predicate: undefined }, 'BUNDLE_INVALID keys at '],
    ['an unknown key', { ...current, extra: 1 }, 'BUNDLE_INVALID keys at '],
    ['v0.1 of in-toto', { ...current, _type: 'https://in-toto.io/Statement/v0.1' }, 'BUNDLE_INVALID type at _type'],
    ['a predicate type above 256 bytes', { ...current, predicateType: 'x'.repeat(257) }, 'BUNDLE_INVALID text at predicateType'],
    ['a predicate that is a list', { ...current, predicate: [] }, 'BUNDLE_INVALID object at predicate'],
    ['no subject', { ...current, subject: [] }, 'BUNDLE_INVALID list at subject'],
    ['two subjects', { ...old, predicateType: modelSignatureType }, 'BUNDLE_INVALID list at subject'],
    ['a subject that is a text', { ...current, subject: ['a'] }, 'BUNDLE_INVALID object at subject[0]'],
    ['an unknown key in a subject', subject({ uri: 'x' }), 'BUNDLE_INVALID keys at subject[0]'],
    ['annotations outside of the old form', subject({ annotations: {} }), 'BUNDLE_INVALID keys at subject[0]'],
    ['a name that is a number', subject({ name: 1 }), 'BUNDLE_INVALID text at subject[0].name'],
    ['a name above 4,096 bytes', subject({ name: 'é'.repeat(2049) }), 'BUNDLE_INVALID text at subject[0].name'],
    ['no digest', digests({}), 'BUNDLE_INVALID digests at subject[0].digest'],
    ['digests that are a text', digests(digest), 'BUNDLE_INVALID object at subject[0].digest'],
    [
      'nine digests',
      digests(Object.fromEntries([...'abcdefghi'].map((key) => [key, '00']))),
      'BUNDLE_INVALID digests at subject[0].digest',
    ],
    ['an algorithm with a dot', digests({ 'sha.256': digest }), 'BUNDLE_INVALID algorithm at subject[0].digest'],
    [
      'section 1.12: a digest in uppercase',
      digests({ sha256: digest.toUpperCase() }),
      'BUNDLE_INVALID hex at subject[0].digest.sha256',
    ],
    ['a digest of another length', digests({ sha256: 'abab' }), 'BUNDLE_INVALID hex at subject[0].digest.sha256'],
    ['half a byte', digests({ gitCommit: 'aba' }), 'BUNDLE_INVALID hex at subject[0].digest.gitCommit'],
    ['a digest that is null', digests({ gitCommit: null }), 'BUNDLE_INVALID hex at subject[0].digest.gitCommit'],
    ['a digest above 128 bytes', digests({ other: '00'.repeat(129) }), 'BUNDLE_INVALID hex at subject[0].digest.other'],
    [
      'digests of shards in the old form',
      { ...old, subject: [{ ...old.subject[0], annotations: { actual_hash_algorithm: 'file-sha256-1000000' } }] },
      'BUNDLE_UNSUPPORTED algorithm at subject[0].annotations',
    ],
    [
      'other annotations in the old form',
      { ...old, subject: [{ ...old.subject[0], annotations: { a: 1 } }] },
      'BUNDLE_INVALID keys at subject[0].annotations',
    ],
  ])('refuses %s', (_, value, reason) => {
    expect(refusal(value)).toBe(reason);
  });

  test('refuses more than 100,000 subjects in the old form', () => {
    const text = JSON.stringify({ ...old, subject: [] });
    const many = text.replace('[]', `[${'0,'.repeat(maxFiles)}0]`);
    expect(refusal(many)).toBe('BUNDLE_INVALID list at subject');
  });

  test('gives a statement or BUNDLE_INVALID or BUNDLE_UNSUPPORTED, whatever bytes come', () => {
    const samples = [current, old].map((value) => JSON.stringify(value));
    const flips = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...samples), flips, (text, changes) => {
        const bytes = Buffer.from(text);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        try {
          expect(parseStatement(bytes).subjects.length).toBeGreaterThan(0);
        } catch (thrown) {
          expect(isAirlockError(thrown) && thrown.code).toMatch(/^BUNDLE_(INVALID|UNSUPPORTED)$/);
        }
      }),
      { numRuns: 1500 },
    );
  });
});
