// Every model folder of the peers' test data: it is opened and each of its signatures answers, or it is refused with the code that the
// table says. A folder that the table does not know fails a test, so nothing is passed over in silence.
import { type Dirent, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { isAirlockError } from '../../src/core/index.ts';
import { type Model, openModel } from '../../src/serving/index.ts';
import type { NestedValue, OutputTensor, Signature, TensorSpec } from '../../src/tensor/index.ts';
import { encodeExample } from '../support/example.ts';
import { needsRuntime, slot } from '../support/runtime.ts';
import { reachableSandbox as sandbox } from '../support/sandbox.ts';
import { root } from '../support/server.ts';
import { testdata } from './serving-cases.ts';

const canRun = slot !== undefined && testdata !== undefined;
const needs = testdata === undefined ? ' (skipped: no ../shared/testdata)' : needsRuntime;

type Check = (model: Model) => Promise<void>;

/** The code of its refusal, or how it is tried out. */
const expected: Readonly<Record<string, string | Check>> = {
  'tensorflow-saved-model/AssetModule': async (model) => {
    const { output_0: text } = await model.predict({});
    expect(String(text.data[0])).toBe('TEST ASSET FILE CONTENTS\r\n');
  },
  'tensorflow-saved-model/CyclicModule': withoutSignatures,
  'tensorflow-saved-model/OptimizerSlotVariableModule': withoutSignatures,
  'tensorflow-saved-model/SimpleV1Model': withoutSignatures,
  'tensorflow-saved-model/StaticHashTableModule': async (model) => {
    const { output_0: places } = await model.predict({ word: ['foo', 'wombat', 'unknown'] });
    expect(places).toEqual({ dtype: 'DT_INT64', shape: [3], data: BigInt64Array.of(0n, 3n, -1n) });
  },
  'tensorflow-saved-model/VarsAndArithmeticObjectGraph': async (model) => {
    // (a + 1) * (b + 2) / child, as the graph has it.
    expect(valuesOf((await model.predict({ a: 2, b: 2 })).output_0)).toEqual([9]);
  },
  'tensorflow-saved-model/bert1': 'MODEL_INCOMPLETE',
  'tensorflow-saved-model/chunked_saved_model/chunked_model': 'MODEL_FORMAT_UNSUPPORTED',
  'tensorflow-saved-model/chunked_saved_model/non_chunked_model': async (model) => {
    const { output_0: matrix } = await model.predict({});
    expect(matrix).toMatchObject({ dtype: 'DT_DOUBLE', shape: [150, 150] });
    expect(valuesOf(matrix).every((value) => value >= 0 && value < 1)).toBe(true);
  },
  'tensorflow-saved-model/half_plus_two_main_op/00000123': halfPlusTwo,
  // Its signatures can be read, but TensorFlow cannot load text from memory.
  'tensorflow-saved-model/half_plus_two_pbtxt/00000123': 'MODEL_FORMAT_UNSUPPORTED',
  'tensorflow-saved-model/half_plus_two_v2/00000123': halfPlusTwo,
  'tensorflow-saved-model/x_plus_y_v2_debuginfo': async (model) => {
    expect(valuesOf((await model.predict({ x: 1.5, y: 2 })).output_0)).toEqual([3.5]);
  },
  'tensorflow-serving/bad_half_plus_two/00000123': 'MODEL_FORMAT_UNSUPPORTED',
  'tensorflow-serving/matrix_half_plus_two/1': halfPlusTwo,
  'tensorflow-serving/parse_example_tflite/00000123': 'MODEL_FORMAT_UNSUPPORTED',
  'tensorflow-serving/saved_model_counter/00000123': counter,
  'tensorflow-serving/saved_model_half_plus_three/00000123': async (model) => {
    expect(valuesOf((await model.predict({ x: [2] })).y)).toEqual([4]);
    // This one says that a string is a float; it must not take the others away.
    const wrong = model.predict({ inputs: [2] }, { signature: 'tensorflow/serving/regress' });
    await expect(wrong).rejects.toMatchObject({ code: 'SIGNATURE_UNSUITABLE' });
  },
  'tensorflow-serving/saved_model_half_plus_two_2_versions/00000123': halfPlusTwo,
  'tensorflow-serving/saved_model_half_plus_two_2_versions/00000124': halfPlusTwo,
  'tensorflow-serving/saved_model_half_plus_two_cpu/00000123': halfPlusTwo,
  'tensorflow-serving/saved_model_half_plus_two_cpu_with_empty_saved_model_config/00000123': halfPlusTwo,
  'tensorflow-serving/saved_model_half_plus_two_cpu_with_saved_model_config/00000123': halfPlusTwo,
  // Graphs that name a GPU, which the CPU libraries do not have.
  'tensorflow-serving/saved_model_half_plus_two_gpu/00000123': 'MODEL_LOAD_FAILED',
  'tensorflow-serving/saved_model_half_plus_two_gpu_trt/00000123': 'MODEL_LOAD_FAILED',
  'tensorflow-serving/saved_model_half_plus_two_mkl/00000123': halfPlusTwo,
  'tensorflow-serving/saved_model_half_plus_two_mlmd/00000123': halfPlusTwo,
  'tensorflow-serving/saved_model_half_plus_two_tf2_cpu/00000123': halfPlusTwo,
  'tensorflow-serving/saved_model_half_plus_two_tflite/00000123': 'MODEL_FORMAT_UNSUPPORTED',
  'tensorflow-serving/saved_model_half_plus_two_tflite_with_sigdef/00000123': 'MODEL_FORMAT_UNSUPPORTED',
  'tensorflow-serving/session_bundle_half_plus_two/00000123': 'MODEL_FORMAT_UNSUPPORTED',
  // Only its variables were published.
  'tensorflow-serving/tf_text_regression/01': 'MODEL_INVALID',
};

function valuesOf(tensor: OutputTensor): number[] {
  return Array.from(tensor.data as ArrayLike<number>);
}

async function withoutSignatures(model: Model): Promise<void> {
  expect(model.signatures).toEqual([]);
  await expect(model.predict({})).rejects.toMatchObject({ code: 'SIGNATURE_NOT_FOUND' });
}

async function counter(model: Model): Promise<void> {
  const call = async (signature: string, inputs = {}) => valuesOf((await model.predict(inputs, { signature })).output)[0];
  expect(await call('get_counter')).toBe(0);
  expect(await call('incr_counter')).toBe(1);
  expect(await call('incr_counter_by', { delta: 4.5 })).toBe(5.5);
  expect(await call('get_counter')).toBe(5.5);
  expect(await call('reset_counter')).toBe(0);
}

/** Each signature on the value 2: half of it plus two, or plus three where the name ends in y2 or y3. */
async function halfPlusTwo(model: Model): Promise<void> {
  expect(model.signatures.length).toBeGreaterThan(0);
  for (const signature of model.signatures) {
    const outputs = await model.predict(Object.fromEntries(signature.inputs.map((spec) => [spec.alias, twos(spec)])), {
      signature: signature.name,
    });
    const wanted = /_y[23]$/.test(signature.name) ? 4 : 3;
    expect(new Set(Object.values(outputs).flatMap(valuesOf)), named(signature)).toEqual(new Set([wanted]));
  }
}

const named = ({ name }: Signature): string => `signature ${name}`;

/** A tensor that is 2 throughout, or as a string a tf.Example whose x is 2. */
function twos({ dtype, shape }: TensorSpec): NestedValue {
  const example = Buffer.from(encodeExample(new Map([['x', { kind: 'float', values: [2] }]])));
  const element: NestedValue = dtype === 'DT_STRING' ? example : 2;
  return (shape ?? [1]).reduceRight<NestedValue>((inner, size) => Array.from({ length: Math.abs(size) }, () => inner), element);
}

/** The folders that hold files themselves; what lies below them belongs to them. */
function modelFolders(folder: string): string[] {
  const entries: Dirent[] = readdirSync(folder, { withFileTypes: true });
  if (entries.some((entry) => entry.isFile())) return [folder];
  return entries.flatMap((entry) => modelFolders(join(folder, entry.name)));
}

function published(): string[] {
  if (testdata === undefined) return [];
  return ['tensorflow-saved-model', 'tensorflow-serving'].flatMap((group) => {
    const entries = readdirSync(join(testdata ?? '', group), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    return entries.flatMap((entry) => modelFolders(join(testdata ?? '', group, entry.name)));
  });
}

async function withModel(folder: string, act: Check): Promise<void> {
  const model = await openModel({
    path: join(testdata ?? '', folder),
    shapes: 'compat',
    store: join(root, '.airlock'),
    sandbox,
    unsafeUnsigned: true,
    unsafeUnscanned: true,
  });
  try {
    await act(model);
  } finally {
    await model.close();
  }
}

describe.skipIf(!canRun)(`the models of TensorFlow and TensorFlow Serving${needs}`, () => {
  it('are all in the table', () => {
    expect(
      published()
        .map((folder) => relative(testdata ?? '', folder))
        .sort(),
    ).toEqual(Object.keys(expected).sort());
  });

  describe.concurrent('one by one', () => {
    it.each(Object.entries(expected))('%s', async (folder, outcome) => {
      if (typeof outcome !== 'string') return withModel(folder, outcome);
      const error: unknown = await withModel(folder, async () => undefined).catch((thrown: unknown) => thrown);
      if (!isAirlockError(error)) throw error ?? new Error('it was opened');
      expect(error.code).toBe(outcome);
      // What a client may read holds no path of this machine.
      expect(error.message).not.toContain(root);
    });
  });
});
