// The models of scan-attacks.js: each is small for what it costs a reader that is not careful.
import { gzipSync } from 'node:zlib';
import { gzip, joinTar, sortedTable, tarParts, zip } from './scan-containers.js';
import { bytesField, numberField, varint } from './scan-protobuf.js';

const range = (count) => Array.from({ length: count }, (_, index) => index);
const entry = (number, key, value) => bytesField(number, Buffer.concat([bytesField(1, key), bytesField(2, value)]));
const func = (name) => bytesField(10, bytesField(1, name));
const funcs = (names) => bytesField(1, Buffer.concat(names.map((name) => bytesField(9, bytesField(1, name)))));
const type = (number) => numberField(6, number);
const types = (count, number = 1) => bytesField(1, Buffer.concat([bytesField(6, Buffer.alloc(count, number))]));
const shape = (dims) => Buffer.concat(dims.map((size) => bytesField(2, numberField(1, size))));
const node = (name, op, inputs = [], attrs = {}) =>
  Buffer.concat([
    bytesField(1, name),
    bytesField(2, op),
    ...inputs.map((input) => bytesField(3, input)),
    ...Object.entries(attrs).map(([key, value]) => entry(5, key, value)),
  ]);
const tensor = (dtype, dims, content) => Buffer.concat([numberField(1, dtype), bytesField(2, shape(dims)), content]);
const text = (name, value, dims = []) =>
  node(name, 'Const', [], { dtype: type(7), value: bytesField(8, tensor(7, dims, bytesField(8, value))) });
const ints = (name, values, dims = [values.length]) =>
  node(name, 'Const', [], {
    dtype: type(3),
    value: bytesField(8, tensor(3, dims, bytesField(7, Buffer.concat(values.map(varint))))),
  });
const arg = (name, number = 1) => Buffer.concat([bytesField(1, name), numberField(3, number)]);
/** A FunctionDef: `ret` is output name to tensor. */
const define = (name, { args = ['x'], nodes = [], ret = {}, control = [], attrs = {}, dtype = 1 }) =>
  bytesField(
    1,
    Buffer.concat([
      bytesField(
        1,
        Buffer.concat([
          bytesField(1, name),
          ...args.map((one) => bytesField(2, arg(one, dtype))),
          ...Object.keys(ret).map((one) => bytesField(3, arg(one, dtype))),
          ...control.map((one) => bytesField(20, one)),
        ]),
      ),
      ...nodes.map((one) => bytesField(3, one)),
      ...Object.entries(ret).map(([key, value]) => entry(4, key, Buffer.from(value))),
      ...Object.entries(attrs).map(([key, value]) => entry(5, key, value)),
      ...control.map((one) => entry(6, one, Buffer.from(one))),
    ]),
  );
const call = (name, callee, inputs = ['x']) =>
  node(name, 'StatefulPartitionedCall', inputs, { f: func(callee), Tin: types(inputs.length), Tout: types(1) });
const graph = (nodes, functions = []) =>
  Buffer.concat([
    ...nodes.map((one) => bytesField(1, one)),
    ...(functions.length === 0 ? [] : [bytesField(2, Buffer.concat(functions))]),
  ]);
const tensorInfo = (name, dtype = 1) => Buffer.concat([bytesField(1, name), numberField(2, dtype), bytesField(3, shape([1]))]);
const signature = (key, inputs, outputs) =>
  entry(
    5,
    key,
    Buffer.concat([
      ...Object.entries(inputs).map(([one, name]) => entry(1, one, tensorInfo(name))),
      ...Object.entries(outputs).map(([one, name]) => entry(2, one, tensorInfo(name))),
    ]),
  );
const metaGraph = (graphDef, ...more) =>
  Buffer.concat([
    bytesField(1, Buffer.concat([bytesField(4, 'serve'), bytesField(5, '2.21.0')])),
    bytesField(2, graphDef),
    ...more,
  ]);
const savedModel = (...metaGraphs) => Buffer.concat([numberField(1, 1), ...metaGraphs.map((one) => bytesField(2, one))]);
const x = node('x', 'Placeholder', [], { dtype: type(1) });
/** A SavedModel whose one signature calls `callee` of `functions`. */
const calling = (callee, functions) =>
  savedModel(metaGraph(graph([x, call('root', callee)], functions), signature('serving_default', { x: 'x:0' }, { y: 'root:0' })));
const model = (bytes) => ({ target: 'saved_model.pb', files: { 'saved_model.pb': bytes } });
const one = (name, bytes) => ({ target: name, files: { [name]: bytes } });
const frozen = (nodes, functions) => one('graph.pb', graph(nodes, functions));
const chain = (count, nodes) =>
  range(count).map((index) => define(`f${index}`, { nodes: nodes(index), ret: { y: 'last:output:0' } }));
/** A message in itself. */
function nested(fields, depth, inner = Buffer.alloc(0)) {
  const prefixes = [];
  let length = inner.length;
  for (let level = 0; level < depth; level++) {
    const number = fields[level % fields.length];
    const head = Buffer.concat([varint(number * 8 + 2), varint(length)]);
    prefixes.push(head);
    length += head.length;
  }
  return Buffer.concat([...prefixes.reverse(), inner]);
}

const cond = (name) => define(name, { nodes: [node('last', 'NonZero', ['x'])], ret: { y: 'last:output:0' } });
const whiles = (name, body, condition = 'cond', input = 'x') =>
  node(name, 'While', [input], { cond: func(condition), body: func(body), T: types(1) });

