import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytecode, functionNamed, lambdaOf, layer, sequential } from '../../../tests/support/keras-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { compareSeverity } from '../../core/index.ts';
import type { JsonValue } from './json-types.ts';
import { judgeKerasConfig } from './judge-config.ts';

const place = { file: 'm.keras!/config.json', pointer: '' };

function judge(config: unknown, weightsBytes = 0) {
  const context = recordingContext();
  judgeKerasConfig(config as JsonValue, place, context, { weightsBytes });
  return context;
}

const worst = (config: unknown) =>
  judge(config)
    .findings.filter(({ severity }) => compareSeverity(severity, 'medium') >= 0)
    .map(({ ruleId, severity, message, location }) => ({ ruleId, severity, message, path: location.path }));

const code = bytecode('os', 'system', 'id').toString('base64');
const lambda = (config: Record<string, unknown>) => layer('Lambda', { name: 'l', arguments: {}, ...config });
const oldLambda = {
  class_name: 'Lambda',
  config: { name: 'l', function: [code, null, null], function_type: 'lambda', module: '__main__' },
};

describe('Python functions in a configuration', () => {
  it.each<[string, unknown, string]>([
    ['Lambda at the top', lambda({ function: lambdaOf('os', 'system') }), '/config/layers/1'],
    ['Lambda of Keras 2', oldLambda, '/config/layers/1'],
    [
      'in a wrapper',
      layer('TimeDistributed', { layer: lambda({ function: lambdaOf('os', 'system') }) }),
      '/config/layers/1/config/layer',
    ],
    [
      'as a backward layer',
      layer('Bidirectional', { layer: layer('LSTM', { units: 2 }), backward_layer: oldLambda }),
      '/config/layers/1/config/backward_layer',
    ],
    [
      'in a model in a model',
      {
        class_name: 'Functional',
        config: { name: 'f', layers: [{ class_name: 'Sequential', config: { layers: [oldLambda] } }] },
      },
      '/config/layers/1/config/layers/0/config/layers/0',
    ],
    [
      'as a list of values',
      lambda({ function: { class_name: '__tuple__', items: [code, null, null] }, function_type: 'lambda' }),
      '/config/layers/1',
    ],
    ['as a bare string', lambda({ function: code }), '/config/layers/1'],
    [
      'as its output shape',
      lambda({ function: 'f', output_shape: [code, null, null], output_shape_type: 'lambda' }),
      '/config/layers/1',
    ],
    ['as its mask', lambda({ function: functionNamed('keras.ops', 'relu'), mask: lambdaOf('os', 'system') }), '/config/layers/1'],
    [
      'among its arguments',
      lambda({ function: functionNamed('keras.ops', 'relu'), arguments: { f: lambdaOf('os', 'system') } }),
      '/config/layers/1/config/arguments/f',
    ],
    [
      'as an activation',
      layer('Dense', { units: 2, activation: lambdaOf('os', 'system') }),
      '/config/layers/1/config/activation',
    ],
    [
      'in a class that nobody knows',
      layer('Mine', { blob: code }, { module: 'a.b', registered_name: 'a>Mine' }),
      '/config/layers/1/config/blob',
    ],
    [
      'in JSON in a string',
      layer('Mine', { inner: JSON.stringify(oldLambda) }, { module: 'a.b', registered_name: 'a>Mine' }),
      '/config/layers/1/config/inner',
    ],
  ])('finds bytecode: %s', (_, found, path) => {
    expect(worst(sequential(found as Record<string, unknown>))).toMatchObject([
      {
        ruleId: 'code-execution/keras-lambda',
        severity: 'critical',
        message: expect.stringMatching(/bytecode that names system, os/),
        path,
      },
    ]);
  });

  it('finds bytecode in what a model is compiled with, and says the way', () => {
    const config = { ...(sequential() as object), compile_config: { loss: lambdaOf('subprocess', 'Popen') } };
    const [finding] = judge(config).findings;
    expect(finding.message).toContain('names Popen, subprocess');
    expect(finding.chain.map(({ via }) => via)).toEqual([
      'loading m.keras!/config.json',
      'Sequential "model"',
      'loss __lambda__',
    ]);
  });

  it('remarks a Lambda that calls a function by name, and a registered one', () => {
    const config = sequential(
      lambda({ function: functionNamed('keras.ops', 'relu') }),
      lambda({ function: 'mine', function_type: 'function' }),
    );
    expect(judge(config).findings).toMatchObject([
      { ruleId: 'code-execution/keras-function', severity: 'low', message: expect.stringContaining('"mine"') },
    ]);
  });
});

