import { describe, expect, it } from 'vitest';
import type { Signature, Tensor } from '../tensor/index.ts';
import type { CostModel, SignatureCost } from './cost-model.ts';
import { ModelCosts } from './model-costs.ts';

const signature: Signature = {
  name: 'serving_default',
  methodName: 'tensorflow/serving/predict',
  inputs: [
    { alias: 's', tensorName: 's:0', dtype: 'DT_STRING', shape: [-1] },
    { alias: 'x', tensorName: 'x:0', dtype: 'DT_FLOAT', shape: [-1, 4] },
  ],
  outputs: [],
};
const cost: SignatureCost = {
  name: 'serving_default',
  variables: [
    { name: 'x.0', input: 'x', axis: 0 },
    { name: 's.bytes', input: 's', axis: 'bytes' },
    { name: 's.longest', input: 's', axis: 'longest' },
  ],
  flops: { op: '*', of: ['x.0', 100] },
  bytes: 's.bytes',
  peakBytes: 's.longest',
  nodes: [
    { node: 'a', op: 'MatMul', runs: 1, flops: { op: '*', of: ['x.0', 90] }, bytes: 0, memoryBytes: 5 },
    { node: 'b', op: 'Relu', runs: 1, flops: { op: '*', of: ['x.0', 10] }, bytes: 0, memoryBytes: 7 },
    { node: 'c', op: 'Where', runs: 1, flops: null, bytes: null, memoryBytes: null },
  ],
  gaps: [],
};
const model = (changes: Partial<SignatureCost> = {}): CostModel => ({
  format: 1,
  weightBytes: 10,
  signatures: [{ ...cost, ...changes }],
});
const costsOf = (changes: Partial<SignatureCost> = {}) => new ModelCosts(model(changes), [signature]).signatures[0];

const strings = (...values: string[]): Tensor => {
  const offsets = [0];
  for (const value of values) offsets.push((offsets.at(-1) ?? 0) + value.length);
  return { dtype: 'DT_STRING', shape: [values.length], bytes: Buffer.from(values.join('')), offsets: Uint32Array.from(offsets) };
};
const floats = (rows: number): Tensor => ({ dtype: 'DT_FLOAT', shape: [rows, 4], bytes: new Uint8Array(rows * 16) });

describe('SignatureCosts', () => {
  it('reads its sizes from the tensors of a request', () => {
    expect(costsOf()?.cost([strings('a', 'longer', ''), floats(3)])).toMatchObject({
      flops: 300,
      bytes: 7,
      peakBytes: 6,
      isBounded: true,
    });
  });

  it('counts a dimension of 0 as 1, for which bounds are made, and no bytes of strings as none', () => {
    expect(costsOf()?.cost([strings(), floats(0)])).toMatchObject({ flops: 100, bytes: 0, peakBytes: 0 });
    expect(costsOf()?.costOf([0, 0, 0])).toMatchObject({ flops: 100 });
  });

  it('gives one object for requests of the same sizes, and forgets the oldest', () => {
    const costs = costsOf();
    const first = costs?.cost([strings('ab'), floats(1)]);
    expect(costs?.cost([strings('xy'), floats(1)])).toBe(first);
    for (let rows = 2; rows < 18; rows++) expect(costs?.cost([strings('ab'), floats(rows)])?.flops).toBe(rows * 100);
    expect(costs?.cost([strings('ab'), floats(1)])).not.toBe(first);
    expect(first?.values).toEqual(Float64Array.of(1, 2, 2));
  });

  it('names the dearest operations', () => {
    expect(
      costsOf()
        ?.cost([strings(), floats(2)])
        .top(),
    ).toEqual([
      { op: 'MatMul', node: 'a', share: 0.9 },
      { op: 'Relu', node: 'b', share: 0.1 },
    ]);
    const infinite = costsOf({ nodes: cost.nodes.map((node) => ({ ...node, flops: { op: '*', of: [1e308, 'x.0', 1e10] } })) });
    for (const { share } of infinite?.cost([strings(), floats(2)]).top() ?? []) expect(share).toBeCloseTo(1 / 3);
  });

  it('counts what has a bound where the whole has none, and says so', () => {
    expect(costsOf({ flops: null, peakBytes: null })?.cost([strings('abc'), floats(2)])).toMatchObject({
      flops: 200,
      peakBytes: 7,
      isBounded: false,
    });
    expect(costsOf({ gaps: [{ node: 'c', op: 'Where', why: 'shape' }] })?.cost([strings(), floats(1)]).isBounded).toBe(false);
  });

  it('knows nothing of a signature that the cost model says something else of', () => {
    const variables = [{ name: 'x.1', input: 'x', axis: 1 }];
    expect(costsOf({ variables, flops: 1, bytes: 1, peakBytes: 1, nodes: [] })).toBeUndefined();
    expect(
      costsOf({ variables: [{ name: 'y.0', input: 'y', axis: 0 }], flops: 1, bytes: 1, peakBytes: 1, nodes: [] }),
    ).toBeUndefined();
    expect(costsOf({ name: 'another' })).toBeUndefined();
  });

  it('adds up nodes that belong together', () => {
    const one = costsOf()?.cost([strings(), floats(2)]);
    const group = { indexes: [0, 1] };
    expect(one?.totalsOf(group)).toMatchObject({ flops: 200, memoryBytes: 12 });
    expect(one?.totalsOf(group)).toBe(one?.totalsOf(group));
  });
});