const graphAttacks = {
  'calls-dense': () =>
    calling(
      'f0',
      range(800).map((index) =>
        define(`f${index}`, {
          nodes: range(400).map((to) => call(to === 399 ? 'last' : `c${to}`, `f${(index + to) % 800}`)),
          ret: { y: 'last:output:0' },
        }),
      ),
    ),
  'calls-dense-acyclic': () =>
    calling(
      'f0',
      range(700).map((index) =>
        define(`f${index}`, {
          nodes: [
            ...range(Math.max(0, 699 - index)).map((to) => call(`c${to}`, `f${index + 1 + to}`)),
            node('last', 'Identity', [index < 699 ? 'c0:output:0' : 'x']),
          ],
          ret: { y: 'last:output:0' },
        }),
      ),
    ),
  'calls-double-deep': () =>
    calling('f0', [
      ...chain(20_000, (index) => [call('c', `f${index + 1}`), call('last', `f${index + 1}`, ['c:output:0'])]),
      define('f20000', { nodes: [node('last', 'Identity', ['x'])], ret: { y: 'last:output:0' } }),
    ]),
  'if-chain': () =>
    calling('f0', [
      ...chain(20_000, (index) => [
        node('last', 'If', ['x', 'x'], {
          then_branch: func(`f${index + 1}`),
          else_branch: func(`f${index + 2}`),
          Tin: types(1),
          Tout: types(1),
        }),
      ]),
      ...[20_000, 20_001].map((index) =>
        define(`f${index}`, { nodes: [node('last', 'ReadFile', ['x'])], ret: { y: 'last:contents:0' } }),
      ),
    ]),
  'while-nested': () =>
    calling('f0', [
      cond('cond'),
      ...chain(20_000, (index) => [whiles('last', `f${index + 1}`)]),
      define('f20000', { nodes: [node('last', 'Identity', ['x'])], ret: { y: 'last:output:0' } }),
    ]),
  'while-many': () =>
    calling('f', [
      cond('cond'),
      define('b', {
        nodes: range(500).map((index) => node(index === 499 ? 'last' : `n${index}`, 'AddV2', ['x', 'x'])),
        ret: { y: 'last:z:0' },
      }),
      define('f', {
        nodes: range(20_000).map((index) =>
          whiles(index === 19_999 ? 'last' : `w${index}`, 'b', 'cond', index === 0 ? 'x' : `w${index - 1}:output:0`),
        ),
        ret: { y: 'last:output:0' },
      }),
    ]),
  'signatures-shared': () =>
    savedModel(
      metaGraph(
        graph(
          [x, ...range(3000).map((index) => call(`s${index}`, `f${index % 50}`))],
          [...chain(2000, (index) => [call('c', `f${Math.min(1999, index + 1)}`), node('last', 'ReadFile', ['c:output:0'])])],
        ),
        ...range(3000).map((index) => signature(`s${index}`, { x: 'x:0' }, { y: `s${index}:0` })),
      ),
    ),
  'signatures-wide': () =>
    savedModel(
      metaGraph(
        graph([x]),
        ...range(200).map((index) =>
          signature(
            `s${index}`,
            Object.fromEntries(range(500).map((at) => [`x${at}`, 'x:0'])),
            Object.fromEntries(range(500).map((at) => [`y${at}`, `y${at}:0`])),
          ),
        ),
      ),
    ),
  'calls-many-arguments': () =>
    calling('g', [
      define('f', {
        args: range(1000).map((index) => `a${index}`),
        nodes: [
          node(
            'last',
            'AddN',
            range(1000).map((index) => `a${index}`),
          ),
        ],
        ret: { y: 'last:sum:0' },
      }),
      define('g', {
        nodes: range(3000).map((index) =>
          call(
            index === 2999 ? 'last' : `c${index}`,
            'f',
            range(1000).map(() => (index === 0 ? 'x' : `c${index - 1}:output:0`)),
          ),
        ),
        ret: { y: 'last:output:0' },
      }),
    ]),
  'arguments-deep': () =>
    calling('f0', [
      ...range(3000).map((index) =>
        define(`f${index}`, {
          args: range(100).map((at) => `a${at}`),
          nodes: [
            call(
              'last',
              `f${index + 1}`,
              range(100).map((at) => `a${(at + 1) % 100}`),
            ),
          ],
          ret: { y: 'last:output:0' },
        }),
      ),
      define('f3000', {
        args: range(100).map((at) => `a${at}`),
        nodes: [node('last', 'ReadFile', ['a0'])],
        ret: { y: 'last:contents:0' },
      }),
    ]),
  'identity-chain': () =>
    frozen([
      text('n0', '/etc/passwd'),
      ...range(400_000).map((index) => node(`n${index + 1}`, 'Identity', [`n${index}`])),
      node('read', 'ReadFile', ['n400000']),
    ]),
  'reads-many': () => frozen([text('p', '/etc/passwd'), ...range(150_000).map((index) => node(`r${index}`, 'ReadFile', ['p']))]),
  'reads-many-deep': () =>
    calling('f0', [
      ...chain(2000, (index) => [call('last', `f${index + 1}`)]),
      define('f2000', {
        nodes: [
          text('p', '/etc/passwd'),
          ...range(60_000).map((index) => node(index === 59_999 ? 'last' : `r${index}`, 'ReadFile', ['p:output:0'])),
        ],
        ret: { y: 'last:contents:0' },
      }),
    ]),
  'reads-each-computed': () =>
    frozen([
      text('p', '/tmp/'),
      ...range(60_000).map((index) =>
        node(`j${index}`, 'StringJoin', [index === 0 ? 'p' : `j${index - 1}`, 'p'], { N: numberField(3, 2) }),
      ),
      ...range(60_000).map((index) => node(`r${index}`, 'ReadFile', [`j${index}`])),
    ]),
  'join-doubling': () =>
    frozen([
      text('j0', 'x'.repeat(1000)),
      ...range(5000).map((index) => node(`j${index + 1}`, 'StringJoin', [`j${index}`, `j${index}`], { N: numberField(3, 2) })),
      node('r', 'ReadFile', ['j5000']),
    ]),
  'concat-doubling': () =>
    frozen([
      ints('a', [0], []),
      ints('c0', [1, 2, 3, 4]),
      ...range(5000).map((index) =>
        node(`c${index + 1}`, 'ConcatV2', [`c${index}`, `c${index}`, 'a'], { N: numberField(3, 2), T: type(3), Tidx: type(3) }),
      ),
      node('z', 'Zeros', ['c5000']),
      node('f', 'Fill', ['c5000', 'a'], { T: type(3) }),
    ]),
  'fill-fold': () =>
    frozen([
      ints('d', [1000, 1000, 1000]),
      ints('v', [1], []),
      ...range(200).map((index) => node(`f${index}`, 'Fill', ['d', 'v'], { T: type(3), index_type: type(3) })),
      node('s', 'Sum', ['f0', 'v'], { T: type(3) }),
      ints('big', [2_000_000_000], []),
      node('r', 'Range', ['v', 'big', 'v'], { Tidx: type(3) }),
      node('f', 'Fill', ['r', 'v'], { T: type(3) }),
    ]),
  'const-splat-folded': () =>
    frozen([
      ints('c', [1], [2 ** 28]),
      ints('one', [1], []),
      ...range(2000).map((index) => node(`m${index}`, 'Mul', [index === 0 ? 'c' : `m${index - 1}`, 'c'], { T: type(3) })),
      node('f', 'Fill', ['m1999', 'one'], { T: type(3) }),
    ]),
  'const-large-folded': () =>
    frozen([
      ints('c', range(3000)),
      ints('one', [1], []),
      ...range(50_000).map((index) => node(`m${index}`, 'Mul', [index === 0 ? 'c' : `m${index - 1}`, 'c'], { T: type(3) })),
      node('f', 'Fill', ['m49999', 'one'], { T: type(3) }),
    ]),
  'shape-chain': () =>
    frozen([
      x,
      ...range(100_000).map((index) =>
        node(
          `s${index}`,
          index % 2 === 0 ? 'Shape' : 'Fill',
          index % 2 === 0 ? [index === 0 ? 'x' : `s${index - 1}`] : [`s${index - 1}`, 'x'],
          { T: type(1), out_type: type(3) },
        ),
      ),
    ]),
  'pack-wide': () =>
    frozen([
      x,
      ...range(300).map((index) =>
        node(`p${index}`, 'Pack', new Array(20_000).fill(index === 0 ? 'x' : `p${index - 1}`), {
          N: numberField(3, 20_000),
          T: type(1),
        }),
      ),
    ]),
  'objects-dense': () => {
    const child = (index, to) => bytesField(1, Buffer.concat([numberField(1, (index + to) % 1500), bytesField(2, `child${to}`)]));
    const objects = range(1500).map((index) => bytesField(1, Buffer.concat(range(700).map((to) => child(index, to)))));
    return model(savedModel(metaGraph(graph([x]), bytesField(7, Buffer.concat(objects)))));
  },
  'objects-deep': () => {
    const object = (index) => bytesField(1, bytesField(1, Buffer.concat([numberField(1, index + 1), bytesField(2, 'c')])));
    return model(savedModel(metaGraph(graph([x]), bytesField(7, Buffer.concat(range(300_000).map(object))))));
  },
  'names-same': () => frozen(range(300_000).map(() => node('same', 'NoOp', ['same', '^same']))),
  'names-dangling': () =>
    frozen(range(100_000).map((index) => node(`n${index}`, 'Identity', [`missing${index}`, `^gone${index}`, `n${index}:9`]))),
  'names-long': () =>
    frozen(range(2000).map((index) => node('n'.repeat(10_000) + index, 'Identity', ['n'.repeat(10_000) + ((index + 1) % 2000)]))),
  'cycle-long': () => frozen(range(300_000).map((index) => node(`n${index}`, 'Identity', [`n${(index + 1) % 300_000}`]))),
  'merge-loops': () =>
    frozen([
      x,
      ...range(40_000).flatMap((index) => [
        node(`m${index}`, 'Merge', [index === 0 ? 'x' : `e${index - 1}`, `n${index}`]),
        node(`s${index}`, 'Switch', [`m${index}`, `m${index}`]),
        node(`n${index}`, 'NextIteration', [`s${index}:1`]),
        node(`e${index}`, 'Exit', [`s${index}`]),
      ]),
    ]),
  'collections-huge': () =>
    savedModel(
      metaGraph(
        graph([x]),
        ...range(200).map((index) =>
          entry(4, `c${index}`, bytesField(1, Buffer.concat(range(5000).map((at) => bytesField(1, `n${at}:0`))))),
        ),
      ),
    ),
  'attrs-many': () =>
    frozen([node('n', 'NoOp', [], Object.fromEntries(range(300_000).map((index) => [`a${index}`, func(`f${index}`)])))], []),
  'attrs-functions-list': () =>
    frozen(
      range(200).map((index) => node(`n${index}`, 'Case', ['^n0'], { branches: funcs(range(1000).map((at) => `f${at}`)) })),
      range(1000).map((index) => define(`f${index}`, { nodes: [node('last', 'NoOp')] })),
    ),
  'attrs-nested': () =>
    frozen([
      node('n', 'PartitionedCall', [], { f: nested([10, 2, 2], 300_000) }),
      node('m', 'PartitionedCall', [], { f: nested([10, 2, 2], 90) }),
    ]),
  'attrs-nested-many': () =>
    frozen(range(3000).map((index) => node(`n${index}`, 'PartitionedCall', [], { f: nested([10, 2, 2], 90) }))),
  'functions-many': () =>
    frozen(
      [x],
      range(90_000).map((index) =>
        define(`f${index}`, { nodes: [node('last', 'Identity', ['x'])], ret: { y: 'last:output:0' } }),
      ),
    ),
  'gradients-many': () =>
    one(
      'graph.pb',
      Buffer.concat([
        bytesField(
          2,
          Buffer.concat([
            define('f', { nodes: [] }),
            ...range(200_000).map((index) => bytesField(2, Buffer.concat([bytesField(1, `f${index % 10}`), bytesField(2, 'f')]))),
          ]),
        ),
      ]),
    ),
  'implements-shared': () =>
    frozen(
      range(2000).map((index) => call(`c${index}`, `f${index % 1000}`, [])),
      range(1000).map((index) =>
        define(`f${index}`, {
          args: [],
          nodes: [],
          attrs: { api_implements: bytesField(2, 'same'), api_preferred_device: bytesField(2, 'CPU') },
        }),
      ),
    ),
  'graphs-in-strings': () => {
    let inner = graph([text('p', '/etc/passwd'), node('r', 'ReadFile', ['p'])]);
    for (let level = 0; level < 4; level++)
      inner = graph([
        ...range(level === 3 ? 40 : 6).map((index) => text(`g${index}`, inner)),
        node('d', 'DatasetFromGraph', ['g0']),
      ]);
    return frozen([text('g', inner), node('d', 'DatasetFromGraph', ['g'])]);
  },
  'graphs-in-strings-many': () => {
    const inner = graph(range(200).map((index) => node(`n${index}`, 'NoOp')));
    return frozen(range(4000).map((index) => text(`g${index}`, inner)));
  },
  'strings-like-graphs': () =>
    frozen(
      range(3).map((index) =>
        text(
          `g${index}`,
          Buffer.concat(range(1_000_000).map(() => Buffer.from([0x0a, 0x06, 0x0a, 0x01, 0x61, 0x12, 0x01, 0x62]))),
        ),
      ),
    ),
  'string-tensor-many': () =>
    frozen([
      node('c', 'Const', [], {
        dtype: type(7),
        value: bytesField(8, tensor(7, [2_000_000], Buffer.concat(range(2_000_000).map(() => Buffer.from([0x42, 1, 0x61]))))),
      }),
      node('r', 'ReadFile', ['c']),
    ]),
  'meta-graphs-many': () =>
    model(
      savedModel(
        ...range(100).map((index) =>
          metaGraph(
            graph(
              [x],
              range(300).map((at) =>
                define(`f${index}_${at}`, { nodes: [node('last', 'Identity', ['x'])], ret: { y: 'last:output:0' } }),
              ),
            ),
          ),
        ),
      ),
    ),
  'unknown-fields': () =>
    one(
      'saved_model.pb',
      savedModel(metaGraph(graph([x]), Buffer.concat(range(2_000_000).map(() => Buffer.from([0xf8, 0x07, 0x01]))))),
    ),
  'datasets-deep': () =>
    frozen(
      [
        x,
        node('d0', 'TensorDataset', ['x']),
        ...range(50_000).map((index) => node(`d${index + 1}`, 'MapDataset', [`d${index}`], { f: func('f') })),
      ],
      [define('f', { nodes: [node('last', 'Identity', ['x'])], ret: { y: 'last:output:0' } })],
    ),
  'selects-many': () =>
    frozen([
      x,
      ints('k', [7]),
      ...range(100_000).map((index) =>
        node(`s${index}`, 'SelectV2', [index === 0 ? 'x' : `s${index - 1}`, 'k', index < 2 ? 'x' : `s${index - 2}`]),
      ),
    ]),
  'resources-many': () =>
    frozen([
      ...range(30_000).flatMap((index) => [
        node(`t${index}`, 'HashTableV2', [], { shared_name: bytesField(2, 'same') }),
        node(`q${index}`, 'FIFOQueueV2', [], { shared_name: bytesField(2, 'same') }),
        node(`d${index}`, 'QueueDequeueV2', [`q${index}`]),
      ]),
    ]),
  'control-dense': () =>
    frozen(
      range(1500).map((index) =>
        node(
          `n${index}`,
          'NoOp',
          range(index).map((at) => `^n${at}`),
        ),
      ),
    ),
};