describe('modules', () => {
  it.each([
    ['os', 'system', 'code-execution/module-reference', 'critical'],
    ['posix', 'popen', 'code-execution/module-reference', 'critical'],
    ['builtins', 'eval', 'code-execution/module-reference', 'critical'],
    ['importlib', 'import_module', 'code-execution/module-reference', 'critical'],
    ['shutil', 'rmtree', 'code-execution/module-reference', 'high'],
    ['numpy', 'load', 'code-execution/module-reference', 'high'],
    ['tensorflow', 'py_function', 'code-execution/module-reference', 'high'],
    ['urllib.request', 'urlretrieve', 'code-execution/module-reference', 'high'],
    ['keras.utils', 'get_file', 'code-execution/keras-gadget', 'critical'],
    ['keras.src.utils.file_utils', 'get_file', 'code-execution/keras-gadget', 'critical'],
    ['tensorflow.keras.utils', 'get_file', 'code-execution/keras-gadget', 'critical'],
    ['keras.config', 'enable_unsafe_deserialization', 'code-execution/keras-gadget', 'critical'],
    ['keras.saving', 'load_model', 'code-execution/keras-gadget', 'critical'],
    ['keras.visualization', 'plot_image_gallery', 'code-execution/keras-gadget', 'high'],
    ['keras.datasets.mnist', 'load_data', 'code-execution/keras-gadget', 'high'],
    ['keras.layers', 'deserialize', 'code-execution/keras-gadget', 'high'],
    ['keras.applications.vgg16', 'VGG16', 'code-execution/keras-gadget', 'medium'],
    ['keras.utils', 'something_new', 'code-execution/keras-gadget', 'high'],
  ])('%s.%s as a function', (module, name, ruleId, severity) => {
    const config = sequential(lambda({ function: functionNamed(module, name), arguments: { value: 'id' } }));
    const message = expect.stringMatching(
      new RegExp(`${module}\\.${name}.*"id"`.replaceAll('.', '\\.').replaceAll('\\\\.', '\\.').replace('\\.*', '.*')),
    );
    expect(worst(config)).toMatchObject([{ ruleId, severity, message }]);
  });

  it.each<[string, Record<string, unknown>]>([
    ['as a class', { module: 'subprocess', class_name: 'Popen', config: { args: ['id'] } }],
    ['without a module that has to be called', { module: 'os', class_name: 'system', config: {} }],
    [
      'as an initializer',
      layer('Dense', { units: 1, kernel_initializer: { module: 'os', class_name: 'system', config: { command: 'id' } } }),
    ],
    [
      'as a loss',
      {
        module: 'keras',
        class_name: 'Sequential',
        config: { layers: [] },
        compile_config: { loss: functionNamed('os', 'system') },
      },
    ],
    ['as a type', { class_name: '__typespec__', module: 'os', spec_name: 'system', config: [], registered_name: null }],
  ])('finds a module %s', (_, found) => {
    expect(worst(sequential(found))).toMatchObject([{ ruleId: 'code-execution/module-reference', severity: 'critical' }]);
  });

  it('tells an unknown module that Keras would not have written from a custom class', () => {
    expect(worst(sequential({ module: 'payload', class_name: 'Run', config: {} }))).toMatchObject([
      { ruleId: 'custom-op/keras-module', severity: 'medium' },
    ]);
    const custom = { module: 'my.layers', class_name: 'Mine', config: {}, registered_name: 'my>Mine' };
    expect(judge(sequential(custom)).findings).toMatchObject([{ ruleId: 'custom-op/keras-class', severity: 'low' }]);
  });

  it.each([
    functionNamed('builtins', 'my_loss', 'function'),
    functionNamed('keras.losses', 'mean_squared_error'),
    functionNamed('keras.activations', 'relu'),
    functionNamed('keras.applications.resnet', 'preprocess_input'),
    { module: 'keras.src.ops.numpy', class_name: 'GetItem', config: { name: 'get_item' }, registered_name: 'GetItem' },
    { module: 'keras.src.models.functional', class_name: 'Functional', config: { name: 'f' }, registered_name: 'Functional' },
    { module: 'keras.utils', class_name: 'FeatureSpace', config: {}, registered_name: null },
    { module: 'keras.optimizers.schedules', class_name: 'CosineDecay', config: {}, registered_name: null },
    { module: 'keras', class_name: 'DTypePolicy', config: { name: 'mixed_float16' }, registered_name: null },
    {
      class_name: '__typespec__',
      module: 'tensorflow.python.framework.tensor',
      spec_name: 'TensorSpec',
      config: [[null, 2], 'float32', 'x'],
      registered_name: null,
    },
    { class_name: 'Addons>GELU', config: { name: 'g' } },
  ])('finds nothing in what models really hold (%#)', (value) => {
    expect(worst(sequential(layer('Dense', { units: 2, activation: value })))).toEqual([]);
  });
});

