import { describe, expect, it } from 'vitest';
import {
  attrBool,
  attrFloat,
  attrInt,
  attrInts,
  attrString,
  attrType,
  attrTypes,
  constInts,
  constString,
  field,
  graphDef,
  message,
  metaGraph,
  nodeDef,
  placeholder,
  savedModel,
  varintField,
} from '../../../tests/support/graph-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { readGraphDefProgram, readMetaGraphProgram, readSavedModelPrograms } from './index.ts';

const read = (bytes: Uint8Array) => readGraphDefProgram(Buffer.from(bytes), 'g.pb', recordingContext());

describe('the graph', () => {
  it('has names, operations, devices and edges', () => {
    const { main } = read(
      graphDef([
        placeholder('x'),
        { name: 'a/b', op: 'Split', inputs: ['c', 'x'], attrs: { num_split: attrInt(2) } },
        { name: 'y', op: 'AddV2', inputs: ['a/b:1', 'a/b', '^x'], device: '/job:evil/task:1' },
        constInts('c', 0),
      ]),
    );
    expect(main.nodeCount).toBe(4);
    expect(main.argCount).toBe(0);
    const y = main.find('y') ?? -1;
    expect([main.name(y), main.op(y), main.device(y), main.device(0)]).toEqual(['y', 'AddV2', '/job:evil/task:1', '']);
    expect(main.inputs(y)).toEqual([
      { node: 1, output: 1 },
      { node: 1, output: 0 },
    ]);
    expect(main.controlInputs(y)).toEqual([0]);
    expect(main.inputs(1)).toEqual([
      { node: 3, output: 0 },
      { node: 0, output: 0 },
    ]);
    expect(main.consumers(1)).toEqual([2]);
    expect([...main.consumers(0)].sort()).toEqual([1, 2]);
    expect(main.consumers(2)).toEqual([]);
    expect(main.find('nothing')).toBeUndefined();
    expect(() => main.name(4)).toThrow(RangeError);
  });

  it('says which inputs lead nowhere and which names are there twice', () => {
    const { main } = read(
      graphDef([placeholder('x'), { name: 'y', op: 'Identity', inputs: ['no:1'] }, { name: 'x', op: 'NoOp', inputs: ['^gone'] }]),
    );
    expect(main.danglingInputs).toEqual([
      { node: 1, input: 'no:1' },
      { node: 2, input: '^gone' },
    ]);
    expect(main.duplicateNames).toEqual(['x']);
    expect(main.find('x')).toBe(0);
  });

  it('takes names by their bytes, also where they are no UTF-8', () => {
    const [left, right] = [Buffer.from([0x78, 0xff]), Buffer.from([0x78, 0xfe])];
    const { main } = read(
      graphDef([
        { name: left, op: 'Placeholder' },
        { name: right, op: 'Placeholder' },
        { name: 'ü', op: 'AddV2', inputs: [right, left] },
      ]),
    );
    expect(main.inputs(main.find('ü') ?? -1)).toEqual([
      { node: 1, output: 0 },
      { node: 0, output: 0 },
    ]);
    expect(main.duplicateNames).toEqual([]);
  });

  it('decodes attributes when asked, the last of two with one name', () => {
    const context = recordingContext();
    const attrs = {
      s: attrString('text'),
      long: attrString('x'.repeat(300)),
      i: attrInt(-3),
      big: attrInt(2n ** 62n),
      f: attrFloat(1.5),
      b: attrBool(true),
      t: attrType('DT_STRING'),
      l: attrInts([1, 2]),
      none: new Uint8Array(),
      broken: Buffer.from([0x0a, 0x7f]),
    };
    const twice = message(field(5, message(field(1, 'i'), field(2, attrInt(1)))));
    const node = message(
      nodeDef({ name: 'n', op: 'Op', attrs: { i: attrInt(9) } }),
      nodeDef({ name: 'n', op: 'Op', attrs }),
      twice,
    );
    // As a whole the broken attribute is found at once: the file is refused.
    expect(() => read(message(field(1, node)))).toThrow('damaged');
    const { broken: _, ...rest } = attrs;
    const good = message(
      nodeDef({ name: 'n', op: 'Op', attrs: { ...rest, shape: field(7, field(2, field(1, 'no number'))) } }),
      twice,
    );
    const program = readGraphDefProgram(message(field(1, good)), 'g.pb', context);
    const { main } = program;
    expect(main.attr(0, 's')).toEqual({ case: 's', value: Buffer.from('text') });
    expect(main.attr(0, 'long')?.value).toHaveLength(300);
    expect(main.attr(0, 'i')).toEqual({ case: 'i', value: 1n });
    expect(main.attr(0, 'big')).toEqual({ case: 'i', value: 2n ** 62n });
    expect(main.attr(0, 'f')).toEqual({ case: 'f', value: 1.5 });
    expect(main.attr(0, 'b')).toEqual({ case: 'b', value: true });
    expect(main.attr(0, 't')).toEqual({ case: 'type', value: 7 });
    expect(main.attr(0, 'l')).toMatchObject({ case: 'list', value: { i: [1n, 2n] } });
    expect(main.attr(0, 'none')).toEqual({ case: undefined });
    expect(main.attr(0, 'missing')).toBeUndefined();
    expect(main.attrBytes(0, 'i')).toEqual(Buffer.from(attrInt(1)));
    expect(main.attrNames(0)).toEqual(['s', 'long', 'i', 'big', 'f', 'b', 't', 'l', 'none', 'shape']);
    expect(program.differentials).toEqual(['a node has two of the attribute "i"']);
    expect(context.parts).toEqual([]);
    expect(main.attr(0, 'shape')).toBeUndefined();
    expect(context.parts).toHaveLength(1);
  });

  it('merges pieces and notes them', () => {
    const [left, right] = [graphDef([placeholder('x')]), graphDef([{ name: 'y', op: 'Identity', inputs: ['x'] }])];
    const program = readMetaGraphProgram(message(field(2, left), field(2, right)), 'g.meta', recordingContext());
    expect(program.main.inputs(1)).toEqual([{ node: 0, output: 0 }]);
    expect(program.differentials).toEqual(['the graph of a MetaGraph comes in 2 pieces, which are merged']);
  });

  it('passes over fields with a wrong wire type, as TensorFlow does, and notes them', () => {
    const program = read(message(graphDef([placeholder('x')]), varintField(1, 5)));
    expect(program.main.nodeCount).toBe(1);
    expect(program.differentials).toHaveLength(1);
  });
});