const json = (value) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
const keras = (layers) => ({
  class_name: 'Sequential',
  config: { name: 's', layers },
  keras_version: '2.15.0',
  backend: 'tensorflow',
});
const dense = (index) => ({ class_name: 'Dense', config: { name: `dense${index}`, units: 1, activation: 'relu' } });
const deepJson = (depth, open, close, inner = '1') => open.repeat(depth) + inner + close.repeat(depth);
function escaped(value, times) {
  let result = JSON.stringify(value);
  for (let level = 0; level < times; level++) result = JSON.stringify({ class_name: 'Lambda', config: result });
  return result;
}

/** Node hashes strings of more than 16,383 characters by their length only: a map of such names compares each with all others. */
const longName = (index) => 'n'.repeat(20_000) + String(index).padStart(6, '0');

const kerasAttacks = {
  'json-long-keys': () =>
    one(
      'model.json',
      json({ class_name: 'Sequential', config: Object.fromEntries(range(4000).map((index) => [longName(index), index])) }),
    ),
  'json-keys': () =>
    one(
      'model.json',
      json({ class_name: 'Sequential', config: Object.fromEntries(range(1_000_000).map((index) => [`k${index}`, index])) }),
    ),
  'json-layers': () => one('model.json', json(keras(range(200_000).map(dense)))),
  'json-deep-arrays': () => one('model.json', json(`{"class_name":"Sequential","config":${deepJson(2_000_000, '[', ']')}}`)),
  'json-deep-layers': () =>
    one('model.json', json(deepJson(200_000, '{"class_name":"TimeDistributed","config":{"layer":', '}}', '{}'))),
  'json-duplicate-keys': () =>
    one(
      'model.json',
      json(
        `{"class_name":"Sequential","config":{${range(500_000)
          .map(() => '"a":{"a":1,"a":2}')
          .join()}}}`,
      ),
    ),
  'json-escaped': () =>
    one('model.json', json(keras([{ class_name: 'X', config: { name: escaped({ class_name: 'Lambda' }, 18) } }]))),
  'json-long-text': () =>
    one(
      'model.json',
      json(keras([{ class_name: 'X', config: { name: 'a/'.repeat(10_000_000), vocabulary: '{"'.repeat(5_000_000) } }])),
    ),
  'json-spaces': () => one('model.json', json(`{"class_name":${' '.repeat(30_000_000)}"Sequential","config":{}}`)),
  'json-findings': () =>
    one(
      'model.json',
      json(
        keras(
          range(100_000).map((index) => ({
            class_name: 'Lambda',
            config: { name: `l${index}`, function: { class_name: '__lambda__', config: { code: '4wEAAAA=' } } },
          })),
        ),
      ),
    ),
  'json-vocabulary': () =>
    one(
      'model.json',
      json(
        keras([{ class_name: 'StringLookup', config: { name: 's', vocabulary: range(1_500_000).map((index) => `w${index}`) } }]),
      ),
    ),
  'keras-nested-functional': () =>
    one(
      'model.keras',
      zip([
        { name: 'metadata.json', bytes: json({ keras_version: '3.15.1' }) },
        {
          name: 'config.json',
          bytes: json(
            `${'{"module":"keras","class_name":"Functional","config":{"layers":['.repeat(900)}${'],"name":"x"}}'.repeat(900)}`,
          ),
        },
        { name: 'model.weights.h5', bytes: Buffer.from('x') },
      ]).bytes,
    ),
  'keras-many-members': () =>
    one(
      'model.keras',
      zip([
        { name: 'metadata.json', bytes: json({ keras_version: '3.15.1' }) },
        { name: 'config.json', bytes: json(keras([dense(0)])) },
        ...range(60_000).map((index) => ({ name: `assets/a${index}`, bytes: Buffer.from('{"a":1}'), isStored: true })),
      ]).bytes,
    ),
  'metadata-nodes': () => ({
    target: '.',
    files: {
      'keras_metadata.pb': Buffer.concat(
        range(100_000).map((index) =>
          bytesField(
            1,
            Buffer.concat([
              numberField(2, index),
              bytesField(3, `root.layer${index}`),
              bytesField(4, '_tf_keras_layer'),
              bytesField(5, JSON.stringify(dense(index))),
            ]),
          ),
        ),
      ),
    },
  }),
  'tfjs-weights': () => ({
    target: '.',
    files: {
      'model.json': json({
        format: 'graph-model',
        modelTopology: { node: [] },
        weightsManifest: [
          {
            paths: range(50_000).map((index) => `p${index}`),
            weights: range(300_000).map((index) => ({ name: `w${index}`, shape: [1], dtype: 'float32' })),
          },
        ],
      }),
    },
  }),
  'tfjs-shards': () => {
    const paths = range(30_000).map((index) => `w${index}`);
    const weights = range(240_000).map((index) => ({ name: `w${index}`, shape: [1], dtype: 'uint8' }));
    const model = json({ format: 'graph-model', modelTopology: { node: [] }, weightsManifest: [{ paths, weights }] });
    const shards = paths.map((name) => ({ name, bytes: Buffer.alloc(8, 1), isStored: true }));
    return one('m.zip', zip([{ name: 'model.json', bytes: model }, ...shards]).bytes);
  },
  'tfjs-graph': () => ({
    target: '.',
    files: {
      'model.json': json({
        format: 'graph-model',
        modelTopology: {
          node: range(150_000).map((index) => ({
            name: `n${index}`,
            op: 'Identity',
            input: [`n${index - 1}`],
            attr: { T: { type: 'DT_FLOAT' } },
          })),
          library: {},
          versions: { producer: 1 },
        },
        weightsManifest: [],
      }),
    },
  }),
  'tfjs-attrs-deep': () => ({
    target: '.',
    files: {
      'model.json': json(
        `{"format":"graph-model","modelTopology":{"node":[{"name":"n","op":"PartitionedCall","attr":{"f":${deepJson(100_000, '{"func":{"name":"f","attr":{"a":', '}}}', '{}')}}}]},"weightsManifest":[]}`,
      ),
    },
  }),
};

