// Predicates of every type that are complete and right, for tests to change in one place.
import type { PredicateType } from '../../src/provenance/attestations/index.ts';
import { predicateTypes, subjectOf } from '../../src/provenance/attestations/index.ts';
import type { Manifest, Statement } from '../../src/provenance/provenance-types.ts';

export const digestOf = (digit: string): string => digit.repeat(64);

export const exampleManifest: Manifest = {
  hashType: 'sha256',
  files: [{ name: 'saved_model.pb', digest: digestOf('1') }],
  ignored: ['model.sig', 'model.sig.d'],
  root: digestOf('a'),
  identity: digestOf('b'),
};

/** When everything in the examples was done. */
export const exampleTime = '2026-01-31T12:00:00Z';

/** Fresh objects at each call, so that a test may change them. */
export function examplePredicates(): Record<PredicateType, Record<string, unknown>> {
  return {
    slsa: {
      buildDefinition: {
        buildType: 'https://example.test/train/v1',
        externalParameters: { epochs: 3 },
        internalParameters: {},
        resolvedDependencies: [
          { uri: 'https://example.test/digits.npz', digest: { sha256: digestOf('2') } },
          { uri: 'git+https://example.test/code', digest: { gitCommit: 'f'.repeat(40) } },
          { uri: 'https://example.test/nothing' },
        ],
      },
      runDetails: {
        builder: { id: 'https://example.test/builder' },
        metadata: { invocationId: '7', startedOn: '2026-01-31T11:00:00Z', finishedOn: exampleTime },
      },
    },
    training: {
      trainedAt: exampleTime,
      data: [
        { name: 'digits.npz', uri: 'https://example.test/digits.npz', digest: { sha256: digestOf('2') }, rows: 1797 },
        { name: 'more.csv', digest: { sha256: digestOf('3') } },
      ],
      code: { uri: 'git+https://example.test/code', revision: 'f'.repeat(40), dirty: false },
      framework: { name: 'tensorflow', version: '2.21.0' },
      hyperparameters: { epochs: 3, optimizer: 'adam', shuffle: true, seed: null, units: [64, 'x', false], note: '' },
      metrics: { accuracy: 0.97 },
    },
    scan: {
      scannedAt: exampleTime,
      scanner: { name: 'airlock', version: '0.1.0' },
      verdict: 'passed',
      findings: [
        { id: 'graph.print', severity: 'info', count: 2 },
        { id: 'graph.large', severity: 'low', count: 1 },
      ],
      highestSeverity: 'low',
    },
    contract: { contract: { id: 'digits', revision: 3, digest: digestOf('4') } },
    evaluation: {
      evaluatedAt: exampleTime,
      data: { name: 'test.npz', digest: { sha256: digestOf('5') }, rows: 360 },
      metrics: { accuracy: 0.96, loss: 0.12 },
    },
  };
}

/** A statement of a type about `exampleManifest`. */
export function exampleStatement(type: PredicateType, predicate: Record<string, unknown> = examplePredicates()[type]): Statement {
  return { predicateType: predicateTypes[type], subjects: [subjectOf(exampleManifest, 'digits')], predicate };
}

/** A copy of `value` with what lies at `path` replaced; taken away where `replacement` is undefined. */
export function changed<T extends object>(value: T, path: readonly (string | number)[], replacement: unknown): T {
  const copy = structuredClone(value);
  let place: Record<string | number, unknown> = copy as Record<string | number, unknown>;
  for (const step of path.slice(0, -1)) place = place[step] as Record<string | number, unknown>;
  const last = path[path.length - 1];
  if (replacement === undefined) delete place[last];
  else place[last] = replacement;
  return copy;
}
