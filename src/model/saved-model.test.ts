import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { toText } from '@bufbuild/protobuf/txtpb';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type MetaGraphInit, savedModelBytes, servingDefault, tensorEntry, varint } from '../../tests/support/model-builder.ts';
import { isAirlockError } from '../core/index.ts';
import { assertModelComplete } from './completeness.ts';
import { MetaGraphDefSchema, SavedModelSchema } from './gen/tensorflow/saved_model_pb.ts';
import { DataType } from './gen/tensorflow/types_pb.ts';
import { defaultSavedModelLimits, readSavedModel, type SavedModelInfo, selectMetaGraph } from './saved-model.ts';

const testdata = '../shared/testdata';
const refusal = (code: string, text: string) => expect.objectContaining({ code, message: expect.stringContaining(text) });

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'airlock-model-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

async function readGraph(graph: MetaGraphInit): Promise<SavedModelInfo> {
  writeFileSync(join(directory, 'saved_model.pb'), savedModelBytes(graph));
  return readSavedModel(directory);
}

function signature(inputs: readonly ReturnType<typeof tensorEntry>[], outputs = [tensorEntry('y', 'y:0')]) {
  return { key: 's', value: { inputs: [...inputs], outputs: [...outputs], methodName: 'm' } };
}

describe('readSavedModel', () => {
  const graph: MetaGraphInit = {
    metaInfoDef: { tags: ['serve', 'gpu'], tensorflowVersion: '2.21.0' },
    saverDef: { restoreOpName: 'save/restore_all' },
    assetFileDef: [{ filename: 'words.txt' }],
    signatureDef: [
      servingDefault,
      {
        key: 'another',
        value: {
          inputs: [tensorEntry('b', 'b:0', DataType.DT_INT64, [3n, -1n]), tensorEntry('a', 'a:1')],
          outputs: [tensorEntry('y', 'y:0', DataType.DT_STRING, [])],
        },
      },
      { key: '__saved_model_init_op', value: { outputs: [tensorEntry('__saved_model_init_op', 'NoOp', DataType.DT_INVALID)] } },
    ],
  };
  const expected = {
    tags: ['serve', 'gpu'],
    tensorflowVersion: '2.21.0',
    restoresVariables: true,
    assetFiles: ['words.txt'],
    signatures: [
      {
        name: 'another',
        methodName: '',
        inputs: [
          { alias: 'a', tensorName: 'a:1', dtype: 'DT_FLOAT', shape: [-1] },
          { alias: 'b', tensorName: 'b:0', dtype: 'DT_INT64', shape: [3, -1] },
        ],
        outputs: [{ alias: 'y', tensorName: 'y:0', dtype: 'DT_STRING', shape: [] }],
      },
      {
        name: 'serving_default',
        methodName: 'tensorflow/serving/predict',
        inputs: [{ alias: 'x', tensorName: 'x:0', dtype: 'DT_FLOAT', shape: [-1] }],
        outputs: [{ alias: 'y', tensorName: 'y:0', dtype: 'DT_FLOAT', shape: [-1] }],
      },
    ],
  };

  it('gives tags, signatures, assets and version of every MetaGraph', async () => {
    writeFileSync(join(directory, 'saved_model.pb'), savedModelBytes(graph, { metaInfoDef: { tags: ['train'] } }));
    const none = { tags: ['train'], tensorflowVersion: '', restoresVariables: false, assetFiles: [], signatures: [] };
    expect(await readSavedModel(directory)).toEqual({ format: 'pb', metaGraphs: [expected, none] });
  });

  it('reads the same from text', async () => {
    const message = create(SavedModelSchema, { metaGraphs: [create(MetaGraphDefSchema, graph)] });
    writeFileSync(join(directory, 'saved_model.pbtxt'), toText(SavedModelSchema, message));
    expect(await readSavedModel(directory)).toEqual({ format: 'pbtxt', metaGraphs: [expected] });
  });

  it('steps over a graph of a gigabyte without holding it', async () => {
    // Files with holes: the graph costs neither disk nor time to write.
    const parts = savedModelBytes({ ...graph, saverDef: { restoreOpName: 'save/restore_all' } });
    const inner = parts.subarray(parts.indexOf(0x12, 2) + 1 + varint(parts.length).length);
    const graphBytes = 1024 ** 3;
    const head = Buffer.concat([Buffer.from([0x12]), varint(graphBytes)]);
    const outer = Buffer.concat([Buffer.from([0x12]), varint(inner.length + head.length + graphBytes), inner, head]);
    const path = join(directory, 'saved_model.pb');
    writeFileSync(path, outer);
    truncateSync(path, outer.length + graphBytes);
    const before = process.memoryUsage().rss;
    const info = await readSavedModel(directory);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 ** 2);
    expect(info.metaGraphs).toEqual([expected]);
  });

  it('says what kind of model it found', async () => {
    await expect(readSavedModel(directory)).rejects.toEqual(refusal('MODEL_INVALID', 'saved_model.pb is missing'));
    await expect(readSavedModel(join(directory, 'none'))).rejects.toEqual(refusal('MODEL_INVALID', 'no SavedModel'));
    for (const [name, text] of [
      ['model.tflite', 'TensorFlow Lite'],
      ['export.meta', 'SessionBundle'],
      ['model.keras', 'Keras'],
      ['model.onnx', 'ONNX'],
      ['saved_model.cpb', 'chunked'],
    ]) {
      writeFileSync(join(directory, name), '');
      await expect(readSavedModel(directory)).rejects.toEqual(refusal('MODEL_FORMAT_UNSUPPORTED', text));
      rmSync(join(directory, name));
    }
    writeFileSync(join(directory, 'saved_model.pb'), savedModelBytes(graph));
    writeFileSync(join(directory, 'saved_model.pbtxt'), '');
    await expect(readSavedModel(directory)).rejects.toEqual(refusal('MODEL_INVALID', 'remove the one'));
  });

  it('takes no link, no pipe, no folder for the file, and does not wait for a pipe', async () => {
    const path = join(directory, 'saved_model.pb');
    mkdirSync(path);
    await expect(readSavedModel(directory)).rejects.toEqual(refusal('MODEL_INVALID', 'not a regular file'));
    rmSync(path, { recursive: true });
    execFileSync('mkfifo', [path]);
    await expect(readSavedModel(directory)).rejects.toEqual(refusal('MODEL_INVALID', 'not a regular file'));
    rmSync(path);
    writeFileSync(join(directory, 'elsewhere'), savedModelBytes(graph));
    symlinkSync(join(directory, 'elsewhere'), path);
    await expect(readSavedModel(directory)).rejects.toEqual(refusal('MODEL_INVALID', 'symbolic link'));
  });

  it('refuses files that are cut, empty or larger than the limits', async () => {
    const bytes = savedModelBytes(graph);
    const path = join(directory, 'saved_model.pb');
    for (let length = 0; length < bytes.length; length += 7) {
      writeFileSync(path, bytes.subarray(0, length));
      await expect(readSavedModel(directory)).rejects.toSatisfy(isAirlockError);
    }
    writeFileSync(path, bytes);
    for (const limit of [
      { maxFileBytes: 10 },
      { maxFieldBytes: 20 },
      { maxKeptBytes: 100 },
      { maxFields: 1 },
      { maxMetaGraphs: 0 },
      { maxSignatures: 2 },
      { maxTensors: 1 },
      { maxEntries: 0 },
    ]) {
      await expect(readSavedModel(directory, { ...defaultSavedModelLimits, ...limit }), JSON.stringify(limit)).rejects.toEqual(
        refusal('MODEL_INVALID', ''),
      );
    }
  });

  it('ends with a model or an AirlockError on any damage', async () => {
    const bytes = savedModelBytes(graph);
    const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 5 }), async (changes) => {
        const damaged = Buffer.from(bytes);
        for (const [at, byte] of changes) damaged[at] = byte;
        writeFileSync(join(directory, 'saved_model.pb'), damaged);
        try {
          await readSavedModel(directory);
        } catch (thrown) {
          expect(isAirlockError(thrown) && thrown.code !== 'INTERNAL', String(thrown)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('signatures', () => {
  it('takes a reference as an output, which TensorFlow returns as its value, but not as an input', async () => {
    const { metaGraphs } = await readGraph({
      signatureDef: [
        { key: 'out', value: { outputs: [tensorEntry('y', 'y:0', DataType.DT_FLOAT_REF)] } },
        { key: 'in', value: { inputs: [tensorEntry('x', 'x:0', DataType.DT_FLOAT_REF)], outputs: [tensorEntry('y', 'y:0')] } },
      ],
    });
    const [refIn, refOut] = metaGraphs[0].signatures;
    expect(refOut).toMatchObject({ outputs: [{ dtype: 'DT_FLOAT' }] });
    expect(refOut.unsupported).toBeUndefined();
    expect(refIn.unsupported).toBe('input "x" has the data type DT_FLOAT_REF');
  });

  it.each([
    [
      'a type that cannot be sent',
      signature([tensorEntry('x', 'x:0', DataType.DT_RESOURCE)]),
      'input "x" has the data type DT_RESOURCE',
    ],
    [
      'a type without a form',
      signature([], [tensorEntry('q', 'q:0', DataType.DT_QUINT8)]),
      'output "q" has the data type DT_QUINT8',
    ],
    [
      'a sparse tensor',
      { key: 's', value: { inputs: [{ key: 'x', value: { encoding: { case: 'cooSparse' as const, value: {} } } }] } },
      'input "x" is a sparse tensor',
    ],
    [
      'a composite tensor',
      { key: 's', value: { inputs: [{ key: 'x', value: { encoding: { case: 'compositeTensor' as const, value: {} } } }] } },
      'input "x" is a composite tensor',
    ],
    ['no tensor', { key: 's', value: { inputs: [{ key: 'x' }] } }, 'input "x" names no tensor'],
    ['a name without an index', signature([tensorEntry('x', 'x')]), 'name:index'],
    ['the name of a control input', signature([tensorEntry('x', '^x:0')]), 'name:index'],
    ['an index that is no number', signature([tensorEntry('x', 'x:-1')]), 'name:index'],
    [
      'too many dimensions',
      signature([tensorEntry('x', 'x:0', DataType.DT_FLOAT, Array<bigint>(33).fill(1n))]),
      'more than 32 dimensions',
    ],
    ['no outputs', signature([tensorEntry('x', 'x:0')], []), 'it has no outputs'],
  ])('lists, but marks, a signature with %s', async (_, signatureDef, text) => {
    const { metaGraphs } = await readGraph({ signatureDef: [signatureDef] });
    expect(metaGraphs[0].signatures[0].unsupported).toContain(text);
  });

  it.each<[string, NonNullable<MetaGraphInit['signatureDef']>]>([
    ['the same signature twice', [servingDefault, servingDefault]],
    ['the same input twice', [signature([tensorEntry('x', 'x:0'), tensorEntry('x', 'z:0')])]],
    ['a terminal escape in a name', [signature([tensorEntry('\u001b[31m', 'x:0')])]],
    ['a name that reorders text', [{ ...servingDefault, key: 'a\u202eb' }]],
    ['a newline in a tensor name', [signature([tensorEntry('x', 'x\n:0')])]],
    ['a name of 1025 characters', [{ ...servingDefault, key: 'a'.repeat(1025) }]],
    ['a dimension below -1', [signature([tensorEntry('x', 'x:0', DataType.DT_FLOAT, [-2n])])]],
    ['a dimension past 2^53', [signature([tensorEntry('x', 'x:0', DataType.DT_FLOAT, [2n ** 53n])])]],
    [
      'dimensions of an unknown rank',
      [
        {
          key: 's',
          value: {
            inputs: [
              {
                key: 'x',
                value: {
                  encoding: { case: 'name' as const, value: 'x:0' },
                  dtype: 1,
                  tensorShape: { unknownRank: true, dim: [{ size: 1n }] },
                },
              },
            ],
          },
        },
      ],
    ],
  ])('refuses the model for %s', async (_, signatureDef) => {
    await expect(readGraph({ signatureDef })).rejects.toEqual(refusal('MODEL_INVALID', ''));
  });

  it('keeps names that are dangerous elsewhere', async () => {
    const { metaGraphs } = await readGraph({
      signatureDef: [signature([tensorEntry('__proto__', 'x:0'), tensorEntry('constructor', 'c:0')])],
    });
    expect(metaGraphs[0].signatures[0].inputs.map(({ alias }) => alias)).toEqual(['__proto__', 'constructor']);
  });

  it('takes a missing shape for an unknown one', async () => {
    const value = { encoding: { case: 'name' as const, value: 'x:0' }, dtype: DataType.DT_FLOAT };
    const { metaGraphs } = await readGraph({ signatureDef: [{ key: 's', value: { outputs: [{ key: 'x', value }] } }] });
    expect(metaGraphs[0].signatures[0].outputs[0].shape).toBeNull();
  });
});

describe('selectMetaGraph', () => {
  it('takes the MetaGraph with exactly the tags', async () => {
    writeFileSync(
      join(directory, 'saved_model.pb'),
      savedModelBytes({ metaInfoDef: { tags: ['serve', 'tpu'] } }, { metaInfoDef: { tags: ['serve'] } }),
    );
    const info = await readSavedModel(directory);
    expect(selectMetaGraph(info).tags).toEqual(['serve']);
    expect(selectMetaGraph(info, ['tpu', 'serve']).tags).toEqual(['serve', 'tpu']);
    expect(() => selectMetaGraph(info, ['train'])).toThrow(
      'The model has no MetaGraph with the tags {train}; it has {serve, tpu}, {serve}',
    );
    expect(() => selectMetaGraph({ ...info, metaGraphs: [info.metaGraphs[1], info.metaGraphs[1]] })).toThrow(/more than one/);
  });
});

describe('assertModelComplete', () => {
  it('refuses an asset whose name leads out of its folder', async () => {
    for (const filename of ['../saved_model.pb', '/etc/passwd', 'a/../b', '.', '', 'a//b']) {
      const info = await readGraph({ assetFileDef: [{ filename }] });
      await expect(assertModelComplete(directory, info), filename).rejects.toEqual(refusal('MODEL_INVALID', 'asset file'));
    }
  });

  it('names an asset that is missing', async () => {
    const info = await readGraph({ assetFileDef: [{ filename: 'vocabulary/words.txt' }] });
    await expect(assertModelComplete(directory, info)).rejects.toEqual(
      refusal('MODEL_INCOMPLETE', 'assets/vocabulary/words.txt is missing'),
    );
    mkdirSync(join(directory, 'assets/vocabulary'), { recursive: true });
    writeFileSync(join(directory, 'assets/vocabulary/words.txt'), '');
    await assertModelComplete(directory, info);
  });
});

interface MetadataTensor {
  readonly dtype: string;
  readonly name: string;
  readonly tensor_shape: { readonly dim: readonly { readonly size: string }[]; readonly unknown_rank: boolean };
}

type MetadataTensors = Readonly<Record<string, MetadataTensor>>;

function specsOf(tensors: MetadataTensors) {
  return Object.entries(tensors)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([alias, { dtype, name, tensor_shape: shape }]) => ({
      alias,
      tensorName: name,
      dtype,
      shape: shape.unknown_rank ? null : shape.dim.map(({ size }) => Number(size)),
    }));
}

describe.skipIf(!existsSync(testdata))('the models of ../shared/testdata (skipped where that is missing)', () => {
  // What TensorFlow itself could not load or answer is refused; everything else is read and whole.
  const refused: Readonly<Record<string, string>> = {
    'tensorflow-serving/bad_half_plus_two/00000123': 'MODEL_FORMAT_UNSUPPORTED',
    'tensorflow-serving/session_bundle_half_plus_two/00000123': 'MODEL_FORMAT_UNSUPPORTED',
    'tensorflow-serving/parse_example_tflite/00000123': 'MODEL_FORMAT_UNSUPPORTED',
    'tensorflow-serving/saved_model_half_plus_two_tflite/00000123': 'MODEL_FORMAT_UNSUPPORTED',
    'tensorflow-serving/saved_model_half_plus_two_tflite_with_sigdef/00000123': 'MODEL_FORMAT_UNSUPPORTED',
    'tensorflow-serving/tf_text_regression/01': 'MODEL_INVALID',
    'tensorflow-saved-model/chunked_saved_model/chunked_model': 'MODEL_FORMAT_UNSUPPORTED',
    'tensorflow-saved-model/bert1': 'MODEL_INCOMPLETE',
  };
  const isModelFile = /\/(saved_model\.(pb|pbtxt|cpb)|[^/]+\.tflite|export\.meta|keras_metadata\.pb)$/;
  const names = existsSync(testdata) ? readdirSync(testdata, { recursive: true, encoding: 'utf8' }) : [];
  const folders = [...new Set(names.filter((name) => isModelFile.test(name)).map((name) => name.replace(/\/[^/]+$/, '')))].sort();

  it('finds them', () => expect(folders.length).toBe(32));

  it.each(folders)('%s', async (folder) => {
    const path = join(testdata, folder);
    const read = async () => {
      const info = await readSavedModel(path);
      await assertModelComplete(path, info);
      return selectMetaGraph(info);
    };
    if (folder in refused) await expect(read()).rejects.toEqual(refusal(refused[folder], ''));
    else for (const { unsupported } of (await read()).signatures) expect(unsupported).toBeUndefined();
  });

  it.each([
    ['half_plus_two_model_metadata.json', 'tensorflow-serving/saved_model_half_plus_two_cpu/00000123'],
    ['saved_model_half_plus_two_2_versions_metadata.json', 'tensorflow-saved-model/half_plus_two_pbtxt/00000123'],
    ['saved_model_half_plus_two_2_versions_metadata.json', 'tensorflow-serving/saved_model_half_plus_two_2_versions/00000123'],
    ['saved_model_half_plus_two_tf2_2_versions_metadata.json', 'tensorflow-serving/saved_model_half_plus_two_tf2_cpu/00000123'],
  ])('agrees with %s about %s', async (metadata, folder) => {
    const golden: {
      metadata: {
        signature_def: {
          signature_def: Record<string, { inputs: MetadataTensors; outputs: MetadataTensors; method_name: string }>;
        };
      };
    } = JSON.parse(readFileSync(join(testdata, 'tensorflow-serving', metadata), 'utf8'));
    const { signatures } = selectMetaGraph(await readSavedModel(join(testdata, folder)));
    const wanted = Object.entries(golden.metadata.signature_def.signature_def)
      .filter(([name]) => !name.startsWith('__saved_model'))
      .map(([name, { inputs, outputs, method_name: methodName }]) => ({
        name,
        methodName,
        inputs: specsOf(inputs),
        outputs: specsOf(outputs),
      }));
    expect(signatures).toEqual(wanted.sort((a, b) => (a.name < b.name ? -1 : 1)));
  });

  it('serves the reference that the counter returns', async () => {
    const { signatures } = selectMetaGraph(
      await readSavedModel(join(testdata, 'tensorflow-serving/saved_model_counter/00000123')),
    );
    expect(signatures.map(({ name, outputs }) => [name, outputs[0].dtype])).toEqual(
      ['get_counter', 'incr_counter', 'incr_counter_by', 'reset_counter'].map((name) => [name, 'DT_FLOAT']),
    );
  });
});