const containerAttacks = {
  'zip-members': () =>
    one('m.zip', zip(range(65_000).map((index) => ({ name: `f${index}.txt`, bytes: Buffer.from('x'), isStored: true }))).bytes),
  'zip-same-name': () =>
    one('m.zip', zip(range(65_000).map(() => ({ name: 'same', bytes: Buffer.from('x'), isStored: true }))).bytes),
  'zip-deep-names': () =>
    one(
      'm.zip',
      zip(
        range(20_000).map((index) => ({
          name: `${range(60)
            .map((at) => `d${at}_${index}`)
            .join('/')}`,
          bytes: Buffer.from('x'),
          isStored: true,
        })),
      ).bytes,
    ),
  'zip-long-names': () =>
    one(
      'm.zip',
      zip(range(800).map((index) => ({ name: 'a/'.repeat(32_000) + index, bytes: Buffer.from('x'), isStored: true }))).bytes,
    ),
  'zip-graphs': () =>
    one(
      'm.zip',
      zip(
        range(20_000).map((index) => ({
          name: `d${index}/saved_model.pb`,
          bytes: savedModel(metaGraph(graph([x]))),
          isStored: true,
        })),
      ).bytes,
    ),
  'zip-bomb-members': () =>
    one('m.zip', zip(range(30).map((index) => ({ name: `z${index}`, bytes: Buffer.alloc(64 * 1024 ** 2) }))).bytes),
  'zip-of-zips': () => {
    let inner = zip(range(30).map((index) => ({ name: `f${index}`, bytes: Buffer.alloc(1_000_000) }))).bytes;
    inner = zip(range(30).map((index) => ({ name: `z${index}.zip`, bytes: inner }))).bytes;
    return one('m.zip', zip(range(30).map((index) => ({ name: `z${index}.zip`, bytes: inner }))).bytes);
  },
  'zip-locals-hidden': () =>
    one(
      'm.zip',
      Buffer.concat([
        Buffer.concat(
          range(200_000).map(() => zip([{ name: 'h', bytes: Buffer.from('x'), isStored: true }]).bytes.subarray(0, 32)),
        ),
        zip([{ name: 'a', bytes: Buffer.from('x'), isStored: true }]).bytes,
      ]),
    ),
  'zip-ends': () =>
    one(
      'm.zip',
      Buffer.concat([
        zip([{ name: 'a', bytes: Buffer.from('x') }]).bytes,
        Buffer.concat(range(1_000_000).map(() => Buffer.from('504b0506', 'hex'))),
      ]),
    ),
  'zip-quoted-entries': () => {
    // Every entry of the directory points at the same member.
    const { bytes } = zip([{ name: 'big', bytes: Buffer.alloc(20_000_000, 'ab') }]);
    const at = bytes.readUInt32LE(bytes.length - 6);
    const entryBytes = bytes.subarray(at, bytes.length - 22);
    const directory = Buffer.concat(range(60_000).map(() => entryBytes));
    const end = Buffer.from(bytes.subarray(bytes.length - 22));
    end.writeUInt16LE(60_000, 8);
    end.writeUInt16LE(60_000, 10);
    end.writeUInt32LE(directory.length, 12);
    return one('m.zip', Buffer.concat([bytes.subarray(0, at), directory, end]));
  },
  'tar-members': () =>
    one('m.tar', joinTar(tarParts(range(90_000).map((index) => ({ name: `f${index}`, bytes: Buffer.from('x') }))))),
  'tar-same-name': () => one('m.tar', joinTar(tarParts(range(90_000).map(() => ({ name: 'same' }))))),
  'tar-links': () =>
    one('m.tar', joinTar(tarParts(range(50_000).map((index) => ({ name: `l${index}`, type: '2', link: `l${index + 1}` }))))),
  'tar-pax': () =>
    one(
      'm.tar',
      joinTar(
        tarParts(
          range(20_000).flatMap((index) => [
            { name: 'pax', type: 'x', bytes: Buffer.from('30 path=aaaaaaaaaaaaaaaaaaaaa\n'.repeat(30)) },
            { name: `f${index}` },
          ]),
        ),
      ),
    ),
  'tar-long-names': () =>
    one(
      'm.tar',
      joinTar(
        tarParts(
          range(300).flatMap((index) => [
            { name: '././@LongLink', type: 'L', bytes: Buffer.from(`${'a/'.repeat(50_000)}${index}\0`) },
            { name: 'f' },
          ]),
        ),
      ),
    ),
  'gzip-bomb': () => one('m.gz', gzipSync(Buffer.alloc(2 ** 31 - 1))),
  'gzip-members-bomb': () => one('m.gz', Buffer.concat(new Array(16).fill(gzip(Buffer.alloc(64 * 1024 ** 2))))),
  'gzip-members': () => one('m.gz', Buffer.concat(new Array(9000).fill(gzip(Buffer.alloc(1000, 'a'))))),
  'gzip-json': () => one('m.gz', gzipSync(Buffer.from(`{"class_name":"Sequential","config":[${'1,'.repeat(100_000_000)}1]}`))),
  'gzip-graph': () =>
    one(
      'm.gz',
      gzipSync(
        Buffer.concat(new Array(20_000_000).fill(bytesField(1, Buffer.concat([bytesField(1, 'n'), bytesField(2, 'NoOp')])))),
      ),
    ),
  'pbtxt-deep': () => one('graph.pbtxt', Buffer.from(`node { name: "a" op: "NoOp" ${'attr { value { func { '.repeat(200_000)}`)),
  'pbtxt-large': () =>
    one(
      'graph.pbtxt',
      Buffer.from('node { name: "a" op: "NoOp" attr { key: "k" value { list { i: [1,2,3,4,5,6,7,8] } } } }\n'.repeat(200_000)),
    ),
  'pbtxt-strings': () => one('graph.pbtxt', Buffer.from(`node { name: "a" op: ${'"x" '.repeat(3_000_000)} }\n`)),
  'pbtxt-numbers': () =>
    one(
      'graph.pbtxt',
      Buffer.from(
        `node { name: "a" op: "Const" attr { key: "value" value { tensor { dtype: DT_FLOAT float_val: [${'1.5,'.repeat(5_000_000)}1] } } } }\n`,
      ),
    ),
  'state-paths': () =>
    one(
      'checkpoint',
      Buffer.from(
        `model_checkpoint_path: "a"\n${range(400_000)
          .map((index) => `all_model_checkpoint_paths: "ckpt-${index}"\n`)
          .join('')}`,
      ),
    ),
};

