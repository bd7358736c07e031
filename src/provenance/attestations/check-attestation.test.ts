// Demands of a policy against statements: what fits passes, and each single thing that is demanded refuses when it alone is otherwise.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changed, digestOf, exampleManifest, examplePredicates, exampleStatement } from '../../../tests/support/attestations.ts';
import type { AttestationDemand } from '../../config/index.ts';
import { type Severity, severities } from '../../core/index.ts';
import { checkAttestation, maxClockSkewMs } from './check-attestation.ts';
import type { PredicateType } from './predicates.ts';

const noon = Date.UTC(2026, 0, 31, 12);
const context = { manifest: exampleManifest, contractDigest: digestOf('4'), nowMs: noon };

/** Per type, everything that can be demanded, and just met by the examples. */
const demands: Record<PredicateType, AttestationDemand> = {
  slsa: {
    type: 'slsa',
    threshold: 1,
    maxAgeMs: 0,
    builder: 'https://example.test/builder',
    buildType: 'https://example.test/train/v1',
    materials: [digestOf('2')],
  },
  training: { type: 'training', threshold: 1, maxAgeMs: 0, materials: [digestOf('3'), digestOf('2')] },
  scan: { type: 'scan', threshold: 1, maxAgeMs: 0, maxSeverity: 'low' },
  contract: { type: 'contract', threshold: 1 },
  evaluation: { type: 'evaluation', threshold: 1, maxAgeMs: 0, metrics: { accuracy: { min: 0.96 }, loss: { max: 0.12 } } },
};
const types: readonly PredicateType[] = ['slsa', 'training', 'scan', 'contract', 'evaluation'];

function refusal(type: PredicateType, predicate = examplePredicates()[type], demand = demands[type], now = noon) {
  return checkAttestation(demand, exampleStatement(type, predicate), { ...context, nowMs: now });
}

describe('checkAttestation()', () => {
  it.each(types)('accepts a %s statement that meets all demands, and one that nothing is demanded of', (type) => {
    expect(refusal(type)).toBeUndefined();
    expect(refusal(type, undefined, { type, threshold: 1 })).toBeUndefined();
  });

  it('refuses a statement of every other type', () => {
    for (const type of types) {
      for (const other of types.filter((each) => each !== type))
        expect(checkAttestation(demands[type], exampleStatement(other), context)).toBe(`it is a statement of the type ${other}`);
    }
    const strange = { ...exampleStatement('scan'), predicateType: 'https://x\u001b[2J' };
    expect(checkAttestation(demands.scan, strange, context)).toBe('it is a statement of the type https://x\\u{1b}[2J');
  });

  it('refuses a statement about another model', () => {
    const manifest = { ...exampleManifest, identity: digestOf('0') };
    for (const type of types) {
      const reason = checkAttestation(demands[type], exampleStatement(type), { ...context, manifest });
      expect(reason).toBe('its subject is not the content of this model');
    }
  });

  it('refuses a predicate that cannot be read, and says where', () => {
    expect(refusal('scan', changed(examplePredicates().scan, ['verdict'], 'fine'))).toBe(
      'its predicate cannot be read at verdict: expected passed or failed, got "fine"',
    );
    const statement = { ...exampleStatement('scan'), predicate: JSON.parse('[]') };
    expect(checkAttestation(demands.scan, statement, context)).toMatch(/^its predicate cannot be read: expected /);
  });

  it.each<[string, PredicateType, (string | number)[], unknown]>([
    ['the builder is https://example.test/builder/', 'slsa', ['runDetails', 'builder', 'id'], 'https://example.test/builder/'],
    ['the builder is x\\u{202e}', 'slsa', ['runDetails', 'builder', 'id'], 'x\u202e'],
    ['the build type is y', 'slsa', ['buildDefinition', 'buildType'], 'y'],
    ['the material 222222222222', 'slsa', ['buildDefinition', 'resolvedDependencies', 0, 'digest', 'sha256'], digestOf('9')],
    ['the material 222222222222', 'slsa', ['buildDefinition', 'resolvedDependencies', 0, 'digest'], { sha512: digestOf('2') }],
    ['the material 222222222222', 'slsa', ['buildDefinition', 'resolvedDependencies'], undefined],
    ['the material 333333333333', 'training', ['data', 1, 'digest', 'sha256'], digestOf('9')],
    ['the material 333333333333', 'training', ['data'], []],
    ['the scan failed', 'scan', ['verdict'], 'failed'],
    ['it is about another contract, 999999999999', 'contract', ['contract', 'digest'], digestOf('9')],
    ['the metric accuracy is 0.95999', 'evaluation', ['metrics', 'accuracy'], 0.95999],
    ['the metric loss is 0.1201', 'evaluation', ['metrics', 'loss'], 0.1201],
    ['it has no metric loss', 'evaluation', ['metrics', 'loss'], undefined],
  ])('refuses: %s', (reason, type, path, value) => {
    expect(refusal(type, changed(examplePredicates()[type], path, value))).toContain(reason);
  });

  it('refuses a failed scan and an unreadable one whatever is demanded', () => {
    const failed = changed(examplePredicates().scan, ['verdict'], 'failed');
    expect(refusal('scan', failed, { type: 'scan', threshold: 1, maxSeverity: 'critical' })).toBe('the scan failed');
  });

  it('refuses a contract statement where no contract is served', () => {
    const reason = checkAttestation(demands.contract, exampleStatement('contract'), { ...context, contractDigest: undefined });
    expect(reason).toBe('the model is served without a contract');
  });

  it('finds no metric in the prototype of objects', () => {
    const demand: AttestationDemand = { type: 'evaluation', threshold: 1, metrics: { constructor: {} } };
    expect(refusal('evaluation', undefined, demand)).toBe('it has no metric constructor');
  });
});

