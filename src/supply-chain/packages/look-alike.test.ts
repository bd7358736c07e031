// Names that imitate, and honest names that must not be taken for imitations.
import { describe, expect, it } from 'vitest';
import { lookAlikeOf, packageTable } from './index.ts';

describe('lookAlikeOf()', () => {
  it.each([
    ['tensorfow', 'tensorflow'],
    ['tensoflow', 'tensorflow'],
    ['tensorflwo', 'tensorflow'],
    ['tensorfloww', 'tensorflow'],
    ['tensor-flow', 'tensorflow'],
    ['Tensor_Flow', 'tensorflow'],
    ['tensor.flow', 'tensorflow'],
    ['tensorfl0w', 'tensorflow'],
    ['tensorf1ow', 'tensorflow'],
    ['tensorflovv', 'tensorflow'],
    ['tensоrflow', 'tensorflow'],
    ['ｔensorflow', 'tensorflow'],
    ['ténsorflow', 'tensorflow'],
    ['tensorflow2', 'tensorflow'],
    ['tensorflow-python', 'tensorflow'],
    ['python-tensorflow', 'tensorflow'],
    ['pytensorflow', 'tensorflow'],
    ['keras-tensorflow', 'tensorflow'],
    ['tensorflow-official', 'tensorflow'],
    ['tensorflow_gpus', 'tensorflow-gpu'],
    ['tensorflowcpu', 'tensorflow-cpu'],
    ['kears', 'keras'],
    ['kerass', 'keras'],
    ['keras2', 'keras'],
    ['tfkeras', 'tf-keras'],
  ])('%s: %s', (name, expected) => {
    expect(lookAlikeOf(name)).toBe(expected);
  });

  it.each([
    'numpy', 'torch', 'tensorboard', 'tensorflow-hub', 'tensorflow-text', 'tensorflow-probability', 'tensorlayer', 'tensorly', 'tensorforce', 'tensorpack', 'tensorstore',
    'tensorrt', 'tensorflow-onnx-exporter', 'my-tensorflow-model', 'keras-tuner', 'keras-self-attention', 'keras-bert', 'keras-resnet', 'keras-vis', 'kereta', 'paras', 'kerasify-model',
    'tf2onnx', 'tf-agents', 'tflearn', 'tf-explain', 'tfds-nightly', 'scikeras', 'tensorflow-cloud', 'tensordict', 'teras', 'pandas', 'overflow', 'stackoverflow', 'mlflow', 'metaflow',
    'tensorflow', 'tensorflow-cpu', 'tensorflow-gpu', 'tf-nightly', 'keras', 'x'.repeat(5_000),
  ])('%s imitates nobody', (name) => expect(lookAlikeOf(name)).toBeUndefined()); // biome-ignore format: a list of names

  it('has a table of normal names only', () => {
    for (const name of packageTable.keys()) expect(name).toMatch(/^[a-z0-9]+(?:-[a-z0-9]+)*$/);
  });
});