const place = (dtype, dims, offset, size, more = Buffer.alloc(0)) =>
  Buffer.concat([numberField(1, dtype), bytesField(2, shape(dims)), numberField(4, offset), numberField(5, size), more]);
const header = (shards = 1) => [Buffer.alloc(0), Buffer.concat([numberField(1, shards), bytesField(3, numberField(1, 1))])];
const sliceOf = (start, length) => Buffer.concat([bytesField(1, Buffer.concat([numberField(1, start), numberField(2, length)]))]);
const checkpoint = (entries, data, maskedCrc32c) => ({
  target: '.',
  files: { 'm.index': sortedTable(entries, maskedCrc32c), 'm.data-00000-of-00001': data },
});
const key = (index) => Buffer.from(`v${String(index).padStart(7, '0')}`);

const weightAttacks = {
  'checkpoint-entries': ({ maskedCrc32c }) =>
    checkpoint(
      [header(), ...range(90_000).map((index) => [key(index), place(1, [1], index * 4, 4)])],
      Buffer.alloc(360_000),
      maskedCrc32c,
    ),
  'checkpoint-same-place': ({ maskedCrc32c }) =>
    checkpoint(
      [header(), ...range(3000).map((index) => [key(index), place(1, [2 ** 22], 0, 2 ** 24)])],
      Buffer.alloc(2 ** 24, 1),
      maskedCrc32c,
    ),
  'checkpoint-slices': ({ maskedCrc32c }) =>
    checkpoint(
      [
        header(),
        ...range(50).map((index) => [
          key(index),
          place(1, [20_000], 0, 0, Buffer.concat(range(20_000).map((at) => bytesField(7, sliceOf(at, 1))))),
        ]),
      ],
      Buffer.alloc(4),
      maskedCrc32c,
    ),
  'checkpoint-slices-overlap': ({ maskedCrc32c }) =>
    checkpoint(
      [
        header(),
        ...range(20).map((index) => [
          key(index),
          place(
            1,
            [100_000, 100_000],
            0,
            0,
            Buffer.concat(
              range(20_000).map((at) => bytesField(7, Buffer.concat([sliceOf(at, 50_000), sliceOf(20_000 - at, 50_000)]))),
            ),
          ),
        ]),
      ],
      Buffer.alloc(4),
      maskedCrc32c,
    ),
  'checkpoint-shards': ({ maskedCrc32c }) =>
    checkpoint(
      [
        header(10_000),
        ...range(50_000).map((index) => [key(index), Buffer.concat([place(1, [1], 0, 4), numberField(3, index % 10_000)])]),
      ],
      Buffer.alloc(4),
      maskedCrc32c,
    ),
  'checkpoint-long-names': ({ maskedCrc32c }) =>
    checkpoint(
      [header(), ...range(4000).map((index) => [Buffer.from(longName(index)), place(1, [1], index * 4, 4)])],
      Buffer.alloc(16_000),
      maskedCrc32c,
    ),
  'checkpoint-strings': ({ maskedCrc32c }) =>
    checkpoint(
      [header(), [key(0), place(7, [4_000_000], 0, 8_000_004)]],
      Buffer.concat([Buffer.alloc(4_000_000, 1), Buffer.alloc(4), Buffer.alloc(4_000_000, 0x61)]),
      maskedCrc32c,
    ),
  'checkpoint-objects': ({ maskedCrc32c }) => {
    const objects = Buffer.concat(
      range(2000).map((index) =>
        bytesField(
          1,
          Buffer.concat(
            range(500).map((to) => bytesField(1, Buffer.concat([numberField(1, (index + to) % 2000), bytesField(2, `c${to}`)]))),
          ),
        ),
      ),
    );
    const head = Buffer.concat([varint(objects.length), Buffer.alloc(4)]);
    return checkpoint(
      [header(), [Buffer.from('_CHECKPOINTABLE_OBJECT_GRAPH'), place(7, [], 0, head.length + objects.length)]],
      Buffer.concat([head, objects]),
      maskedCrc32c,
    );
  },
  'checkpoint-v1-slices': ({ maskedCrc32c }) => {
    const tensorOf = (index) =>
      bytesField(
        1,
        Buffer.concat([
          bytesField(1, `t${index}`),
          bytesField(2, shape([5000])),
          numberField(3, 1),
          ...range(5000).map((at) => bytesField(4, sliceOf(at, 1))),
        ]),
      );
    return one(
      'model.ckpt',
      sortedTable([[Buffer.alloc(0), bytesField(1, Buffer.concat(range(200).map(tensorOf)))]], maskedCrc32c),
    );
  },
  'tflite-shared-operators': () => one('model.tflite', sharedTables(900_000, 2, 14)),
  'tflite-shared-tensors': () => one('model.tflite', sharedTables(10, 900_000, 1)),
  'tflite-shared-few': () => one('model.tflite', sharedTables(3, 3, 1)),
};

