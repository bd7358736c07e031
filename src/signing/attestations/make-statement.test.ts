// Statements that are made: each is read back by the code that judges them, and what no reader takes is not made.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changed, digestOf, exampleManifest, examplePredicates } from '../../../tests/support/attestations.ts';
import type { AttestationDemand } from '../../config/index.ts';
import { severities } from '../../core/index.ts';
import {
  checkAttestation,
  type Predicates,
  type PredicateType,
  readPredicate,
  releaseOf,
  subjectMatches,
  worstSeverity,
} from '../../provenance/attestations/index.ts';
import { parseStatement } from '../../provenance/format/index.ts';
import { attestationStatement, releaseStatement } from './make-statement.ts';

const types: readonly PredicateType[] = ['slsa', 'training', 'scan', 'contract', 'evaluation'];

const hex = fc.stringMatching(/^[0-9a-f]{64}$/);
const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 64 });
const key = fc.string({ unit: 'binary', minLength: 1, maxLength: 32 });
const number = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const time = fc
  .date({ min: new Date('1970-01-01T00:00:00Z'), max: new Date('2100-01-01T00:00:00Z'), noInvalidDate: true })
  .map((date) => date.toISOString());
const scalar = fc.oneof(text, number, fc.boolean(), fc.constant(null));
const data = fc.record(
  { name: text, uri: text, digest: fc.record({ sha256: hex }), rows: fc.nat() },
  { requiredKeys: ['name', 'digest'] },
);
const findings = fc.array(fc.record({ id: text, severity: fc.constantFrom(...severities), count: fc.integer({ min: 1 }) }), {
  maxLength: 5,
});
const dictionary = <T>(value: fc.Arbitrary<T>) => fc.dictionary(key, value, { maxKeys: 5, noNullPrototype: true });

/** Every predicate that is right. */
const predicates: Record<PredicateType, fc.Arbitrary<Record<string, unknown>>> = {
  slsa: fc.record({
    buildDefinition: fc.record(
      {
        buildType: text,
        externalParameters: dictionary(fc.jsonValue({ depthSize: 'small' })),
        internalParameters: dictionary(scalar),
        resolvedDependencies: fc.array(fc.record({ uri: text, digest: fc.record({ sha256: hex }) }), { maxLength: 4 }),
      },
      { requiredKeys: ['buildType', 'externalParameters'] },
    ),
    runDetails: fc.record({ builder: fc.record({ id: text }), metadata: fc.record({ startedOn: time, finishedOn: time }) }),
  }),
  training: fc.record(
    {
      trainedAt: time,
      data: fc.array(data, { maxLength: 4 }),
      code: fc.record({ uri: text, revision: text, dirty: fc.boolean() }, { requiredKeys: ['revision'] }),
      framework: fc.record({ name: text, version: text }),
      hyperparameters: dictionary(fc.oneof(scalar, fc.array(scalar, { maxLength: 4 }))),
      metrics: dictionary(number),
    },
    { requiredKeys: ['trainedAt', 'data', 'code', 'framework', 'hyperparameters'] },
  ),
  scan: fc.record({
    scannedAt: time,
    scanner: fc.record({ name: text, version: text }),
    verdict: fc.constantFrom('passed', 'failed'),
    findings,
  }),
  contract: fc.record({ contract: fc.record({ id: text, revision: fc.integer({ min: 1 }), digest: hex }) }),
  evaluation: fc.record({ evaluatedAt: time, data, metrics: dictionary(number) }),
};

/** The strictest demand that a predicate meets. */
const strictest: { [Type in PredicateType]: (predicate: Predicates[Type]) => AttestationDemand } = {
  slsa: ({ buildDefinition: { buildType, resolvedDependencies = [] }, runDetails }) => ({
    type: 'slsa',
    threshold: 1,
    buildType,
    builder: runDetails.builder.id,
    materials: resolvedDependencies.flatMap(({ digest }) => digest?.get('sha256') ?? []),
  }),
  training: (predicate) => ({ type: 'training', threshold: 1, materials: predicate.data.map(({ digest }) => digest.sha256) }),
  scan: (predicate) => ({ type: 'scan', threshold: 1, maxSeverity: worstSeverity(predicate.findings) ?? 'info' }),
  contract: () => ({ type: 'contract', threshold: 1 }),
  evaluation: ({ metrics }) => ({
    type: 'evaluation',
    threshold: 1,
    metrics: Object.fromEntries(
      [...metrics].filter(([name]) => name !== '__proto__').map(([name, value]) => [name, { min: value, max: value }]),
    ),
  }),
};

