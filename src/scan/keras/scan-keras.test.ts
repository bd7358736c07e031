import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { group, hdf5File } from '../../../tests/support/hdf5-builder.ts';
import { bytecode, lambdaOf, layer, sequential } from '../../../tests/support/keras-builder.ts';
import { recordingContext, sourceOf } from '../../../tests/support/recording-context.ts';
import { isAirlockError } from '../../core/index.ts';
import {
  type KerasMember,
  type KerasWeight,
  scanHdf5,
  scanKerasArchive,
  scanKerasJson,
  scanKerasMetadata,
  scanKerasYaml,
} from './index.ts';

const weights = hdf5File(group({ layers: group({ w: { kind: 'dataset', type: 'f4', shape: [2], data: Buffer.alloc(8) } }) }));
const evil = sequential(layer('Lambda', { function: lambdaOf('os', 'system') }));
const good = sequential(layer('Dense', { units: 2 }));

function members(files: Readonly<Record<string, Buffer | string>>): KerasMember[] {
  return Object.entries(files).map(([name, content]) => {
    const bytes = Buffer.from(content as string);
    return { name, kind: 'file', sizeBytes: bytes.length, source: () => sourceOf(bytes, `m.keras!/${name}`) };
  });
}

async function scan(files: Readonly<Record<string, Buffer | string>>) {
  const context = recordingContext();
  await scanKerasArchive(sourceOf(Buffer.alloc(0), 'm.keras'), members(files), context);
  return context;
}

const plain = { 'config.json': JSON.stringify(good), 'metadata.json': '{"keras_version":"3.15.1"}', 'model.weights.h5': weights };

describe('scanKerasArchive()', () => {
  it('finds nothing in an ordinary one, and hands its assets on', async () => {
    const context = await scan({ ...plain, 'assets/words.txt': 'a\nb' });
    expect([context.findings, context.parts]).toEqual([[], []]);
    expect(context.artifacts).toMatchObject([
      { file: 'm.keras', format: 'keras-archive', facts: { layers: 2, kerasVersion: '3.15.1' } },
      { file: 'm.keras!/model.weights.h5', format: 'hdf5', facts: { datasets: 1 } },
    ]);
    expect(context.sources.map(({ name }) => name)).toEqual(['m.keras!/assets/words.txt']);
  });

  it('judges every configuration in it, whichever a reader takes', async () => {
    for (const name of ['config.json', 'config.json (2)', 'Config.json']) {
      const { findings } = await scan({ ...plain, [name]: JSON.stringify(evil) });
      expect(findings.map(({ ruleId }) => ruleId)).toContain('code-execution/keras-lambda');
      if (name !== 'config.json') expect(findings.map(({ ruleId }) => ruleId)).toContain('parser-differential/keras-members');
    }
  });

  it('judges both values of a key that comes twice', async () => {
    const text = JSON.stringify(good).replace(
      '"class_name":"Sequential","config":{',
      `"class_name":"Sequential","config":${JSON.stringify(evil)},"config":{`,
    );
    const { findings } = await scan({ ...plain, 'config.json': text });
    expect(findings.map(({ ruleId, location }) => [ruleId, location.path])).toEqual([
      ['parser-differential/duplicate-json-key', '/config'],
      ['code-execution/keras-lambda', '/config/config/layers/1'],
    ]);
  });

  it('reads what Python reads and others do not', async () => {
    const { findings } = await scan({ ...plain, 'config.json': Buffer.from(`\ufeff${JSON.stringify(evil)}`, 'utf16le') });
    expect(findings.map(({ ruleId }) => ruleId)).toEqual(['parser-differential/json-encoding', 'code-execution/keras-lambda']);
  });

  it('looks into the weights', async () => {
    const bad = hdf5File(
      group({ w: { kind: 'dataset', type: 'u1', shape: [9], external: [{ file: '/etc/passwd', offset: 0, sizeBytes: 9 }] } }),
    );
    const { findings } = await scan({ ...plain, 'model.weights.h5': bad });
    expect(findings).toMatchObject([
      { ruleId: 'file-read/hdf5-external-storage', location: { file: 'm.keras!/model.weights.h5' } },
    ]);
  });

  it.each<[string, Record<string, Buffer | string>, RegExp]>([
    ['no configuration', { 'metadata.json': '{}', 'model.weights.h5': weights }, /no config\.json/],
    ['JSON that ends', { ...plain, 'config.json': '{"class_name":' }, /not valid JSON/],
    ['JSON that is too deep', { ...plain, 'config.json': '['.repeat(5000) }, /not valid JSON/],
    ['weights that are none', { ...plain, 'model.weights.h5': 'hello' }, /superblock/],
  ])('is not clean with %s', async (_, files, reason) => {
    const context = await scan(files);
    expect(context.parts).toMatchObject([{ reason: expect.stringMatching(reason) }]);
    expect(context.findings.map(({ severity }) => severity)).toContain('medium');
  });
});