/** A TFLite model with one subgraph, whose operators are all the same table, and its tensors too. Offsets point forward, as they must. */
function sharedTables(operators, tensors, inputs) {
  const chunks = [];
  let length = 8;
  const put = (size) => {
    const chunk = Buffer.alloc(size);
    chunks.push({ at: length, chunk });
    length += size;
    return { at: length - size, chunk };
  };
  const point = (from, offset, to) => from.chunk.writeUInt32LE(to - (from.at + offset), offset);
  // A vtable and its table: each field has 4 bytes, 0 is left out.
  const table = (fields) => {
    const head = 4 + fields.length * 2;
    const pad = (4 - (head % 4)) % 4;
    const made = put(head + pad + 4 + fields.length * 4);
    made.chunk.writeUInt16LE(head, 0);
    made.chunk.writeUInt16LE(4 + fields.length * 4, 2);
    for (const [index, isThere] of fields.entries()) made.chunk.writeUInt16LE(isThere ? 4 + index * 4 : 0, 4 + index * 2);
    made.chunk.writeInt32LE(head + pad, head + pad);
    const start = head + pad;
    return { at: made.at + start, chunk: made.chunk.subarray(start), field: (index) => 4 + index * 4 };
  };
  const vector = (count) => {
    const made = put(4 + count * 4);
    made.chunk.writeUInt32LE(count, 0);
    return made;
  };
  const model = table([1, 1, 1, 0, 1]);
  model.chunk.writeUInt32LE(3, model.field(0));
  const codes = vector(1);
  const graphs = vector(1);
  const buffers = vector(1);
  point(model, model.field(1), codes.at);
  point(model, model.field(2), graphs.at);
  point(model, model.field(4), buffers.at);
  const buffer = table([0]);
  point(buffers, 4, buffer.at);
  const code = table([1, 0, 1, 1]);
  code.chunk[code.field(0)] = 101;
  code.chunk.writeUInt32LE(1, code.field(2));
  code.chunk.writeUInt32LE(101, code.field(3));
  point(codes, 4, code.at);
  const graph = table([1, 1, 1, 1]);
  point(graphs, 4, graph.at);
  const tensorList = vector(tensors);
  const operatorList = vector(operators);
  const [graphInputs, graphOutputs] = [vector(1), vector(1)];
  for (const [index, list] of [tensorList, graphInputs, graphOutputs, operatorList].entries())
    point(graph, graph.field(index), list.at);
  const tensorTable = table([1, 1, 1]);
  const shapeList = vector(4);
  for (const at of [4, 8, 12, 16]) shapeList.chunk.writeUInt32LE(2, at);
  point(tensorTable, tensorTable.field(0), shapeList.at);
  const operatorTable = table([1, 1, 1]);
  const inputList = vector(inputs);
  const outputList = vector(1);
  outputList.chunk.writeUInt32LE(1, 4);
  point(operatorTable, operatorTable.field(1), inputList.at);
  point(operatorTable, operatorTable.field(2), outputList.at);
  for (let index = 0; index < tensors; index++) point(tensorList, 4 + index * 4, tensorTable.at);
  for (let index = 0; index < operators; index++) point(operatorList, 4 + index * 4, operatorTable.at);
  const bytes = Buffer.alloc(length);
  for (const { at, chunk } of chunks) chunk.copy(bytes, at);
  bytes.writeUInt32LE(model.at, 0);
  bytes.write('TFL3', 4);
  return bytes;
}

