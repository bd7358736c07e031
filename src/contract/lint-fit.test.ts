import { describe, expect, it } from 'vitest';
import type { DType, Signature, TensorSpec } from '../tensor/index.ts';
import { assertContractFits, contractDifferences, shapesMeet } from './lint-fit.ts';
import { parseContract } from './load-contract.ts';
import { parseDimExpression } from './schema-dims.ts';

const spec = (alias: string, dtype: DType, shape: readonly number[] | null): TensorSpec => ({
  alias,
  tensorName: `${alias}:0`,
  dtype,
  shape,
});
const signature: Signature = {
  name: 'serving_default',
  methodName: 'tensorflow/serving/predict',
  inputs: [spec('age', 'DT_INT64', [-1, 1]), spec('x', 'DT_FLOAT', [-1, 8])],
  outputs: [spec('y', 'DT_FLOAT', [-1, 2])],
};
const contract = (inputs: string, outputs = 'y: { dtype: float32, shape: [batch, 2] }', name = 'serving_default') =>
  parseContract(`
apiVersion: airlock/contract/v1
metadata: { id: t, revision: 1 }
dims: { batch: { min: 1, max: 8 } }
signatures: { ${name}: { inputs: { ${inputs} }, outputs: { ${outputs} } } }
`);
const right = 'age: { dtype: int64, shape: [batch, 1] }, x: { dtype: float32, shape: [batch, batch] }';
const paths = (given: ReturnType<typeof contract>, signatures = [signature]) =>
  contractDifferences(given, signatures).map(({ path }) => path);

describe('contractDifferences()', () => {
  it('finds none where contract and model go together, also with signatures that the contract does not name', () => {
    expect(paths(contract(right), [signature, { ...signature, name: 'other' }])).toEqual([]);
    expect(() => assertContractFits(contract(right), [signature])).not.toThrow();
  });

  it('finds a signature that the model lacks, or that cannot be called', () => {
    expect(paths(contract(right, undefined, 'predict'))).toEqual(['signatures.predict']);
    expect(paths(contract(right), [{ ...signature, unsupported: 'input "x" is a sparse tensor' }])).toEqual([
      'signatures.serving_default',
    ]);
  });

  it('finds inputs that either lacks, and outputs that the model lacks', () => {
    expect(paths(contract('age: { dtype: int64, shape: [batch, 1] }, z: { dtype: int8 }'))).toEqual([
      'signatures.serving_default.inputs.z',
      'signatures.serving_default.inputs.x',
    ]);
    expect(paths(contract(right, 'p: { dtype: float32, shape: [batch] }'))).toEqual(['signatures.serving_default.outputs.p']);
    expect(paths(contract(right, ''))).toEqual([]);
  });

  it('finds types and shapes that differ, and lists all in the error', () => {
    const wrong = contract('age: { dtype: int32, shape: [batch, 2] }, x: { dtype: float32, shape: [batch] }');
    expect(paths(wrong)).toEqual([
      'signatures.serving_default.inputs.age.dtype',
      'signatures.serving_default.inputs.age.shape',
      'signatures.serving_default.inputs.x.shape',
    ]);
    expect(() => assertContractFits(wrong, [signature])).toThrow(
      expect.objectContaining({ code: 'CONTRACT_MISMATCH', violations: expect.objectContaining({ length: 3 }) }),
    );
  });
});

describe('shapesMeet()', () => {
  const dims = new Map([['n', { min: 2, max: 8, multipleOf: 2 }]]);
  const shape = (...entries: readonly (string | number | null)[]) =>
    entries.map((entry) => {
      if (entry === null) return { kind: 'any' as const };
      return typeof entry === 'number' ? { kind: 'fixed' as const, size: entry } : (parseDimExpression(entry) ?? expect.fail());
    });

  it.each([
    [['n'], [2], true],
    [['n'], [8], true],
    [['n'], [3], false],
    [['n'], [10], false],
    [['n'], [0], false],
    [['2*n+1'], [5], true],
    [['2*n+1'], [6], false],
    [['n-1'], [1], true],
    [[null], [7], true],
    [[3], [-1], true],
    [[3], [4], false],
    [[], [], true],
    [[], [1], false],
    [['n', 3], null, true],
  ])('%s against %s: %s', (entries, model, expected) => {
    expect(shapesMeet(shape(...entries), model, dims)).toBe(expected);
  });
});
