// The bill of materials: what statements say is in it, in the places that CycloneDX has for that; the schema passes it, and refuses it as soon
// as something in it is not right.
import { describe, expect, it } from 'vitest';
import {
  changed,
  digestOf,
  exampleManifest,
  examplePredicates,
  exampleStatement,
} from '../../../../tests/support/attestations.ts';
import { type PredicateType, predicateTypes, subjectOf } from '../../../provenance/attestations/index.ts';
import { modelSignatureType } from '../../../provenance/format/index.ts';
import type { Manifest } from '../../../provenance/index.ts';
import type { FoundStatement } from '../found-statements.ts';
import { assertValidBom, type ModelBomOptions, maxListedFiles, modelBom } from './index.ts';

function found(type: PredicateType, predicate = examplePredicates()[type], by = '1'): FoundStatement {
  const statement = exampleStatement(type, predicate);
  return {
    file: `model.sig.d/${type}-${by}.sigstore.json`,
    sha256: digestOf(by),
    type,
    statement,
    claimedBy: '',
    isVerified: undefined,
  };
}

const release: FoundStatement = {
  file: 'model.sig.d/release 1.sigstore.json',
  sha256: digestOf('6'),
  type: 'release',
  statement: {
    predicateType: predicateTypes.release,
    subjects: [subjectOf(exampleManifest, 'x')],
    predicate: { purl: 'pkg:generic/fraud%20model@7' },
  },
  claimedBy: '',
  isVerified: undefined,
};
const signature: FoundStatement = {
  ...release,
  file: 'model.sig',
  sha256: digestOf('7'),
  type: 'model',
  statement: { ...release.statement, predicateType: modelSignatureType },
};
const every = [release, found('slsa'), found('training'), found('scan'), found('contract'), found('evaluation')];

const options: ModelBomOptions = {
  manifest: exampleManifest,
  name: 'digits',
  signature,
  statements: every,
  isVerified: false,
  toolVersion: '0.1.0',
};
const bomOf = async (more: Partial<ModelBomOptions> = {}) => JSON.parse(await modelBom({ ...options, ...more }));
const values = (properties: { name: string; value: string }[] = []) =>
  Object.fromEntries(properties.map(({ name, value }) => [name.replace('tf-airlock:', ''), value]));

