// Every field of every predicate: what is right is read, and a wrong value, a missing one or too many of them are told with their place.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { changed, digestOf, examplePredicates } from '../../../tests/support/attestations.ts';
import { type PredicateType, readPredicate, timeOf } from './predicates.ts';

const types: readonly PredicateType[] = ['slsa', 'training', 'scan', 'contract', 'evaluation'];
const noon = Date.UTC(2026, 0, 31, 12);

function violations(type: PredicateType, value: unknown) {
  return readPredicate(type, value).violations ?? [];
}

describe('readPredicate()', () => {
  it.each(types)('reads a whole %s predicate, and ignores fields that it does not know', (type) => {
    const predicate = examplePredicates()[type];
    expect(violations(type, predicate)).toEqual([]);
    expect(violations(type, { ...predicate, unknown: 1, ['__proto__']: 2 })).toEqual([]);
  });

  it.each<PredicateType>(['scan', 'evaluation'])('reads which TensorFlow a %s was done with, to the byte', (type) => {
    const predicate = examplePredicates()[type];
    expect(violations(type, { ...predicate, runtime: { version: '2.21.0', digest: digestOf('1') } })).toEqual([]);
    for (const runtime of [null, {}, { version: '2.21.0' }, { version: '2.21.0', digest: 'abc' }, { digest: digestOf('1') }])
      expect(violations(type, { ...predicate, runtime })).not.toEqual([]);
  });

  it('gives times in milliseconds and maps as maps', () => {
    const { predicate } = readPredicate('training', examplePredicates().training);
    expect(predicate?.trainedAt).toBe(noon);
    expect([...(predicate?.hyperparameters ?? [])]).toEqual([
      ['epochs', 3],
      ['optimizer', 'adam'],
      ['shuffle', true],
      ['seed', null],
      ['units', [64, 'x', false]],
      ['note', ''],
    ]);
    expect(predicate?.metrics?.get('accuracy')).toBe(0.97);
  });

  it('keeps a key that objects have: it is only text', () => {
    const hyperparameters = JSON.parse('{"__proto__": 1, "constructor": 2}');
    const { predicate } = readPredicate('training', { ...examplePredicates().training, hyperparameters });
    expect([...(predicate?.hyperparameters ?? [])]).toEqual([
      ['__proto__', 1],
      ['constructor', 2],
    ]);
  });

  it.each<[PredicateType, (string | number)[]]>([
    ['slsa', ['buildDefinition']],
    ['slsa', ['buildDefinition', 'buildType']],
    ['slsa', ['buildDefinition', 'externalParameters']],
    ['slsa', ['runDetails']],
    ['slsa', ['runDetails', 'builder']],
    ['slsa', ['runDetails', 'builder', 'id']],
    ['training', ['trainedAt']],
    ['training', ['data']],
    ['training', ['data', 0, 'name']],
    ['training', ['data', 1, 'digest']],
    ['training', ['data', 1, 'digest', 'sha256']],
    ['training', ['code']],
    ['training', ['code', 'revision']],
    ['training', ['framework']],
    ['training', ['framework', 'name']],
    ['training', ['framework', 'version']],
    ['training', ['hyperparameters']],
    ['scan', ['scannedAt']],
    ['scan', ['scanner']],
    ['scan', ['scanner', 'name']],
    ['scan', ['scanner', 'version']],
    ['scan', ['verdict']],
    ['scan', ['findings']],
    ['scan', ['findings', 0, 'id']],
    ['scan', ['findings', 0, 'severity']],
    ['scan', ['findings', 0, 'count']],
    ['contract', ['contract']],
    ['contract', ['contract', 'id']],
    ['contract', ['contract', 'revision']],
    ['contract', ['contract', 'digest']],
    ['evaluation', ['evaluatedAt']],
    ['evaluation', ['data']],
    ['evaluation', ['data', 'name']],
    ['evaluation', ['data', 'digest', 'sha256']],
    ['evaluation', ['metrics']],
  ])('refuses %s without %j, and says where', (type, path) => {
    const place = path.join('.').replace(/\.(\d+)/g, '[$1]');
    const found = violations(type, changed(examplePredicates()[type], path, undefined));
    expect(found.map((violation) => violation.path)).toContain(place);
  });

  it.each<[PredicateType, (string | number)[], unknown]>([
    ['slsa', ['buildDefinition', 'externalParameters'], []],
    ['slsa', ['buildDefinition', 'externalParameters'], null],
    ['slsa', ['buildDefinition', 'internalParameters'], 'x'],
    ['slsa', ['buildDefinition', 'resolvedDependencies'], {}],
    ['slsa', ['buildDefinition', 'resolvedDependencies', 0], 'x'],
    ['slsa', ['buildDefinition', 'resolvedDependencies', 0, 'digest'], []],
    ['slsa', ['buildDefinition', 'resolvedDependencies', 0, 'digest', 'sha256'], 1],
    ['slsa', ['runDetails', 'metadata', 'startedOn'], '2026-02-30T00:00:00Z'],
    ['slsa', ['runDetails', 'metadata', 'finishedOn'], 0],
    ['slsa', ['runDetails', 'builder', 'id'], ''],
    ['slsa', ['runDetails', 'builder', 'id'], 'x'.repeat(4_097)],
    ['training', ['trainedAt'], 1767225600],
    ['training', ['data', 0, 'rows'], -1],
    ['training', ['data', 0, 'rows'], 1.5],
    ['training', ['data', 0, 'rows'], 2 ** 53],
    ['training', ['data', 0, 'rows'], '3'],
    ['training', ['data', 0, 'digest', 'sha256'], digestOf('A')],
    ['training', ['data', 0, 'digest', 'sha256'], 'a'.repeat(63)],
    ['training', ['data', 0, 'digest', 'sha256'], `x${digestOf('a')}`],
    ['training', ['data', 0, 'digest', 'sha256'], `${digestOf('a')}x`],
    ['training', ['data', 0, 'digest', 'sha256'], 7],
    ['training', ['code', 'dirty'], 'no'],
    ['training', ['hyperparameters'], [1]],
    ['training', ['hyperparameters', 'epochs'], { deep: 1 }],
    ['training', ['hyperparameters', 'epochs'], [[1]]],
    ['training', ['hyperparameters', 'epochs'], 'x'.repeat(4_097)],
    ['training', ['hyperparameters', 'epochs'], new Array(1_001).fill(0)],
    ['training', ['metrics', 'accuracy'], '0.9'],
    ['training', ['metrics', 'accuracy'], Number.POSITIVE_INFINITY],
    ['scan', ['verdict'], 'Passed'],
    ['scan', ['findings', 0, 'severity'], 'severe'],
    ['scan', ['findings', 0, 'count'], 0],
    ['scan', ['highestSeverity'], 'none'],
    ['contract', ['contract', 'revision'], 0],
    ['contract', ['contract', 'id'], 'x'.repeat(1_025)],
    ['evaluation', ['metrics', 'accuracy'], null],
    ['evaluation', ['data'], [{}]],
  ])('refuses %s with %j set to something else', (type, path, value) => {
    const place = path.join('.').replace(/\.(\d+)/g, '[$1]');
    const [violation, ...more] = violations(type, changed(examplePredicates()[type], path, value));
    expect(more).toEqual([]);
    expect(violation.path).toBe(place);
    expect(violation.expected).not.toBe('');
    expect(violation.got).not.toBe('');
  });

  it('refuses a list and a map with too many entries before it reads them', () => {
    const findings = new Array(10_001).fill('x');
    expect(violations('scan', changed(examplePredicates().scan, ['findings'], findings))).toEqual([
      { path: 'findings', rule: 'length', expected: 'a list of at most 10000', got: 'a list' },
    ]);
    const metrics = Object.fromEntries(findings.map((_, index) => [`m${index}`, 'x']));
    const found = violations('evaluation', changed(examplePredicates().evaluation, ['metrics'], metrics));
    expect(found.map(({ path }) => path)).toEqual(['metrics']);
    for (const key of ['', 'x'.repeat(1_025)])
      expect(violations('evaluation', changed(examplePredicates().evaluation, ['metrics'], { [key]: 1 }))).toHaveLength(1);
  });

  it('tells 20 mistakes and no more, without control characters', () => {
    const metrics = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`\u001b[31m${index}`, '\u202e']));
    const found = violations('evaluation', { ...examplePredicates().evaluation, metrics });
    expect(found).toHaveLength(20);
    expect(JSON.stringify(found)).not.toMatch(/\\u001b|\u202e/);
  });

  it('never throws', () => {
    const keys = fc.constantFrom(...types.flatMap((type) => keysOf(examplePredicates()[type])), '__proto__', 'toString');
    const tree = fc.letrec((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.jsonValue(),
        fc.array(tie('value')),
        fc.dictionary(keys, tie('value'), { noNullPrototype: false }),
      ),
    })).value;
    fc.assert(
      fc.property(fc.constantFrom(...types), tree, (type, value) => {
        const { predicate, violations: found = [] } = readPredicate(type, value);
        expect(predicate === undefined).toBe(found.length > 0);
      }),
    );
  });
});

function keysOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => [key, ...keysOf(inner)]);
}

describe('timeOf()', () => {
  const slsaTime = (path: (string | number)[]) => {
    const { predicate } = readPredicate('slsa', changed(examplePredicates().slsa, path, undefined));
    return predicate && timeOf('slsa', predicate);
  };

  it('is when a build was finished, or else started', () => {
    expect(slsaTime(['nothing'])).toBe(noon);
    expect(slsaTime(['runDetails', 'metadata', 'finishedOn'])).toBe(noon - 3_600_000);
    expect(slsaTime(['runDetails', 'metadata'])).toBeUndefined();
  });

  it.each<[PredicateType, number | undefined]>([
    ['training', noon],
    ['scan', noon],
    ['contract', undefined],
    ['evaluation', noon],
  ])('of %s is %s', (type, timeMs) => {
    const { predicate } = readPredicate(type, examplePredicates()[type]);
    expect(predicate && timeOf(type, predicate)).toBe(timeMs);
  });
});