describe('scanHdf5()', () => {
  const scanBytes = async (bytes: Buffer) => {
    const context = recordingContext();
    const tensors: KerasWeight[] = [];
    await scanHdf5(sourceOf(bytes, 'm.h5'), context, { weights: (found) => void tensors.push(...found) });
    return { context, tensors };
  };

  it('judges configurations in attributes, wherever they are, and gives the weights', async () => {
    const root = group(
      {
        g: group({}, { mine: JSON.stringify(evil) }),
        w: { kind: 'dataset', type: 'f4', shape: [3], data: Buffer.from('0123456789ab') },
      },
      { model_config: JSON.stringify(evil), training_config: JSON.stringify({ loss: lambdaOf('os', 'system') }) },
    );
    const { context, tensors } = await scanBytes(hdf5File(root));
    expect(context.findings.map(({ ruleId, location }) => [ruleId, location.path])).toEqual([
      ['code-execution/keras-lambda', '/@model_config/config/layers/1'],
      ['code-execution/keras-lambda', '/@training_config/loss'],
      ['code-execution/keras-lambda', '/g@mine/config/layers/1'],
    ]);
    expect(context.artifacts).toMatchObject([{ facts: { model: 'Sequential' } }]);
    const [{ name, dtype, shape, source, offset, sizeBytes }] = tensors;
    expect([name, dtype, shape, source.read(offset, sizeBytes).toString()]).toEqual(['/w', 'float32', [3], '0123456789ab']);
  });

  it('judges configurations that stand in a dataset', async () => {
    const text = Buffer.from(JSON.stringify(evil));
    const { context } = await scanBytes(
      hdf5File(group({ c: { kind: 'dataset', type: 'string', sizeBytes: text.length, shape: [], data: text } })),
    );
    expect(context.findings).toMatchObject([{ ruleId: 'code-execution/keras-lambda', location: { path: '/c/config/layers/1' } }]);
  });

  it('does not take names and versions for configurations', async () => {
    const { context } = await scanBytes(
      hdf5File(group({}, { keras_version: '2.11.0', backend: 'tensorflow', layer_names: 'dense' })),
    );
    expect([context.findings, context.parts]).toEqual([[], []]);
  });

  it('throws for what is no HDF5, with a finding', async () => {
    const context = recordingContext();
    await expect(scanHdf5(sourceOf(Buffer.from('hello')), context)).rejects.toMatchObject({ code: 'MODEL_INVALID' });
    expect(context.findings).toMatchObject([{ ruleId: 'malformed/hdf5' }]);
  });
});

describe('architectures in text', () => {
  it('judges JSON of every version', () => {
    for (const config of [
      evil,
      {
        class_name: 'Sequential',
        keras_version: '1.2.2',
        config: [
          {
            class_name: 'Lambda',
            config: { function: [bytecode('os').toString('base64'), null, null], function_type: 'lambda' },
          },
        ],
      },
    ]) {
      const context = recordingContext();
      scanKerasJson(sourceOf(Buffer.from(JSON.stringify(config))), context);
      expect(context.findings).toMatchObject([{ ruleId: 'code-execution/keras-lambda' }]);
    }
  });

  it.each([
    ["config: !!python/object/apply:os.system ['id']", 'code-execution/yaml-tag', 'critical'],
    ['config: !!python/object/new:os.system [id]', 'code-execution/yaml-tag', 'critical'],
    ['config: !<tag:yaml.org,2002:python/object/apply:os.system> [id]', 'code-execution/yaml-tag', 'critical'],
    ['a: !!python/tuple [1]', 'code-execution/yaml-tag', 'info'],
    [`function: '${bytecode('os', 'system').toString('base64')}'`, 'code-execution/keras-lambda', 'critical'],
    ['- class_name: TorchModuleWrapper', 'code-execution/torch-module', 'high'],
  ])('judges YAML: %s', (text, ruleId, severity) => {
    const context = recordingContext();
    scanKerasYaml(sourceOf(Buffer.from(`class_name: Sequential\n${text}\n`)), context);
    expect(context.findings).toMatchObject([{ ruleId, severity }]);
  });
});

describe('scanKerasMetadata()', () => {
  const field = (number: number, bytes: Buffer | string) => {
    const body = Buffer.from(bytes as string);
    return Buffer.concat([Buffer.from([(number << 3) | 2, (body.length & 127) | 128, body.length >> 7]), body]);
  };
  const node = (metadata: string) =>
    field(1, Buffer.concat([Buffer.from([0x10, 7]), field(3, 'root.layer-1'), field(4, '_tf_keras_layer'), field(5, metadata)]));

  it('judges the configuration of every node, and says which', () => {
    const context = recordingContext();
    const bytes = Buffer.concat([
      node(JSON.stringify(good)),
      node(
        JSON.stringify({
          class_name: 'Lambda',
          config: { name: 'l', function: [bytecode('os', 'system').toString('base64'), null, null], function_type: 'lambda' },
        }),
      ),
    ]);
    scanKerasMetadata(sourceOf(bytes), context);
    expect(context.findings).toMatchObject([
      { ruleId: 'code-execution/keras-lambda', location: { path: expect.stringContaining('node 7 root.layer-1') } },
    ]);
    expect(context.artifacts).toMatchObject([{ facts: { nodes: 2 } }]);
  });

  it('throws MODEL_INVALID and nothing else on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          scanKerasMetadata(sourceOf(bytes), recordingContext());
        } catch (thrown) {
          expect(isAirlockError(thrown) && thrown.code).toBe('MODEL_INVALID');
        }
      }),
    );
  });
});