describe('functions', () => {
  const functions = [
    {
      name: 'f',
      args: ['x', { name: 'n', numberAttr: 'N', typeAttr: 'T' }],
      nodes: [
        { name: 'split', op: 'Split', inputs: ['axis:output:0', 'x'], attrs: { num_split: attrInt(3) } },
        constInts('axis', 0),
        { name: 'top', op: 'TopKV2', inputs: ['split:output:2', 'axis:output:0'] },
        { name: 'sum', op: 'AddV2', inputs: ['top:indices:0', 'split:1', '^axis'] },
        { name: 'next', op: 'IteratorGetNext', inputs: ['n:1'], attrs: { output_types: attrTypes([1, 1, 1]) } },
        {
          name: 'parsed',
          op: 'ParseExampleV2',
          attrs: { sparse_types: attrTypes([7]), num_sparse: attrInt(2), Tdense: attrTypes([1]) },
        },
        { name: 'use', op: 'AddN', inputs: ['next:components:2', 'parsed:dense_values:0', 'call:out:0', 'x:y:z'] },
        { name: 'call', op: 'g', inputs: ['sum:z:0'] },
      ],
      outputs: ['out', 'lost'],
      ret: { out: 'use:sum:0', extra: 'sum:z:0' },
      controlRet: { keep: 'next', bad: 'nowhere' },
    },
    { name: 'g', args: ['x'], ret: { first: 'x', out: 'x' } },
  ];
  const program = read(graphDef([], { functions }));
  const body = program.functions.get('f');
  if (body === undefined) throw new Error('no f');
  const at = (name: string) => body.find(name) ?? -1;

  it('have their arguments as the first nodes', () => {
    expect([body.function, body.argCount, body.nodeCount]).toEqual(['f', 2, 10]);
    expect([body.name(0), body.op(0), body.name(1), body.op(1)]).toEqual(['x', '_Arg', 'n', '_Arg']);
    expect(body.attr(0, 'T')).toEqual({ case: 'type', value: 1 });
    expect(body.attr(1, 'T')).toBeUndefined();
    expect(body.attr(1, 'index')).toEqual({ case: 'i', value: 1n });
    expect(body.attrNames(0)).toEqual(['index', 'T']);
  });

  it('name outputs by argument, which become flat numbers', () => {
    expect(body.inputs(at('top'))).toEqual([
      { node: at('split'), output: 2 },
      { node: at('axis'), output: 0 },
    ]);
    expect(body.inputs(at('sum'))).toEqual([
      { node: at('top'), output: 1 },
      { node: at('split'), output: 1 },
    ]);
    expect(body.controlInputs(at('sum'))).toEqual([at('axis')]);
    expect(body.inputs(at('next'))).toEqual([{ node: 1, output: 1 }]);
    expect(body.inputs(at('use'))).toEqual([
      { node: at('next'), output: 2 },
      // Two each of sparse_indices and sparse_shapes, but one type of values.
      { node: at('parsed'), output: 2 + 1 + 2 },
      { node: at('call'), output: 1 },
      { node: 0, output: undefined },
    ]);
  });

  it('have returns in the order of the signature, and say which are missing', () => {
    expect(body.returns).toEqual([
      { name: 'out', edge: { node: at('use'), output: 0 } },
      { name: 'extra', edge: { node: at('sum'), output: 0 } },
    ]);
    expect(body.controlReturns).toEqual([at('next')]);
    expect(body.missingReturns).toEqual(['lost', 'nowhere']);
    expect(body.danglingInputs).toEqual([]);
  });

  it('with one name stay apart, and with the name of an operation are noted', () => {
    const twice = read(
      graphDef([{ name: 'c', op: 'f' }], { functions: [{ name: 'f' }, { name: 'f', args: ['x'] }, { name: 'Add' }] }),
    );
    expect([...twice.functions.keys()]).toEqual(['f', 'f (2)', 'Add']);
    expect(twice.callsFrom(twice.main, 0).map(({ callee }) => callee.argCount)).toEqual([0, 1]);
    expect(twice.differentials).toEqual([
      'there are two functions with the name "f"',
      'a function has the name of an operation: "Add"',
    ]);
  });
});

