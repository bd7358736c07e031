import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  attribute,
  functionDef,
  node,
  placeholder,
  type SavedModelParts,
  writeSavedModel,
} from '../../../tests/support/graph.ts';
import { readWholeModel } from '../../model/index.ts';
import type { DType, Signature } from '../../tensor/index.ts';
import { type InferredInput, inferInputs } from './infer-inputs.ts';

const folder = mkdtempSync(join(tmpdir(), 'airlock-test-infer-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const float = 1;
const int32 = 3;
const string = 7;
const int64 = 9;
const resource = 20;

/** One input called `x` with the placeholder `in`. */
const signatureOf = (dtype: DType): Signature => ({
  name: 'serving_default',
  methodName: 'tensorflow/serving/predict',
  inputs: [{ alias: 'x', tensorName: 'in:0', dtype, shape: [-1] }],
  outputs: [{ alias: 'y', tensorName: 'y:0', dtype: 'DT_FLOAT', shape: null }],
});

let models = 0;

async function infer(dtype: DType, nodes: readonly Buffer[], parts: SavedModelParts = {}): Promise<InferredInput> {
  const directory = join(folder, String(models++));
  writeSavedModel(directory, nodes, parts);
  const model = await readWholeModel(directory);
  return inferInputs(model.metaGraphs[0], signatureOf(dtype)).get('x') ?? { notes: ['nothing'] };
}

const scalar = (name: string, value: number) => {
  const content = Buffer.alloc(4);
  content.writeInt32LE(value);
  return node(name, 'Const', [], { dtype: attribute.type(int32), value: attribute.tensor(int32, [], content) });
};
const table = (name: string, rows: number) =>
  node(name, 'Const', [], { dtype: attribute.type(float), value: attribute.tensor(float, [rows, 2], Buffer.alloc(rows * 8)) });
const words = (name: string, values: readonly string[], shape = [values.length]) =>
  node(name, 'Const', [], { dtype: attribute.type(string), value: attribute.strings(shape, values) });
const variable = (name: string, shape: readonly number[]) =>
  node(name, 'VarHandleOp', [], { dtype: attribute.type(float), shape: attribute.shape(shape) });
const call = (name: string, inputs: readonly string[], called: string) =>
  node(name, 'StatefulPartitionedCall', inputs, { f: attribute.function(called) });

describe('bounds of indices', () => {
  it('are the rows of a table, also when two tables are looked up and values are moved on the way', async () => {
    const found = await infer('DT_INT32', [
      placeholder('in', int32),
      node('reshaped', 'Reshape', ['in', 'shape']),
      scalar('axis', 0),
      table('large', 20),
      table('small', 10),
      node('a', 'GatherV2', ['large', 'reshaped', 'axis']),
      node('b', 'GatherV2', ['small', 'in:0', 'axis']),
    ]);
    expect(found.bounds).toEqual({ min: 0, max: 9, isDemanded: true });
    expect(found.notes).toContain('GatherV2 a takes 0 to 19');
  });

  it('go through calls to a variable that is captured further out', async () => {
    const inner = functionDef('inner', { t: resource, i: int32 }, { o: float }, [node('g', 'ResourceGather', ['t', 'i'])], {
      o: 'g:output:0',
    });
    const outer = functionDef('outer', { ids: int32, emb: resource }, { o: float }, [call('c', ['emb', 'ids'], 'inner')], {
      o: 'c:output:0',
    });
    const nodes = [placeholder('in', int32), variable('emb', [7, 4]), call('main', ['in', 'emb'], 'outer')];
    expect((await infer('DT_INT32', nodes, { functions: [inner, outer] })).bounds).toEqual({ min: 0, max: 6, isDemanded: true });
  });

  it('take off what was added on the way', async () => {
    const nodes = [placeholder('in', int32), scalar('one', 1), scalar('axis', 0), table('t', 10)];
    const plus = [...nodes, node('sum', 'AddV2', ['one', 'in']), node('g', 'GatherV2', ['t', 'sum', 'axis'])];
    expect((await infer('DT_INT32', plus)).bounds).toMatchObject({ min: -1, max: 8 });
    const minus = [...nodes, node('sum', 'Sub', ['in', 'one']), node('g', 'GatherV2', ['t', 'sum', 'axis'])];
    expect((await infer('DT_INT32', minus)).bounds).toMatchObject({ min: 1, max: 10 });
  });

  it.each([
    [
      'only part of the values goes there',
      [node('p', 'StridedSlice', ['in', 'b', 'e', 's']), node('g', 'GatherV2', ['t', 'p', 'axis'])],
    ],
    ['the values are changed first', [node('p', 'FloorMod', ['in', 'axis']), node('g', 'GatherV2', ['t', 'p', 'axis'])]],
    ['the input is the table', [node('g', 'GatherV2', ['in', 'axis', 'axis'])]],
    ['another axis is gathered', [scalar('other', 1), node('g', 'GatherV2', ['t', 'in', 'other'])]],
    ['the table has no known size', [variable('v', [-1, 2]), node('g', 'ResourceGather', ['v', 'in'])]],
  ])('are not told when %s', async (_case, nodes) => {
    const found = await infer('DT_INT32', [placeholder('in', int32), scalar('axis', 0), table('t', 10), ...nodes]);
    expect(found.bounds).toBeUndefined();
  });

  it('only watch where a branch or a loop looks up, which may not run', async () => {
    const look = functionDef('look', { i: int32, t: resource }, { o: float }, [node('g', 'ResourceGather', ['t', 'i'])], {
      o: 'g:output:0',
    });
    const branches = { then_branch: attribute.function('look'), else_branch: attribute.function('none') };
    const loop = { body: attribute.function('look'), cond: attribute.function('none') };
    const nodes = [placeholder('in', int32), placeholder('cond', 10), variable('emb', [7, 4])];
    for (const last of [node('if', 'StatelessIf', ['cond', 'in', 'emb'], branches), node('w', 'While', ['in', 'emb'], loop)]) {
      const found = await infer('DT_INT32', [...nodes, last], { functions: [look] });
      expect(found.bounds).toEqual({ min: 0, max: 6, isDemanded: false });
    }
  });

  it('of a one-hot vector only watch: other values become zeros', async () => {
    const nodes = [placeholder('in', int32), scalar('depth', 5), node('h', 'OneHot', ['in', 'depth', 'depth', 'depth'])];
    expect((await infer('DT_INT32', nodes)).bounds).toEqual({ min: 0, max: 4, isDemanded: false });
  });

  it('keep the outputs of IdentityN apart', async () => {
    const nodes = [
      placeholder('in', int32),
      placeholder('other', int32),
      scalar('axis', 0),
      table('t', 10),
      node('n', 'IdentityN', ['in', 'other']),
      node('g', 'GatherV2', ['t', 'n:1', 'axis']),
    ];
    expect((await infer('DT_INT32', nodes)).bounds).toBeUndefined();
  });

  it('end with functions that call themselves, and with a loop of nodes', async () => {
    const again = functionDef('again', { i: int32 }, { o: float }, [call('c', ['i'], 'again')], { o: 'c:output:0' });
    const nodes = [
      placeholder('in', int32),
      call('c', ['in'], 'again'),
      node('l', 'Identity', ['m']),
      node('m', 'Identity', ['l']),
    ];
    const found = await infer('DT_INT32', [...nodes, node('g', 'Gather', ['l', 'in'])], { functions: [again] });
    expect(found.bounds).toBeUndefined();
  });
});

describe('tf.Example', () => {
  const types = (codes: readonly number[]) => attribute.types(codes);

  it('gives the features of ParseExampleV2: required, with a default, sparse', async () => {
    const none = (name: string) =>
      node(name, 'Const', [], { dtype: attribute.type(float), value: attribute.tensor(float, [0], Buffer.alloc(0)) });
    const some = (name: string) =>
      node(name, 'Const', [], { dtype: attribute.type(float), value: attribute.tensor(float, [1], Buffer.alloc(4)) });
    const parse = node('p', 'ParseExampleV2', ['in', 'names', 'sparse', 'dense', 'ragged', 'd0', 'd1'], {
      Tdense: types([float, float]),
      sparse_types: types([string]),
      dense_shapes: attribute.shapes([[3], [1]]),
    });
    const found = await infer('DT_STRING', [
      placeholder('in', string),
      words('names', []),
      words('sparse', ['tags']),
      words('dense', ['a', 'b']),
      words('ragged', []),
      none('d0'),
      some('d1'),
      parse,
    ]);
    expect(found.example?.features).toEqual(
      new Map([
        ['a', { kind: 'float', required: true, count: { min: 3, max: 3 } }],
        ['b', { kind: 'float', required: false, count: { min: 1, max: 1 } }],
        ['tags', { kind: 'bytes', required: false }],
      ]),
    );
  });

  it('gives those of ParseSingleExample and ParseExample', async () => {
    const single = node('p', 'ParseSingleExample', ['in'], {
      sparse_keys: attribute.texts(['s']),
      dense_keys: attribute.texts([]),
      sparse_types: types([int64]),
    });
    const found = await infer('DT_STRING', [placeholder('in', string), single]);
    expect(found.example?.features).toEqual(new Map([['s', { kind: 'int64', required: false }]]));
    const old = node('p', 'ParseExample', ['in', 'names', 'k', 'd'], {
      Nsparse: attribute.integer(0),
      Ndense: attribute.integer(1),
      Tdense: types([int64]),
      dense_shapes: attribute.shapes([[]]),
    });
    const nodes = [placeholder('in', string), words('names', []), words('k', ['x'], []), scalar('d', 4), old];
    expect((await infer('DT_STRING', nodes)).example?.features).toEqual(
      new Map([['x', { kind: 'int64', required: false, count: { min: 1, max: 1 } }]]),
    );
  });

  it('gives nothing when the names are not constant', async () => {
    const parse = node('p', 'ParseExampleV2', ['in', 'in', 'in', 'in', 'in'], {});
    const found = await infer('DT_STRING', [placeholder('in', string), parse]);
    expect(found.example).toBeUndefined();
    expect(found.notes.join()).toContain('not constant');
  });
});

describe('images and sound', () => {
  it.each([
    ['DecodePng', ['png', 'gif'], ['jpeg']],
    ['DecodeJpeg', ['png', 'gif'], ['jpeg']],
    ['DecodeBmp', ['bmp'], []],
    ['DecodeImage', ['png', 'gif', 'bmp'], ['jpeg']],
  ])('%s gives formats; what TensorFlow does not call safe is made anew', async (op, formats, reencode) => {
    const found = await infer('DT_STRING', [placeholder('in', string), node('d', op, ['in'])]);
    expect(found.image).toMatchObject({ formats, reencode });
  });

  it('finds the decoder inside the loop that tf.map_fn makes', async () => {
    const body = functionDef(
      'body',
      { i: int32, list: 21 },
      { o: int32 },
      [node('item', 'TensorListGetItem', ['list', 'i', 'i']), node('d', 'DecodePng', ['item:item:0'])],
      { o: 'i' },
    );
    const nodes = [
      placeholder('in', string),
      node('list', 'TensorListFromTensor', ['in', 'in']),
      scalar('zero', 0),
      node('loop', 'StatelessWhile', ['zero', 'list'], { body: attribute.function('body'), cond: attribute.function('none') }),
    ];
    expect((await infer('DT_STRING', nodes, { functions: [body] })).image?.formats).toEqual(['png', 'gif']);
  });

  it('says nothing of an image that only a branch decodes', async () => {
    const branch = functionDef('branch', { s: string }, { o: float }, [node('d', 'DecodePng', ['s'])], { o: 'd:image:0' });
    const nodes = [
      placeholder('in', string),
      placeholder('cond', 10),
      node('if', 'If', ['cond', 'in'], { then_branch: attribute.function('branch'), else_branch: attribute.function('none') }),
    ];
    const found = await infer('DT_STRING', nodes, { functions: [branch] });
    expect(found.image).toBeUndefined();
    expect(found.notes).toEqual(['DecodePng d reads it in a branch that may not run']);
  });

  it('gives no format that would be refused by the graph', async () => {
    const found = await infer('DT_STRING', [placeholder('in', string), node('d', 'DecodeAndCropJpeg', ['in', 'in'])]);
    expect(found.image).toBeUndefined();
  });

  it('knows what DecodeWav takes', async () => {
    const found = await infer('DT_STRING', [placeholder('in', string), node('d', 'DecodeWav', ['in'])]);
    expect(found.audio).toMatchObject({ codings: ['pcm'], bitDepth: [16] });
  });
});

describe('lookup tables', () => {
  const lookup = [node('find', 'LookupTableFindV2', ['table', 'in', 'other'])];

  it('give the words of an asset, through the function that fills the table', async () => {
    const fill = functionDef(
      'fill',
      { t: resource, file: string },
      { o: string },
      [
        node('init', 'InitializeTableFromTextFileV2', ['t', 'file'], {
          key_index: attribute.integer(-2),
          value_index: attribute.integer(-1),
        }),
      ],
      { o: 'file' },
    );
    const nodes = [
      placeholder('in', string),
      node('table', 'HashTableV2'),
      words('asset', ['/x'], []),
      call('c', ['table', 'asset'], 'fill'),
    ];
    const found = await infer('DT_STRING', [...nodes, ...lookup], { functions: [fill], assets: { 'words.txt': 'asset:0' } });
    expect(found.words).toEqual({ kind: 'asset', fileName: 'words.txt' });
  });

  it('give the words of an asset whose path is kept in a variable, as TensorFlow 2 does', async () => {
    const init = node('init', 'InitializeTableFromTextFileV2', ['table', 'read'], { key_index: attribute.integer(-2) });
    const path = [
      placeholder('asset', string),
      node('v', 'VarHandleOp'),
      node('assign', 'AssignVariableOp', ['v', 'asset']),
      node('read', 'ReadVariableOp', ['v']),
    ];
    const nodes = [placeholder('in', string), node('table', 'HashTableV2'), ...path, init, ...lookup];
    const assets = { 'words.txt': 'asset:0' };
    expect((await infer('DT_STRING', nodes, { assets })).words).toEqual({ kind: 'asset', fileName: 'words.txt' });
    const twice = [...nodes, node('again', 'AssignVariableOp', ['v', 'in'])];
    expect((await infer('DT_STRING', twice, { assets })).words).toBeUndefined();
  });

  it('give constant words', async () => {
    const fill = node('fill', 'LookupTableImportV2', ['table', 'keys', 'values']);
    const nodes = [placeholder('in', string), node('table', 'HashTableV2'), words('keys', ['a', 'b']), fill, ...lookup];
    const found = await infer('DT_STRING', nodes);
    expect(found.words?.kind === 'constant' && found.words.words.map(String)).toEqual(['a', 'b']);
  });

  it.each([
    [
      'another column of the file is the key',
      [
        words('asset', ['/x'], []),
        node('i', 'InitializeTableFromTextFileV2', ['table', 'asset'], { key_index: attribute.integer(0) }),
      ],
    ],
    [
      'it is filled twice',
      [
        words('k', ['a']),
        node('i', 'LookupTableImportV2', ['table', 'k', 'k']),
        node('j', 'LookupTableImportV2', ['table', 'k', 'k']),
      ],
    ],
    ['nothing fills it', []],
  ])('are not told when %s', async (_case, nodes) => {
    const all = [placeholder('in', string), node('table', 'HashTableV2'), ...nodes, ...lookup];
    expect((await infer('DT_STRING', all, { assets: { 'words.txt': 'asset:0' } })).words).toBeUndefined();
  });
});

it('says so when nothing uses an input', async () => {
  expect((await infer('DT_FLOAT', [placeholder('in', float)])).notes).toEqual(['no op uses this input']);
});
