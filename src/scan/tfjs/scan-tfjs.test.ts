import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordingContext, sourceOf } from '../../../tests/support/recording-context.ts';
import { decodeMessage, type GraphDef, GraphDefSchema } from '../../model/index.ts';
import type { JsonValue } from '../keras/index.ts';
import type { Source } from '../scan-context.ts';
import { tfjsRules } from './rules.ts';
import { scanTfjs } from './scan-tfjs.ts';

type Files = Readonly<Record<string, Uint8Array>>;

async function scan(json: unknown, files: Files = {}) {
  const context = recordingContext();
  const graphs: GraphDef[] = [];
  const configs: { config: JsonValue; pointer: string }[] = [];
  const weights: string[] = [];
  const text = typeof json === 'string' ? json : JSON.stringify(json);
  const siblings = {
    names: Object.keys(files),
    open: (name: string): Source | undefined => (files[name] === undefined ? undefined : sourceOf(files[name], name)),
  };
  await scanTfjs(sourceOf(Buffer.from(text), 'model.json'), siblings, context, {
    graph: (graphDef) => void graphs.push(decodeMessage(GraphDefSchema, graphDef, 'graph')),
    keras: (config, { pointer }) => void configs.push({ config, pointer }),
    weights: (tensors) => void weights.push(...tensors.map((tensor) => tensor.name)),
  });
  const all = context.findings.map((finding) => `${finding.severity} ${finding.ruleId}: ${finding.message}`);
  return { context, graphs, configs, weights, all };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A string weight: its length in four bytes, then its text. */
function stringWeight(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(Buffer.byteLength(text));
  return Buffer.concat([length, Buffer.from(text)]);
}

const readFileNodes = [
  {
    name: 'path',
    op: 'Const',
    attr: { dtype: { type: 'DT_STRING' }, value: { tensor: { dtype: 'DT_STRING', tensorShape: {} } } },
  },
  { name: 'leak', op: 'ReadFile', input: ['path'] },
];

function graphModel(nodes: unknown, weights: unknown[] = [], more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    format: 'graph-model',
    generatedBy: '2.21.0',
    convertedBy: 'TensorFlow.js Converter v4.22.0',
    modelTopology: { node: nodes, library: {}, versions: { producer: 1987 } },
    weightsManifest: [{ paths: ['group1-shard1of1.bin'], weights }],
    ...more,
  };
}

const matrix = { name: 'w', shape: [4, 4], dtype: 'float32' };
const ordinary = graphModel(
  [
    {
      name: 'x',
      op: 'Placeholder',
      attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim: [{ size: '-1' }, { size: '4' }] } } },
    },
    {
      name: 'w',
      op: 'Const',
      attr: {
        dtype: { type: 'DT_FLOAT' },
        value: { tensor: { dtype: 'DT_FLOAT', tensorShape: { dim: [{ size: '4' }, { size: '4' }] } } },
      },
    },
    {
      name: 'y',
      op: '_FusedMatMul',
      input: ['x', 'w'],
      attr: { T: { type: 'DT_FLOAT' }, fused_ops: { list: { s: [base64('Relu')] } }, num_args: { i: '0' } },
    },
  ],
  [matrix],
  { signature: { inputs: { x: { name: 'x:0' } }, outputs: { y: { name: 'y:0' } } } },
);
const shard = { 'group1-shard1of1.bin': Buffer.alloc(64, 1) };

