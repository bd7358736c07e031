import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { zipOf } from '../../../tests/support/archive-builder.ts';
import { field, graphDef, type MetaGraphInput, message, savedModel } from '../../../tests/support/graph-builder.ts';
import { recordingContext, sourceOf } from '../../../tests/support/recording-context.ts';
import { chunkedModel } from '../../../tests/support/riegeli-builder.ts';
import { isAirlockError } from '../../core/index.ts';
import type { Program } from '../graph/index.ts';
import { openArchive } from '../source/index.ts';
import { readTextModel, type SavedModelFacts, savedModelPrefixes, scanSavedModelFolder } from './index.ts';

const nodes = [{ name: 'table', op: 'InitializeTableFromTextFileV2' }];
const model = (...metaGraphs: MetaGraphInput[]) => savedModel({ metaGraphs: metaGraphs.length === 0 ? [{ nodes }] : metaGraphs });
const withAsset = (filename: string) => model({ nodes, assets: [{ filename, tensorName: 'asset:0' }] });
const text = (name: string) =>
  `saved_model_schema_version: 1 meta_graphs { meta_info_def { tags: "serve" } graph_def { node { name: "${name}" op: "NoOp" } } }`;

async function scan(files: Record<string, Buffer | string>, prefix = '') {
  const context = recordingContext();
  const bytes = zipOf(Object.entries(files).map(([name, content]) => ({ name, content })));
  const folder = openArchive(sourceOf(bytes, 'm.zip'), 'zip', context);
  const programs: Program[] = [];
  const facts: SavedModelFacts[] = [];
  const metadata: string[] = [];
  await scanSavedModelFolder(folder, prefix, context, {
    program: (program, fact) => {
      programs.push(program);
      facts.push(fact);
    },
    variables: () => undefined,
    kerasMetadata: ({ name }) => void metadata.push(name),
  });
  const found = context.findings.map(({ ruleId, severity, trigger }) => `${severity} ${ruleId} ${trigger}`);
  return { context, programs, facts, metadata, found, folder };
}