describe('severities of a scan', () => {
  const scanWith = (found: readonly Severity[], highest?: Severity) =>
    changed(
      changed(
        examplePredicates().scan,
        ['findings'],
        found.map((severity) => ({ id: 'x', severity, count: 1 })),
      ),
      ['highestSeverity'],
      highest,
    );

  it('are computed from the findings, and compared with low where nothing is said', () => {
    const pairs = severities.flatMap((found) => severities.map((limit): [Severity, Severity] => [found, limit]));
    for (const [found, limit] of pairs) {
      const reason = refusal('scan', scanWith(['info', found]), { ...demands.scan, maxSeverity: limit });
      expect(reason === undefined, `${found} with ${limit}`).toBe(severities.indexOf(found) <= severities.indexOf(limit));
    }
    expect(refusal('scan', scanWith(['medium']), { type: 'scan', threshold: 1 })).toBe('a finding has the severity medium');
    expect(refusal('scan', scanWith([]))).toBeUndefined();
  });

  it('refuse a scanner that contradicts itself', () => {
    expect(refusal('scan', scanWith(['critical'], 'low'), { ...demands.scan, maxSeverity: 'critical' })).toBe(
      'it says that its highest severity is low, and its findings say critical',
    );
    expect(refusal('scan', scanWith([], 'info'))).toBe('it says that its highest severity is info, and its findings say none');
  });

  it('are found among ten thousand findings', () => {
    const many = new Array<Severity>(9_999).fill('info');
    expect(refusal('scan', scanWith([...many, 'high']))).toBe('a finding has the severity high');
  });
});

describe('the age of a statement', () => {
  const timed = types.filter((type) => type !== 'contract');

  it.each(timed)('of the type %s is measured to the millisecond', (type) => {
    const demand = { ...demands[type], maxAgeMs: 1_000 };
    expect(refusal(type, undefined, demand, noon + 1_000)).toBeUndefined();
    expect(refusal(type, undefined, demand, noon + 1_001)).toBe('it is too old: it was made at 2026-01-31T12:00:00.000Z');
  });

  it.each(timed)('of the type %s may be five minutes ahead of our clock', (type) => {
    expect(refusal(type, undefined, undefined, noon - maxClockSkewMs)).toBeUndefined();
    expect(refusal(type, undefined, undefined, noon - maxClockSkewMs - 1)).toBe(
      'it says that it was made in the future, at 2026-01-31T12:00:00.000Z',
    );
    const { maxAgeMs, ...ageless } = demands[type];
    expect(maxAgeMs).toBe(0);
    expect(refusal(type, undefined, ageless, 0)).toBeUndefined();
  });

  it('cannot be asked of one that does not say its time', () => {
    expect(refusal('contract', undefined, { ...demands.contract, maxAgeMs: 1e12 })).toBe('it does not say when it was made');
    const timeless = changed(examplePredicates().slsa, ['runDetails', 'metadata'], undefined);
    expect(refusal('slsa', timeless)).toBe('it does not say when it was made');
  });
});

describe('any value but the demanded one', () => {
  it('is refused: builders, build types and materials', () => {
    const places: [PredicateType, (string | number)[]][] = [
      ['slsa', ['runDetails', 'builder', 'id']],
      ['slsa', ['buildDefinition', 'buildType']],
      ['slsa', ['buildDefinition', 'resolvedDependencies', 0, 'digest', 'sha256']],
      ['training', ['data', 0, 'digest', 'sha256']],
      ['contract', ['contract', 'digest']],
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...places),
        fc.oneof(fc.string(), fc.stringMatching(/^[0-9a-f]{64}$/), fc.jsonValue()),
        (place, value) => {
          const [type, path] = place;
          const predicate = examplePredicates()[type];
          const other = changed(predicate, path, value);
          fc.pre(JSON.stringify(other) !== JSON.stringify(predicate));
          expect(refusal(type, other)).toEqual(expect.any(String));
        },
      ),
    );
  });

  it('is refused: metrics beyond their bounds', () => {
    const number = fc.double({ noNaN: true, noDefaultInfinity: true });
    fc.assert(
      fc.property(number, number, number, (value, min, max) => {
        const demand: AttestationDemand = { type: 'evaluation', threshold: 1, metrics: { accuracy: { min, max } } };
        const reason = refusal('evaluation', changed(examplePredicates().evaluation, ['metrics', 'accuracy'], value), demand);
        expect(reason === undefined).toBe(value >= min && value <= max);
      }),
    );
  });
});