describe('a SavedModel', () => {
  it('has a program for each MetaGraph, with what lies beside the graph', () => {
    const [serve, train] = readSavedModelPrograms(
      savedModel({
        metaGraphs: [
          {
            tags: ['serve', 'gpu'],
            tensorflowVersion: '2.9.1',
            nodes: [placeholder('x', 'DT_FLOAT', [-1, 3]), constString('file', 'v.txt')],
            signatures: { main: { inputs: { x: { name: 'x:0', shape: [-1, 3] } }, outputs: { y: 'x:0' }, methodName: 'm' } },
            saver: { filenameTensor: 'f:0', saveTensor: 's:0', restoreOp: 'r' },
            assets: [{ filename: '../v.txt', tensorName: 'file:0' }],
            collections: { train_op: ['x'], raw: { bytes: [Buffer.from([1, 2])] } },
            objects: [
              { kind: 'user_object', identifier: '_tf_keras_model', metadata: '{}', children: { layer: 1, again: 1 } },
              { registeredName: 'Reg', children: { call: 2 }, saveables: { T: [2, 2] } },
              { kind: 'function', concreteFunctions: ['f'] },
              { kind: 'asset', assetIndex: 0 },
            ],
          },
          { tags: ['train'] },
        ],
      }),
      'saved_model.pb',
      recordingContext(),
    );
    expect([serve.metaGraph, train.metaGraph, serve.tensorflowVersion, serve.kind]).toEqual([
      'serve,gpu',
      'train',
      '2.9.1',
      'saved-model',
    ]);
    expect(serve.signatures).toEqual([
      {
        name: 'main',
        methodName: 'm',
        inputs: [{ alias: 'x', name: 'x:0', dtype: 1, shape: [-1, 3], encoding: 'name' }],
        outputs: [{ alias: 'y', name: 'x:0', dtype: 1, shape: undefined, encoding: 'name' }],
        defaults: new Map(),
      },
    ]);
    expect(serve.saver).toEqual({ filenameTensor: 'f:0', saveTensor: 's:0', restoreOp: 'r' });
    expect(serve.assetFiles).toEqual([{ filename: '../v.txt', tensorName: 'file:0' }]);
    expect(serve.collections.get('train_op')).toEqual([Buffer.from('x')]);
    expect(serve.collections.get('raw')).toEqual([Buffer.from([1, 2])]);
    expect(serve.objects.map(({ kind, path }) => [kind, path])).toEqual([
      ['user_object', ''],
      ['none', 'layer'],
      ['function', 'layer/call'],
      ['asset', ''],
    ]);
    expect(serve.objects[0]).toMatchObject({ identifier: '_tf_keras_model', metadata: '{}' });
    expect(serve.objects[1]).toMatchObject({ registeredName: 'Reg', saveableFunctions: [{ name: 'T', save: 2, restore: 2 }] });
  });

  it('takes the assets of TensorFlow 1 from their collection, where there is no other list', () => {
    const any = (value: Uint8Array) =>
      field(1, message(field(1, 'type.googleapis.com/tensorflow.AssetFileDef'), field(2, value)));
    const old = message(field(1, field(1, 'old:0')), field(2, 'old.txt'));
    const list = message(field(5, message(any(old), any(Buffer.from([0x0a, 0x7f])))));
    const extra = field(4, message(field(1, 'saved_model_assets'), field(2, list)));
    const assetsOf = (assets: readonly { filename: string; tensorName: string }[]) => {
      const bytes = savedModel({ metaGraphs: [{ nodes: [placeholder('old')], assets, extra }] });
      return readSavedModelPrograms(bytes, 'saved_model.pb', recordingContext()).map(({ assetFiles }) => assetFiles);
    };
    expect(assetsOf([])).toEqual([[{ filename: 'old.txt', tensorName: 'old:0' }]]);
    const own = [{ filename: 'new.txt', tensorName: 'new:0' }];
    expect(assetsOf(own)).toEqual([own]);
  });

  it('notes what is there twice', () => {
    const input = { nodes: [placeholder('x')], signatures: { a: { outputs: { y: 'x:0' } } } };
    const again = metaGraph({ signatures: { a: { outputs: { y: 'z:0' } } } });
    const [program] = readSavedModelPrograms(message(field(2, message(metaGraph(input), again))), 's.pb', recordingContext());
    expect(program.signatures).toHaveLength(1);
    expect(program.signatures[0].outputs[0].name).toBe('z:0');
    expect(program.differentials).toContain('there are two of the signature "a"');
  });

  it('takes sparse and composite tensors apart', () => {
    const sparse = message(field(1, 'v:0'), field(2, 'i:0'), field(3, 's:0'));
    const info = message(field(4, sparse), varintField(2, 7));
    const composite = field(5, message(field(2, field(1, 'p:0')), field(2, field(1, 'q:0'))));
    const signature = message(
      field(1, message(field(1, 'sp'), field(2, info))),
      field(2, message(field(1, 'c'), field(2, composite))),
      field(2, message(field(1, 'none'), field(2, ''))),
    );
    const meta = metaGraph({ extra: field(5, message(field(1, 'sig'), field(2, signature))) });
    const [program] = readSavedModelPrograms(message(field(2, meta)), 's.pb', recordingContext());
    const [{ inputs, outputs }] = program.signatures;
    expect(inputs.map(({ name, dtype, encoding }) => [name, dtype, encoding])).toEqual([
      ['v:0', 7, 'sparse'],
      ['i:0', 9, 'sparse'],
      ['s:0', 9, 'sparse'],
    ]);
    expect(outputs.map(({ name, encoding }) => [name, encoding])).toEqual([
      ['p:0', 'composite'],
      ['q:0', 'composite'],
      ['', 'none'],
    ]);
  });

  it('is refused without a MetaGraph, with too many, or damaged', () => {
    const refuse = (bytes: Buffer) => () => readSavedModelPrograms(bytes, 's.pb', recordingContext());
    expect(refuse(Buffer.alloc(0))).toThrow('no MetaGraph');
    expect(refuse(message(...Array.from({ length: 101 }, () => field(2, ''))))).toThrow('more than 100');
    expect(refuse(savedModel({ metaGraphs: [{ nodes: [placeholder('x')] }] }).subarray(0, -1))).toThrow('damaged');
    const small = recordingContext({ maxGraphBytes: 3 });
    expect(() => readSavedModelPrograms(savedModel({ metaGraphs: [{}] }), 's.pb', small)).toThrow('more than 3 bytes');
  });
});