describe('scanSavedModelFolder()', () => {
  it('gives each MetaGraph to the judges, with what lies around it', async () => {
    const bytes = model(
      { nodes, tags: ['serve'], assets: [{ filename: 'vocab.txt', tensorName: 'a:0' }] },
      { nodes, tags: ['train'] },
    );
    const { programs, facts, found, context, metadata } = await scan({
      'saved_model.pb': bytes,
      'assets/vocab.txt': 'x',
      'keras_metadata.pb': 'x',
    });
    expect(programs.map(({ metaGraph }) => metaGraph)).toEqual(['serve', 'train']);
    expect([...facts[0].assets]).toEqual(['assets/vocab.txt', 'vocab.txt']);
    expect(metadata).toEqual(['m.zip!/keras_metadata.pb']);
    expect(found).toEqual([]);
    expect(context.parts).toEqual([]);
    expect(context.artifacts).toMatchObject([
      { file: 'm.zip!/saved_model.pb', format: 'saved-model', facts: { metaGraphs: 2, nodes: 2 } },
    ]);
  });

  it('judges text and chunks too', async () => {
    const one = await scan({ 'saved_model.pbtxt': text('from text') });
    expect(one.programs[0].main.name(0)).toBe('from text');
    expect(one.found).toEqual([]);
    const two = await scan({ 'saved_model.cpb': chunkedModel([{ bytes: model() }]) });
    expect(two.programs[0].main.name(0)).toBe('table');
    expect(two.found).toEqual([]);
  });

  it('judges all of two model files, and says whether they differ', async () => {
    const same = model({ nodes: [{ name: 'n', op: 'NoOp' }], tags: ['serve'] });
    const alike = await scan({ 'saved_model.pb': same, 'saved_model.cpb': chunkedModel([{ bytes: same }]) });
    expect(alike.found).toEqual(['low parser-differential/two-graphs load']);
    const attrs = (names: readonly string[]) =>
      `attr { key: "${names[0]}" value { i: 1 } } attr { key: "${names[1]}" value { i: 1 } }`;
    const node = (names: readonly string[]) => text('n').replace('op: "NoOp"', `op: "NoOp" ${attrs(names)}`);
    const sorted = readTextModel(sourceOf(Buffer.from(node(['a', 'b']))), 'saved-model-text', recordingContext());
    const reordered = await scan({ 'saved_model.pb': sorted, 'saved_model.pbtxt': node(['b', 'a']) });
    expect(reordered.found).toEqual(['low parser-differential/two-graphs load']);
    const differ = await scan({ 'saved_model.pb': same, 'saved_model.pbtxt': text('other') });
    expect(differ.found).toEqual(['medium parser-differential/two-graphs load']);
    expect(differ.programs.map(({ main }) => main.name(0))).toEqual(['n', 'other']);
  });

  it.each<[Buffer | string, string]>([
    ['', 'it is empty'],
    ['junk that is no message', 'text'],
    [Buffer.from([0x08, 1]), 'no MetaGraph'],
    [model().subarray(0, 20), 'cut short'],
  ])('is never clean about %j', async (content) => {
    const { found, context } = await scan({ 'saved_model.pb': content });
    expect(found).toContain('medium malformed/saved-model load');
    expect(context.parts).toMatchObject([{ file: 'm.zip!/saved_model.pb' }]);
  });

  it('is never clean about text that it does not understand', async () => {
    for (const content of ['meta_graphs {', 'meta_graphs { graph_def { node { op: 5 } } }', '']) {
      const { context } = await scan({ 'saved_model.pbtxt': content });
      expect(context.parts).toHaveLength(1);
    }
  });

  it('has a frozen graph that is called saved_model.pb judged as what it is', async () => {
    const { found, context } = await scan({ 'saved_model.pb': graphDef(nodes) });
    expect(found).toContain('medium parser-differential/wrong-model-file load');
    expect(context.sources.map(({ name }) => name)).toEqual(['m.zip!/saved_model.pb']);
    const both = await scan({ 'saved_model.pb': Buffer.concat([model(), graphDef(nodes)]) });
    expect(both.found).toContain('medium parser-differential/wrong-model-file load');
    expect(both.programs).toHaveLength(1);
    expect(both.context.sources).toHaveLength(1);
  });

  it('reads a model file as what it is, whatever its name says', async () => {
    for (const name of ['saved_model.pbtxt', 'saved_model.cpb']) {
      const { found, programs } = await scan({ [name]: model() });
      expect(found).toEqual(['medium parser-differential/wrong-model-file load']);
      expect(programs.map(({ main }) => main.name(0))).toEqual(['table']);
    }
    const { programs } = await scan({ 'saved_model.pb': text('from text') });
    expect(programs.map(({ main }) => main.name(0))).toEqual(['from text']);
  });

  it('scans other models and archives that lie in the folder, once', async () => {
    const { context } = await scan({
      'saved_model.pb': model(),
      'assets/inner.zip': zipOf([{ name: 'a' }]),
      'assets.extra/frozen': graphDef(nodes),
      'variables/variables.index': 'x',
      'sub/saved_model.pb': model(),
    });
    expect(context.sources.map(({ name }) => name)).toEqual(['m.zip!/assets/inner.zip', 'm.zip!/assets.extra/frozen']);
  });

  it('finds the folders of models', async () => {
    const { folder } = await scan(
      { 'a/1/saved_model.pb': model(), 'a/2/saved_model.pbtxt': text('x'), 'b/saved_model.txt': '' },
      'a/1/',
    );
    expect(savedModelPrefixes(folder)).toEqual(['a/1/', 'a/2/']);
  });

  it('reports a fingerprint that is none', async () => {
    expect((await scan({ 'saved_model.pb': model(), 'fingerprint.pb': 'nothing' })).found).toEqual([
      'low malformed/fingerprint load',
    ]);
  });
});