describe('modelBom()', () => {
  it('describes the model: name, version, content, files', async () => {
    const { bomFormat, specVersion, metadata } = await bomOf();
    expect({ bomFormat, specVersion }).toEqual({ bomFormat: 'CycloneDX', specVersion: '1.6' });
    expect(metadata.tools.components).toMatchObject([{ name: 'airlock', version: '0.1.0' }]);
    expect(metadata.component).toMatchObject({
      type: 'machine-learning-model',
      name: 'fraud model',
      version: '7',
      purl: 'pkg:generic/fraud%20model@7',
      hashes: [{ alg: 'SHA-256', content: exampleManifest.root }],
      components: [{ type: 'file', name: 'saved_model.pb', hashes: [{ alg: 'SHA-256', content: digestOf('1') }] }],
    });
  });

  it('describes data sets once each, and what the model was made with', async () => {
    const { metadata, components, dependencies } = await bomOf();
    expect(components).toMatchObject([
      {
        type: 'data',
        name: 'digits.npz',
        hashes: [{ content: digestOf('2') }],
        data: [{ type: 'dataset', name: 'digits.npz', contents: { url: 'https://example.test/digits.npz' } }],
        properties: [{ name: 'tf-airlock:rows', value: '1797' }],
      },
      { name: 'more.csv', data: [{ type: 'dataset', name: 'more.csv' }] },
      { name: 'test.npz', hashes: [{ content: digestOf('5') }] },
    ]);
    const refs = ['2', '3', '5'].map((digit) => `data:${digestOf(digit)}`);
    expect(dependencies[0]).toEqual({ ref: 'model', dependsOn: refs });
    expect(metadata.component.modelCard.modelParameters.datasets).toEqual([{ ref: refs[0] }, { ref: refs[1] }]);
    expect(values(metadata.component.modelCard.properties)).toEqual({
      'hyperparameter:epochs': '3',
      'hyperparameter:optimizer': 'adam',
      'hyperparameter:shuffle': 'true',
      'hyperparameter:seed': 'null',
      'hyperparameter:units': '[64,"x",false]',
      'hyperparameter:note': '',
    });
    expect(values(metadata.component.properties)).toEqual({
      statements: 'claims that were not verified',
      manifestSha256: exampleManifest.identity,
      files: '1',
      unsignedPath: 'model.sig.d',
      trainedAt: '2026-01-31T12:00:00.000Z',
      framework: 'tensorflow@2.21.0',
      codeRevision: 'f'.repeat(40),
      codeUri: 'git+https://example.test/code',
      codeDirty: 'false',
      builder: 'https://example.test/builder',
      contractDigest: digestOf('4'),
      scan: 'passed by airlock@0.1.0',
    });
  });

  it('says how well the model did, and on what', async () => {
    const { metadata } = await bomOf();
    expect(metadata.component.modelCard.quantitativeAnalysis.performanceMetrics).toEqual([
      { type: 'accuracy', value: '0.97', slice: 'training' },
      { type: 'accuracy', value: '0.96', slice: 'test.npz' },
      { type: 'loss', value: '0.12', slice: 'test.npz' },
    ]);
  });

  it('refers to the signature and to each statement by its digest', async () => {
    const { metadata } = await bomOf();
    expect(metadata.component.externalReferences.slice(0, 2)).toEqual([
      {
        url: 'model.sig',
        type: 'digital-signature',
        hashes: [{ alg: 'SHA-256', content: digestOf('7') }],
        comment: modelSignatureType,
      },
      {
        url: 'model.sig.d/release%201.sigstore.json',
        type: 'attestation',
        hashes: [{ alg: 'SHA-256', content: digestOf('6') }],
        comment: predicateTypes.release,
      },
    ]);
    expect(metadata.component.externalReferences).toHaveLength(7);
  });

  it('is the same for the same facts, without clock and chance unless they are asked for', async () => {
    expect(await modelBom(options)).toBe(await modelBom(options));
    const plain = await bomOf();
    expect(plain.serialNumber).toBeUndefined();
    expect(plain.metadata.timestamp).toBeUndefined();
    const marked = await bomOf({ timestampMs: Date.UTC(2026, 0, 31), randomSerial: true });
    expect(marked.metadata.timestamp).toBe('2026-01-31T00:00:00.000Z');
    expect(marked.serialNumber).toMatch(/^urn:uuid:[0-9a-f-]{36}$/);
    expect((await bomOf({ randomSerial: true })).serialNumber).not.toBe(marked.serialNumber);
  });

  it('holds no more than is known', async () => {
    const { metadata, components } = await bomOf({ signature: undefined, statements: [], isVerified: true });
    expect(components).toEqual([]);
    expect(metadata.component.name).toBe('digits');
    for (const key of ['version', 'purl', 'modelCard', 'externalReferences']) expect(metadata.component).not.toHaveProperty(key);
    expect(values(metadata.component.properties).statements).toBe('verified with a given key');
    const plain = { ...examplePredicates().training, hyperparameters: {}, code: { revision: 'x' } };
    const trained = await bomOf({ statements: [found('training', changed(plain, ['metrics'], undefined))] });
    expect(Object.keys(trained.metadata.component.modelCard)).toEqual(['modelParameters']);
  });

  it('names the algorithm of the files', async () => {
    const manifest: Manifest = { ...exampleManifest, hashType: 'blake2b', files: [{ name: '.', digest: 'a'.repeat(128) }] };
    const { metadata } = await bomOf({ manifest, statements: [] });
    expect(metadata.component.components).toMatchObject([{ name: '.', hashes: [{ alg: 'BLAKE2b-512' }] }]);
  });

  it('lists no files of a model that has too many', async () => {
    const files = Array.from({ length: maxListedFiles + 1 }, (_, index) => ({ name: `f${index}`, digest: digestOf('1') }));
    const few = await bomOf({ manifest: { ...exampleManifest, files: files.slice(1) }, statements: [] });
    expect(few.metadata.component.components).toHaveLength(maxListedFiles);
    const many = await bomOf({ manifest: { ...exampleManifest, files }, statements: [] });
    expect(many.metadata.component).not.toHaveProperty('components');
    expect(values(many.metadata.component.properties)).toMatchObject({ files: '1001', filesListed: 'no, only in the signature' });
  });
});