describe('single layers', () => {
  it.each<[Record<string, unknown>, string, string, string]>([
    [layer('TFSMLayer', { filepath: 'other/model' }), 'code-execution/tfsm-layer', 'high', 'other/model'],
    [layer('TorchModuleWrapper', { module: 'gASV' }), 'code-execution/torch-module', 'critical', 'torch.load'],
    [layer('JaxLayer', {}), 'code-execution/jax-layer', 'high', 'JaxLayer'],
    [layer('StringLookup', { vocabulary: '/etc/passwd' }), 'file-read/keras-vocabulary', 'high', '/etc/passwd'],
    [layer('IntegerLookup', { vocabulary: 'http://a/b' }), 'file-read/keras-vocabulary', 'high', 'URL http://a/b'],
    [layer('TextVectorization', { vocabulary: 'words.txt' }), 'file-read/keras-vocabulary', 'medium', 'words.txt'],
    [
      { class_name: 'TFOpLambda', config: { name: 't', function: 'io.write_file' } },
      'code-execution/tf-op-layer',
      'critical',
      'tf.io.write_file',
    ],
    [
      { class_name: 'TFOpLambda', config: { name: 't', function: 'numpy_function' } },
      'code-execution/tf-op-layer',
      'critical',
      'numpy_function',
    ],
    [
      { class_name: 'TensorFlowOpLayer', config: { node_def: '{"name":"r","op":"ReadFile"}' } },
      'code-execution/tf-op-layer',
      'critical',
      'ReadFile',
    ],
    [layer('CSVLogger', { filename: 'x.csv' }), 'file-write/keras-callback', 'high', 'x.csv'],
    [layer('Dense', { units: 2, name: '../../x' }), 'path-traversal/keras-name', 'high', '../../x'],
    [layer('Dense', { units: 2, safe_mode: false }), 'configuration/keras-unsafe-mode', 'high', 'safe_mode'],
    [
      layer('Mine', { log_dir: '/var/log/x' }, { registered_name: 'a>Mine', module: 'a' }),
      'file-read/keras-path',
      'medium',
      '/var/log/x',
    ],
    [
      layer('Mine', { url: 'https://a.b/c' }, { registered_name: 'a>Mine', module: 'a' }),
      'network/keras-url',
      'medium',
      'https://a.b/c',
    ],
    [
      layer('Mine', { expression: "__import__('os')" }, { registered_name: 'a>Mine', module: 'a' }),
      'code-execution/keras-source',
      'medium',
      '__import__(',
    ],
  ])('%#: %j', (config, ruleId, severity, text) => {
    const own = worst(sequential(config)).filter((finding) => finding.ruleId === ruleId);
    expect(own).toMatchObject([{ severity, message: expect.stringContaining(text) }]);
  });

  it.each([
    layer('StringLookup', { vocabulary: ['/etc/x', 'http://a', 'b'], name: 'lookup' }),
    layer('StringLookup', { vocabulary: null }),
    layer('Dense', { units: 2, name: 'block1/dense.1' }),
    { class_name: 'TFOpLambda', config: { name: 't', function: 'math.multiply' } },
    { class_name: 'SlicingOpLambda', config: { name: 't', function: '__operators__.getitem' } },
    { class_name: 'KerasLayer', config: { name: 'hub', handle: 'https://tfhub.dev/google/x/1' } },
    layer('EinsumDense', { equation: 'abc,cd->abd', output_shape: [null, 4] }),
    layer('EarlyStopping', { monitor: 'val_loss' }),
  ])('finds nothing in ordinary layers (%#)', (config) => expect(worst(sequential(config))).toEqual([]));
});