const longNameAttacks = {
  'names-long-functions': () =>
    frozen(
      [x],
      range(4000).map((index) => define(longName(index), { nodes: [] })),
    ),
  'names-long-nodes': () => frozen(range(4000).map((index) => node(longName(index), 'ReadFile', [longName((index + 1) % 4000)]))),
  'names-long-ops': () => frozen(range(4000).map((index) => node(`n${index}`, longName(index)))),
  'names-long-attrs': () =>
    frozen([node('n', 'NoOp', [], Object.fromEntries(range(4000).map((index) => [longName(index), type(1)])))]),
  'names-long-signatures': () =>
    savedModel(metaGraph(graph([x]), ...range(4000).map((index) => signature(longName(index), {}, {})))),
};

/** An HDF5 file whose root is one old-style group: `entries` names in a node that is a child of its tree `children` times. */
function oldGroup(entries, children, heapBytes, nameAt) {
  const treeAt = 136;
  const nodeAt = treeAt + 24 + children * 16;
  const heapAt = nodeAt + 8 + entries * 40;
  const bytes = Buffer.alloc(heapAt + 32 + heapBytes);
  const u64 = (at, value) => bytes.writeBigUInt64LE(BigInt(value), at);
  Buffer.from('894844460d0a1a0a', 'hex').copy(bytes);
  bytes[13] = bytes[14] = 8;
  u64(32, 0xffffffffffffffffn);
  u64(40, bytes.length);
  u64(48, 0xffffffffffffffffn);
  u64(64, 96);
  bytes[96] = 1;
  bytes.writeUInt16LE(1, 98);
  bytes.writeUInt32LE(24, 104);
  bytes.writeUInt16LE(0x11, 112);
  bytes.writeUInt16LE(16, 114);
  u64(120, treeAt);
  u64(128, heapAt);
  bytes.write('TREE', treeAt);
  bytes.writeUInt16LE(children, treeAt + 6);
  for (let index = 0; index < children; index++) u64(treeAt + 24 + index * 16 + 8, nodeAt);
  bytes.write('SNOD', nodeAt);
  bytes[nodeAt + 4] = 1;
  bytes.writeUInt16LE(entries, nodeAt + 6);
  for (let index = 0; index < entries; index++) {
    u64(nodeAt + 8 + index * 40, nameAt(index));
    u64(nodeAt + 16 + index * 40, 96);
  }
  bytes.write('HEAP', heapAt);
  u64(heapAt + 8, heapBytes);
  u64(heapAt + 24, heapAt + 32);
  bytes.fill('a', heapAt + 32, bytes.length - 1);
  return bytes;
}

Object.assign(weightAttacks, {
  'hdf5-heap-names': () =>
    one(
      'm.h5',
      oldGroup(60_000, 1, 60_000, (index) => index),
    ),
  'hdf5-heap-names-endless': () =>
    one(
      'm.h5',
      oldGroup(60_000, 1, 20_000_000, (index) => index),
    ),
  'hdf5-tree-shared': () =>
    one(
      'm.h5',
      oldGroup(60_000, 60_000, 100, (index) => index % 90),
    ),
});

const asModel = Object.fromEntries(
  Object.entries({ ...graphAttacks, ...longNameAttacks }).map(([name, make]) => [
    `graph-${name}`,
    () => {
      const made = make();
      return Buffer.isBuffer(made) ? model(made) : made;
    },
  ]),
);

/** By name: makes the files, and says which of them is scanned. */
export const attacks = { ...asModel, ...kerasAttacks, ...containerAttacks, ...weightAttacks };