function verdict<Type extends PredicateType>(type: Type, payload: Buffer): string | undefined {
  const statement = parseStatement(payload);
  const { predicate } = readPredicate(type, statement.predicate);
  if (predicate === undefined) return 'unreadable';
  const contractDigest = 'contract' in predicate ? predicate.contract.digest : undefined;
  return checkAttestation(strictest[type](predicate), statement, { manifest: exampleManifest, contractDigest, nowMs: 0 });
}

describe('attestationStatement()', () => {
  it.each(types)('makes %s statements that are read back, and that meet the strictest demand that they can', (type) => {
    fc.assert(
      fc.property(predicates[type], (predicate) => {
        const payload = attestationStatement(type, exampleManifest, 'digits', predicate);
        expect(payload).toEqual(attestationStatement(type, exampleManifest, 'digits', predicate));
        expect(subjectMatches(parseStatement(payload), exampleManifest)).toBe(true);
        expect(JSON.parse(payload.toString()).predicate).toEqual(JSON.parse(JSON.stringify(predicate)));
        expect(verdict(type, payload)).toBe(type === 'scan' && predicate.verdict === 'failed' ? 'the scan failed' : undefined);
      }),
      { numRuns: 30 },
    );
  });

  it.each<[PredicateType, (string | number)[], unknown]>([
    ['slsa', ['runDetails', 'builder'], undefined],
    ['training', ['trainedAt'], 'yesterday'],
    ['scan', ['findings', 1, 'severity'], 'LOW'],
    ['contract', ['contract', 'digest'], 'f'.repeat(63)],
    ['evaluation', ['metrics', 'accuracy'], 'high'],
  ])('makes no %s statement with a wrong %j, and says where', (type, path, value) => {
    const predicate = changed(examplePredicates()[type], path, value);
    const place = path.join('.').replace(/\.(\d+)/g, '[$1]');
    expect(() => attestationStatement(type, exampleManifest, 'digits', predicate)).toThrow(
      expect.objectContaining({ code: 'USAGE', violations: [expect.objectContaining({ path: place })] }),
    );
  });

  it('makes none that the parser of verifiers would refuse', () => {
    let deep: unknown = 1;
    for (let depth = 0; depth < 40; depth++) deep = [deep];
    const predicate = changed(examplePredicates().slsa, ['buildDefinition', 'externalParameters', 'deep'], deep);
    expect(() => attestationStatement('slsa', exampleManifest, 'digits', predicate)).toThrow(
      expect.objectContaining({ code: 'BUNDLE_INVALID' }),
    );
  });

  it('makes none about a manifest whose digests are no digests', () => {
    const manifest = { ...exampleManifest, root: 'x' };
    expect(() => attestationStatement('scan', manifest, 'digits', examplePredicates().scan)).toThrow();
  });
});

describe('releaseStatement()', () => {
  it('binds the content to every name that a model can have, and every version', () => {
    const name = fc.stringMatching(/^[ -.0-9;-~äあ🧮]{1,32}$/u);
    fc.assert(
      fc.property(name, fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), (model, version) => {
        const statement = parseStatement(releaseStatement(exampleManifest, '1', model, version));
        expect(releaseOf(statement)).toEqual({ model, version });
        expect(statement.subjects).toEqual([{ name: '1', digest: { sha256: digestOf('a'), manifestSha256: digestOf('b') } }]);
      }),
    );
  });

  it.each([
    ['an empty name', '', 1n],
    ['a slash', 'a/b', 1n],
    ['a colon', 'a:b', 1n],
    ['a control character', 'a\u0007', 1n],
    ['half of a surrogate pair', '\ud800', 1n],
    ['129 characters', 'a'.repeat(129), 1n],
    ['a negative version', 'a', -1n],
    ['a version of 2^63', 'a', 2n ** 63n],
  ])('refuses %s', (_what, model, version) => {
    expect(() => releaseStatement(exampleManifest, '1', model, version)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});