describe('a graph model', () => {
  it('that is ordinary has nothing to say', async () => {
    const { all, graphs, weights, context } = await scan(ordinary, shard);
    expect(all).toEqual([]);
    expect(context.parts).toEqual([]);
    expect(weights).toEqual(['w']);
    expect(graphs[0]?.node.map((node) => node.op)).toEqual(['Placeholder', 'Const', '_FusedMatMul']);
    expect(graphs[0]?.node[2]?.attr.find((attr) => attr.key === 'fused_ops')?.value?.value).toMatchObject({
      value: { s: [Buffer.from('Relu')] },
    });
    expect(context.artifacts[0]).toMatchObject({ format: 'tfjs-model', facts: { nodes: 3, weights: 1, parameters: 16 } });
  });

  it('gets the path of a ReadFile back out of the weights', async () => {
    const model = graphModel(readFileNodes, [{ name: 'path', shape: [], dtype: 'string' }]);
    const { graphs, all } = await scan(model, { 'group1-shard1of1.bin': stringWeight('/etc/passwd') });
    expect(all).toEqual([]);
    expect(graphs[0]?.node[1]).toMatchObject({ op: 'ReadFile', input: ['path'] });
    const value = graphs[0]?.node[0]?.attr.find((attr) => attr.key === 'value')?.value?.value;
    expect(value).toMatchObject({ value: { stringVal: [Buffer.from('/etc/passwd')] } });
  });

  it.each([['x'], [null], [{}]])('takes a size that is no number for an unknown one: %j', async (size) => {
    const weights = [{ name: 'path', shape: [size], dtype: 'float32' }];
    const { graphs } = await scan(graphModel(readFileNodes, weights), { 'group1-shard1of1.bin': Buffer.alloc(16) });
    expect(graphs[0]?.node[0]?.name).toBe('path');
  });

  it('keeps a path that stands in the graph itself, in either spelling', async () => {
    for (const key of ['stringVal', 'string_val']) {
      const tensor = { dtype: 'DT_STRING', [key]: [base64('/etc/shadow')] };
      const nodes = [{ name: 'path', op: 'Const', attr: { dtype: { type: 'DT_STRING' }, value: { tensor } } }, readFileNodes[1]];
      const { graphs } = await scan(graphModel(nodes), { 'group1-shard1of1.bin': Buffer.alloc(0) });
      const value = graphs[0]?.node[0]?.attr.find((attr) => attr.key === 'value')?.value?.value;
      expect(value).toMatchObject({ value: { stringVal: [Buffer.from('/etc/shadow')] } });
    }
  });

  it('gets integers back, quantized ones too, and takes large weights for variables', async () => {
    const nodes = ['dims', 'count', 'big'].map((name, at) => ({
      name,
      op: 'Const',
      attr: { value: { tensor: { dtype: at === 2 ? 'DT_FLOAT' : 'DT_INT32', tensorShape: { dim: [{ size: '2' }] } } } },
    }));
    const weights = [
      { name: 'dims', shape: [2], dtype: 'int32' },
      { name: 'count', shape: [2], dtype: 'int32', quantization: { dtype: 'uint8', scale: 1000, min: 5 } },
      { name: 'big', shape: [5000], dtype: 'float32' },
    ];
    const dims = Buffer.from(Int32Array.from([7, -9]).buffer);
    const bytes = Buffer.concat([dims, Buffer.from([2, 3]), Buffer.alloc(20_000)]);
    const { graphs, all } = await scan(graphModel(nodes, weights), { 'group1-shard1of1.bin': bytes });
    expect(all).toEqual([]);
    const values = graphs[0]?.node.map((node) => node.attr.find((attr) => attr.key === 'value')?.value?.value);
    expect(values?.[0]).toMatchObject({ value: { intVal: [7, -9] } });
    expect(values?.[1]).toMatchObject({ value: { intVal: [2005, 3005] } });
    expect(graphs[0]?.node[2]).toMatchObject({ op: 'VariableV2' });
  });

  it('gives functions, nested attributes and the initializer on', async () => {
    const model = graphModel(
      [{ name: 'c', op: 'StatelessWhile', attr: { body: { func: { name: 'f', attr: { g: { func: { name: 'h' } } } } } } }],
      [],
      {
        modelInitializer: { node: [{ name: 'init', op: 'InitializeTableFromTextFileV2' }] },
      },
    );
    const topology = model.modelTopology as Record<string, unknown>;
    topology.library = {
      function: [
        {
          signature: { name: 'f', inputArg: [{ name: 'a', type: 'DT_INT32' }], outputArg: [{ name: 'o', type: 'DT_INT32' }] },
          nodeDef: readFileNodes.slice(1),
          ret: { o: 'leak:contents:0' },
          attr: { api_implements: { s: base64('x') } },
        },
      ],
    };
    const { graphs } = await scan(model, { 'group1-shard1of1.bin': Buffer.alloc(0) });
    expect(graphs).toHaveLength(2);
    const [entry] = graphs[0]?.library?.function ?? [];
    expect(entry).toMatchObject({ signature: { name: 'f' }, ret: [{ key: 'o', value: 'leak:contents:0' }] });
    expect(entry?.nodeDef[0]?.op).toBe('ReadFile');
    const func = graphs[0]?.node[0]?.attr[0]?.value?.value;
    expect(func).toMatchObject({ value: { name: 'f', attr: [{ key: 'g', value: { value: { value: { name: 'h' } } } }] } });
    expect(graphs[1]?.node[0]?.op).toBe('InitializeTableFromTextFileV2');
  });
});