describe('statements that do not agree', () => {
  const retrained = { ...examplePredicates().training, trainedAt: '2026-02-01T00:00:00Z' };

  it('are refused where only one can be true, and count once where they say the same', async () => {
    await expect(bomOf({ statements: [found('training'), found('training', retrained, '2')] })).rejects.toMatchObject({
      code: 'USAGE',
      message: expect.stringContaining('several training statements'),
    });
    const renamed = changed(release, ['statement', 'predicate', 'purl'], 'pkg:generic/other@7');
    await expect(bomOf({ statements: [release, renamed] })).rejects.toMatchObject({ code: 'USAGE' });
    const { components } = await bomOf({ statements: [found('training'), found('training', undefined, '2'), release, release] });
    expect(components).toHaveLength(2);
  });

  it('are all told where several can be true', async () => {
    const worse = changed(examplePredicates().evaluation, ['metrics'], { accuracy: 0.5 });
    const failed = changed(examplePredicates().scan, ['verdict'], 'failed');
    const statements = [found('evaluation'), found('evaluation', worse, '2'), found('scan'), found('scan', failed, '2')];
    const { metadata } = await bomOf({ statements });
    expect(metadata.component.modelCard.quantitativeAnalysis.performanceMetrics).toHaveLength(3);
    const scans = metadata.component.properties.filter(({ name }: { name: string }) => name === 'tf-airlock:scan');
    expect(scans.map(({ value }: { value: string }) => value)).toEqual(['passed by airlock@0.1.0', 'failed by airlock@0.1.0']);
  });

  it('are refused when they cannot be read', async () => {
    await expect(
      bomOf({ statements: [found('scan', changed(examplePredicates().scan, ['verdict'], 'fine'))] }),
    ).rejects.toMatchObject({
      message: 'model.sig.d/scan-1.sigstore.json cannot be read at verdict',
    });
    const nameless = changed(release, ['statement', 'predicate', 'purl'], 'digits');
    await expect(bomOf({ statements: [nameless] })).rejects.toMatchObject({
      message: 'model.sig.d/release 1.sigstore.json does not name a model and a version',
    });
  });
});

describe('assertValidBom()', () => {
  const places: [string, (string | number)[], unknown][] = [
    ['a format of another name', ['bomFormat'], 'SPDX'],
    ['a version of the document that is no number', ['version'], 'one'],
    ['a key that the format does not have', ['extra'], 1],
    ['a component without a name', ['metadata', 'component', 'name'], undefined],
    ['a component of an unknown type', ['metadata', 'component', 'type'], 'model'],
    ['a hash of a wrong length', ['metadata', 'component', 'hashes', 0, 'content'], 'abc'],
    ['a data set of an unknown type', ['components', 0, 'data', 0, 'type'], 'table'],
    [
      'a metric that is a number',
      ['metadata', 'component', 'modelCard', 'quantitativeAnalysis', 'performanceMetrics', 0, 'value'],
      1,
    ],
    ['a key in the model card', ['metadata', 'component', 'modelCard', 'hyperparameters'], {}],
    ['a reference of an unknown type', ['metadata', 'component', 'externalReferences', 0, 'type'], 'signature'],
    ['the same component twice', ['components', 2], undefined],
  ];

  it.each(places)('refuses %s, and says where', async (_what, path, value) => {
    const bom = await bomOf();
    const wrong = path[1] === 2 ? { ...bom, components: [bom.components[0], bom.components[0]] } : changed(bom, path, value);
    await expect(assertValidBom(JSON.stringify(bom))).resolves.toBeUndefined();
    await expect(assertValidBom(JSON.stringify(wrong))).rejects.toMatchObject({
      code: 'SIGNING_FAILED',
      violations: [expect.objectContaining({ rule: 'schema' })],
    });
  });

  it('shows what the document holds only as printable text', async () => {
    const bom = { ...(await bomOf()), 'x\u001b[2J': 1 };
    await expect(assertValidBom(JSON.stringify(bom))).rejects.toMatchObject({
      violations: [{ path: '', got: expect.not.stringContaining('\u001b') }],
    });
  });
});
