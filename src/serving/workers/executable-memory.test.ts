// Only a model whose shapes are all known before the first request can do without executable memory.
import { describe, expect, it } from 'vitest';
import type { DType, Signature } from '../../tensor/index.ts';
import { executableMemoryFor, needsExecutableMemory } from './executable-memory.ts';

function signature(...inputs: readonly (readonly [DType, readonly number[] | null])[]): Signature {
  return {
    name: 'serving_default',
    methodName: 'tensorflow/serving/predict',
    inputs: inputs.map(([dtype, shape], index) => ({ alias: `x${index}`, tensorName: `x${index}:0`, dtype, shape })),
    outputs: [],
  };
}

describe('executableMemoryFor', () => {
  it.each([
    ['fixed shapes', [signature(['DT_FLOAT', [1, 224, 224, 3]], ['DT_INT32', []])]],
    ['no inputs', [signature()]],
  ])('denies it with %s', (_name, signatures) => {
    expect(executableMemoryFor(signatures, 'strict').setting).toBe('denied');
  });

  it.each([
    ['a batch of any size', [signature(['DT_FLOAT', [-1, 8]])]],
    ['an unknown rank', [signature(['DT_FLOAT', null])]],
    ['one open shape among several', [signature(['DT_FLOAT', [2]]), signature(['DT_FLOAT', [2]], ['DT_FLOAT', [4, -1]])]],
    ['strings', [signature(['DT_STRING', [1]])]],
  ])('allows it with %s', (_name, signatures) => {
    expect(executableMemoryFor(signatures, 'strict').setting).toBe('allowed');
  });

  it('allows it where requests may have other shapes than the signature', () => {
    expect(executableMemoryFor([signature(['DT_FLOAT', [2]])], 'compat').setting).toBe('allowed');
  });
});

it('recognises that oneDNN could not compile', () => {
  expect(needsExecutableMemory('Aborted: Operation received an exception: could not create a primitive')).toBe(true);
  expect(needsExecutableMemory('Incompatible shapes')).toBe(false);
});