describe('a layers model', () => {
  it('goes to whoever knows Keras', async () => {
    const topology = { keras_version: '2.15.0', model_config: { class_name: 'Sequential', config: { layers: [] } } };
    const model = { format: 'layers-model', modelTopology: topology, trainingConfig: { loss: 'mse' }, weightsManifest: [] };
    const { configs, all, context } = await scan(model);
    expect(all).toEqual([]);
    expect(context.parts).toEqual([]);
    expect(configs.map(({ pointer }) => pointer)).toEqual(['/modelTopology', '/trainingConfig']);
  });

  it('that says it is a graph is found, and judged as both', async () => {
    const model = { format: 'graph-model', modelTopology: { class_name: 'Sequential', node: readFileNodes.slice(1) } };
    const { all, graphs, configs } = await scan(model);
    expect(all).toContainEqual(expect.stringMatching(/^medium parser-differential\/tfjs-json/));
    expect([graphs.length, configs.length]).toEqual([1, 1]);
  });
});

const withPaths = (...paths: string[]) => ({ ...ordinary, weightsManifest: [{ paths, weights: [matrix] }] });
const withWeight = (weight: Record<string, unknown>) => graphModel([], [weight]);

describe('a manifest', () => {
  it.each([
    ['goes up', withPaths('../../../etc/passwd'), /^high path-traversal\/tfjs-weights: .*etc\/passwd/],
    ['goes up in percent', withPaths('a/%2e%2e/%2e%2e/secret'), /^high path-traversal\/tfjs-weights/],
    ['goes up twice in percent', withPaths('%252e%252e/secret'), /^high path-traversal\/tfjs-weights/],
    ['goes up backwards', withPaths('..\\..\\secret.bin'), /^high path-traversal\/tfjs-weights/],
    ['is absolute', withPaths('/etc/shadow'), /^high path-traversal\/tfjs-weights/],
    ['is a drive', withPaths('C:/Windows/win.ini'), /^high path-traversal\/tfjs-weights/],
    ['is a file URL', withPaths('file:///etc/shadow'), /^high path-traversal\/tfjs-weights/],
    ['is remote', withPaths('https://evil.example/w.bin'), /^high network\/tfjs-weights: .*https:\/\/evil/],
    ['is of another host', withPaths('//evil.example/w.bin'), /^high network\/tfjs-weights/],
    ['is data', withPaths('data:application/octet-stream;base64,AAAA'), /^high network\/tfjs-weights/],
    ['is in a bucket', withPaths('gs://bucket/w.bin'), /^high network\/tfjs-weights/],
    ['is not there', withPaths('other.bin'), /^medium malformed\/tfjs-missing-weights: .*other.bin/],
    ['is too short', withWeight({ ...matrix, shape: [400, 4] }), /^medium malformed\/tfjs-weights: .*does not end/],
    [
      'leaves bytes over',
      withWeight({ ...matrix, shape: [2] }),
      /^medium malformed\/tfjs-weights: .*56 bytes belong to no weight/,
    ],
    ['has a negative size', withWeight({ ...matrix, shape: [-4] }), /^medium malformed\/tfjs-weights: .*\[-4\]/],
    ['has a huge shape', withWeight({ ...matrix, shape: [9_000_000, 9_000_000] }), /^high memory\/tfjs-weights/],
    ['has an unknown type', withWeight({ ...matrix, dtype: 'float9000' }), /^medium malformed\/tfjs-weights: .*float9000/],
    [
      'has a quantization that is none',
      withWeight({ ...matrix, quantization: { dtype: 'int4', scale: 1, min: 0 } }),
      /^medium malformed\/tfjs-weights: .*int4/,
    ],
    [
      'has a scale that is none',
      withWeight({ ...matrix, quantization: { dtype: 'uint8', scale: 'x', min: 0 } }),
      /^medium malformed\/tfjs-weights: .*scale NaN/,
    ],
    ['has strings beyond the end', withWeight({ name: 's', dtype: 'string', shape: [9] }), /^medium malformed\/tfjs-weights/],
    [
      'says a weight twice',
      graphModel(
        [],
        [
          { ...matrix, shape: [8] },
          { ...matrix, shape: [8] },
        ],
      ),
      /^medium malformed\/tfjs-weights: .*twice/,
    ],
    [
      'leaves a constant out',
      graphModel([{ name: 'k', op: 'Const', attr: { value: { tensor: { dtype: 'DT_FLOAT', tensorShape: {} } } } }], [matrix]),
      /^medium malformed\/tfjs-weights: .*"k"/,
    ],
    ['comes with weightSpecs', { ...ordinary, weightSpecs: [matrix] }, /^medium parser-differential\/tfjs-json/],
  ])('that %s is found', async (_, model, expected) => {
    const { all } = await scan(model, shard);
    expect(
      all.some((line) => expected.test(line)),
      all.join('\n'),
    ).toBe(true);
    for (const line of all) expect(tfjsRules.map(({ id }) => id)).toContain(line.split(' ')[1]?.slice(0, -1));
  });

  it('spreads weights over shards', async () => {
    const model = { ...ordinary, weightsManifest: [{ paths: ['a.bin', './b.bin'], weights: [matrix] }] };
    const { all, weights } = await scan(model, { 'a.bin': Buffer.alloc(13), 'b.bin': Buffer.alloc(51) });
    expect(all).toEqual([]);
    expect(weights).toEqual(['w']);
  });

  it('may hold its weights itself', async () => {
    const { weightsManifest: _, ...rest } = ordinary;
    const { all } = await scan({ ...rest, weightSpecs: [matrix], weightData: Buffer.alloc(64).toString('base64') });
    expect(all).toEqual([]);
  });

  it('whose files were not given is not clean, and not at fault', async () => {
    const { all, context } = await scan(ordinary);
    expect(all).toEqual([]);
    expect(context.parts).toEqual([{ file: 'model.json', reason: expect.stringMatching(/group1-shard1of1.bin/) }]);
  });

  it('of an old converter is a list by itself', async () => {
    const { all } = await scan([{ paths: ['/etc/passwd'], weights: [matrix] }]);
    expect(all).toEqual([expect.stringMatching(/^high path-traversal/)]);
  });
});