describe('sizes', () => {
  it.each([
    ['Dense', { units: 1e12 }],
    ['Embedding', { input_dim: 1e11, output_dim: 8 }],
    ['LSTM', { units: 1e6 }],
    ['Conv2D', { filters: 1e6, kernel_size: [1000, 1000] }],
    ['RepeatVector', { n: 1e10 }],
    ['Reshape', { target_shape: [100_000, 100_000] }],
    ['UpSampling2D', { size: [50_000, 50_000] }],
    [
      'ZeroPadding2D',
      {
        padding: [
          [90_000, 0],
          [90_000, 0],
        ],
      },
    ],
    ['CategoryEncoding', { num_tokens: 1e10 }],
    ['InputLayer', { batch_shape: [null, 100_000, 100_000] }],
    ['Resizing', { height: 100_000, width: 100_000 }],
  ])('%s of an enormous size', (name, config) => {
    expect(worst(sequential(layer(name, config)))).toMatchObject([
      { ruleId: 'memory/keras-shape', severity: 'high', message: expect.stringContaining(name) },
    ]);
  });

  it('counts what comes in, and takes a layer for real whose weights are there', () => {
    const built = layer('Dense', { units: 50_000 }, { build_config: { input_shape: [null, 50_000] } });
    expect(worst(sequential(built))).toMatchObject([{ ruleId: 'memory/keras-shape', message: expect.stringContaining('GiB') }]);
    expect(judge(sequential(built), 1e10).findings).toEqual([]);
    expect(worst(sequential(layer('Dense', { units: 50_000 }), layer('Dense', { units: 50_000 })))).toHaveLength(1);
  });
});

it('judges any JSON value without a fault of its own, and in linear time', () => {
  const keys = fc.constantFrom(
    'class_name',
    'config',
    'module',
    'registered_name',
    'function',
    'layers',
    'layer',
    'name',
    'vocabulary',
    'arguments',
    'build_config',
    'input_shape',
    'units',
    'node_def',
    'a',
  );
  const texts = fc.constantFrom(
    'Lambda',
    '__lambda__',
    'function',
    'Dense',
    'StringLookup',
    'os',
    '/etc/x',
    '../..',
    code,
    'TFOpLambda',
    '{"class_name":"Lambda","config":{}}',
    'TensorFlowOpLayer',
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: 'medium' },
      texts,
      fc.integer(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(keys, tie('value'), { maxKeys: 6 }),
    ),
  }));
  fc.assert(
    fc.property(value, (config) => {
      for (const finding of judge(config).findings) expect(finding.message.length).toBeGreaterThan(10);
    }),
    { numRuns: 400 },
  );
  let deep: unknown = 'os.system("id")';
  for (let depth = 0; depth < 900; depth++) deep = depth % 2 === 0 ? [deep] : { class_name: 'Dense', config: deep };
  expect(judge(deep).findings).toHaveLength(1);
  const startMs = performance.now();
  judge(Array.from({ length: 100_000 }, () => 'http://a.b/c'));
  expect(performance.now() - startMs).toBeLessThan(4000);
});