describe('assets', () => {
  it.each([
    ['../../../etc/hostname', 'high path-traversal/asset load'],
    ['a/../../../x', 'high path-traversal/asset load'],
    ['..\\..\\x', 'high path-traversal/asset load'],
    ['/etc/passwd', 'high path-traversal/asset load-python'],
    ['gs://bucket/x', 'medium path-traversal/asset load-python'],
    ['../variables/variables.index', 'medium path-traversal/asset load'],
    ['C:\\x', 'medium path-traversal/asset load'],
    ['', 'medium malformed/odd-asset load'],
    ['a\0b', 'medium malformed/odd-asset load'],
    ['missing.txt', 'medium malformed/missing-asset load'],
  ])('judges the name %j', async (filename, rule) => {
    const { found, context } = await scan({ 'saved_model.pb': withAsset(filename) });
    expect(found).toEqual([rule]);
    expect(context.findings[0].message).toContain(filename);
    expect(context.findings[0].location.node).toBe('asset');
  });

  it('reads the list of old models', async () => {
    const asset = message(field(1, field(1, 'asset:0')), field(2, '../../x'));
    const anyList = field(5, field(1, message(field(1, 'type.googleapis.com/tensorflow.AssetFileDef'), field(2, asset))));
    const entry = field(4, message(field(1, 'saved_model_assets'), field(2, anyList)));
    expect((await scan({ 'saved_model.pb': model({ nodes, extra: entry }) })).found).toEqual(['high path-traversal/asset load']);
  });

  it('does not mind a missing file that nothing opens, and files that nothing names', async () => {
    const bytes = model({ nodes: [{ name: 'n', op: 'NoOp' }], assets: [{ filename: 'gone', tensorName: 'a:0' }] });
    expect((await scan({ 'saved_model.pb': bytes, 'assets/more': 'x' })).found).toEqual([
      'low malformed/missing-asset load',
      'info payload/unlisted-asset none',
    ]);
  });
});

describe('readTextModel()', () => {
  const read = (content: string, format: 'graph-def-text' | 'meta-graph-text' = 'graph-def-text') =>
    readTextModel(sourceOf(Buffer.from(content), 'g.pbtxt'), format, recordingContext());

  it('keeps every field, maps too', () => {
    const bytes = read(
      'node { name: "a" op: "Const" attr { key: "dtype" value { type: DT_INT32 } } } library { gradient { function_name: "f" gradient_func: "g" } }',
    );
    expect(bytes.includes('dtype')).toBe(true);
    expect(bytes.includes('g')).toBe(true);
    expect(
      bytes.equals(graphDef([{ name: 'a', op: 'Const', attrs: { dtype: Buffer.from([0x30, 3]) } }], { gradients: { f: 'g' } })),
    ).toBe(true);
    const collections = read('collection_def { key: "c" value { bytes_list { value: "\\001" } } }', 'meta-graph-text');
    expect(
      collections.equals(Buffer.from(field(4, message(field(1, 'c'), field(2, field(2, field(1, Buffer.from([1])))))))),
    ).toBe(true);
  });

  it('refuses what it would lose: unknown fields, and messages written out inside an Any', () => {
    const asset = '[type.googleapis.com/tensorflow.AssetFileDef] { filename: "../x" }';
    const collection = `collection_def { key: "saved_model_assets" value { any_list { value { ${asset} } } } }`;
    expect(() => read(collection, 'meta-graph-text')).toThrow(/inside an Any/);
    expect(() => read('node { name: "a" new_field { op: "ReadFile" } }')).toThrow(/new_field/);
  });

  it('ends with a message or an AirlockError on any text', () => {
    const words = fc.constantFrom(
      'node',
      '{',
      '}',
      '<',
      '>',
      ':',
      '"a"',
      'name',
      'attr',
      'value',
      'tensor',
      'key',
      '[',
      ']',
      ',',
      '5',
      '-1',
      '#',
      '\n',
      'dtype',
      'DT_INT32',
      'any_info',
      '[a/b]',
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 30 }), (parts) => {
        try {
          read(parts.join(' '));
        } catch (thrown) {
          expect(isAirlockError(thrown) ? thrown.code : thrown).toMatch(/^MODEL_/);
        }
      }),
      { numRuns: 500 },
    );
  });
});