describe('a model.json', () => {
  it('with a key twice is judged both ways', async () => {
    const text = `{"modelTopology":{"node":[{"name":"leak","op":"ReadFile"}]},"modelTopology":{"node":[{"name":"x","op":"Placeholder"}]}}`;
    const { all, graphs } = await scan(text);
    expect(all).toContainEqual(expect.stringMatching(/^medium parser-differential\/tfjs-json: .*\/modelTopology/));
    expect(graphs.map((graph) => graph.node[0]?.op).sort()).toEqual(['Placeholder', 'ReadFile']);
  });

  it('without a topology is found', async () => {
    const { all } = await scan({ weightsManifest: [] });
    expect(all).toEqual([expect.stringMatching(/^medium malformed\/tfjs-model/)]);
  });

  it('with a signature that does not fit is found', async () => {
    const signature = { inputs: { a: { name: 'w:0' }, b: { name: 'nowhere:0' } }, outputs: {} };
    const { all } = await scan({ ...ordinary, signature }, shard);
    expect(all).toEqual([
      expect.stringMatching(/^medium contract\/tfjs-signature: input "a" .*Const/),
      expect.stringMatching(/^medium contract\/tfjs-signature: input "b" .*nowhere/),
    ]);
  });

  it.each([
    ['no JSON', '{"modelTopology": {'],
    ['a topology that is none', '{"modelTopology": 7}'],
    ['a topology of nothing', '{"modelTopology": {"versions": {}}}'],
  ])('with %s is never clean', async (_, text) => {
    const { context } = await scan(text);
    expect(context.parts).toHaveLength(1);
  });

  it('of any kind is judged without a fault of ours', async () => {
    const keys = fc.constantFrom(
      'modelTopology',
      'weightsManifest',
      'node',
      'op',
      'name',
      'attr',
      'value',
      'tensor',
      'paths',
      'weights',
      'shape',
      'dtype',
      'list',
      'func',
      's',
      'i',
      'Const',
      'quantization',
      'signature',
      'inputs',
      'library',
      'function',
    );
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.jsonValue({ maxDepth: 0 }),
        fc.constant('Const'),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(keys, tie('tree'), { maxKeys: 4 }),
      ),
    }));
    const root = fc.record(
      { modelTopology: tree, weightsManifest: tree, signature: tree, modelInitializer: tree, weightSpecs: tree },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(root, async (json) => {
        await scan(json, shard);
      }),
      { numRuns: 300 },
    );
  });
});
