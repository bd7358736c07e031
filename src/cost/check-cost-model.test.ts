import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkCostModel } from './check-cost-model.ts';
import { type CostModel, type CostVariable, maxGaps } from './cost-model.ts';

const variable: CostVariable = { name: 'x.0', input: 'x', axis: 0 };
const good: CostModel = {
  format: 1,
  weightBytes: 1_000,
  signatures: [
    {
      name: 'serving_default',
      variables: [variable, { name: 's.bytes', input: 's', axis: 'bytes' }],
      flops: { op: '+', of: [{ op: '*', of: [2, 'x.0', 'x.0'] }, 7] },
      bytes: { op: 'max', of: ['s.bytes', { op: 'ceil/', of: ['x.0', 2] }] },
      peakBytes: null,
      nodes: [{ node: 'dense/MatMul', function: 'f', op: 'MatMul', runs: 1, flops: 'x.0', bytes: 5, memoryBytes: null }],
      gaps: [{ node: 'unique', op: 'Unique', why: 'shape' }],
    },
  ],
};

/** The good one with something else in one place. */
function changed(path: readonly (string | number)[], value: unknown): unknown {
  const copy: unknown = JSON.parse(JSON.stringify(good));
  let at = copy as Record<string | number, unknown>;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  const last = path.at(-1) ?? '';
  if (value === undefined) delete at[last];
  else at[last] = value;
  return copy;
}

const signature = ['signatures', 0] as const;
const nested = (depth: number): unknown => (depth === 0 ? 1 : { op: '+', of: [nested(depth - 1)] });

describe('checkCostModel', () => {
  it('takes what the analysis makes, and copies it', () => {
    const checked = checkCostModel(JSON.parse(JSON.stringify(good)));
    expect(checked).toEqual(good);
    expect(checkCostModel({ ...good, more: 1 })).toEqual(good);
  });

  it.each<[string, unknown]>([
    ['another format', changed(['format'], 2)],
    ['no number of weights', changed(['weightBytes'], '1000')],
    ['weights below zero', changed(['weightBytes'], -1)],
    ['no list of signatures', changed(['signatures'], {})],
    ['two signatures of one name', { ...good, signatures: [good.signatures[0], good.signatures[0]] }],
    ['a variable that is not there', changed([...signature, 'flops'], 'y.0')],
    ['a variable of another name', changed([...signature, 'variables', 0, 'name'], 'x.1')],
    [
      'an axis that is no string even',
      changed([...signature, 'variables', 0, 'axis'], JSON.parse('{"toString": 1, "valueOf": 1}')),
    ],
    ['an axis below zero', changed([...signature, 'variables', 0], { name: 'x.-1', input: 'x', axis: -1 })],
    ['two variables of one name', changed([...signature, 'variables', 1], variable)],
    ['an operation that is none', changed([...signature, 'flops'], { op: '-', of: [1, 2] })],
    ['an operation on nothing', changed([...signature, 'flops'], { op: '+', of: [] })],
    ['a division by zero', changed([...signature, 'flops'], { op: 'floor/', of: [1, 0] })],
    ['a division by a variable', changed([...signature, 'flops'], { op: 'floor/', of: [1, 'x.0'] })],
    ['a division of three', changed([...signature, 'flops'], { op: 'ceil/', of: [1, 2, 3] })],
    ['a number that is too large for JSON', changed([...signature, 'flops'], JSON.parse('1e999'))],
    ['no bound', changed([...signature, 'flops'], undefined)],
    ['a list as a bound', changed([...signature, 'flops'], [1])],
    ['too deep', changed([...signature, 'flops'], nested(257))],
    ['a reason that is none', changed([...signature, 'gaps', 0, 'why'], 'because')],
    ['a function that is no name', changed([...signature, 'nodes', 0, 'function'], 5)],
    ['a name that is too long', changed([...signature, 'nodes', 0, 'node'], 'n'.repeat(5_000))],
    ['too many gaps', changed([...signature, 'gaps'], Array(maxGaps + 1).fill(good.signatures[0].gaps[0]))],
    [
      'too much in one bound',
      changed([...signature, 'flops'], { op: '+', of: Array(20).fill({ op: '+', of: Array(1_001).fill(1) }) }),
    ],
  ])('refuses %s', (_, value) => {
    expect(checkCostModel(value)).toBeUndefined();
  });

  it('refuses too much in all bounds together', () => {
    const bound = { op: '+', of: Array(5).fill({ op: '+', of: Array(3_000).fill(1) }) };
    const node = { ...good.signatures[0].nodes[0], flops: bound };
    const nodes = (count: number) => changed([...signature, 'nodes'], Array(count).fill(node));
    expect(checkCostModel(nodes(5))).toBeDefined();
    expect(checkCostModel(nodes(15))).toBeUndefined();
  });

  it('makes a zero of a negative one', () => {
    expect(checkCostModel(changed([...signature, 'flops'], -0))?.signatures[0].flops).toBe(0);
    expect(checkCostModel(changed(['weightBytes'], -0))?.weightBytes).toBe(0);
    expect(checkCostModel(changed([...signature, 'variables', 0, 'axis'], -0))?.signatures[0].variables[0].axis).toBe(0);
  });

  it('never throws, and gives nothing that it would not take again', () => {
    const paths = [
      ['flops'],
      ['variables', 0],
      ['variables', 0, 'axis'],
      ['nodes'],
      ['nodes', 0],
      ['nodes', 0, 'runs'],
      ['gaps', 0],
      ['name'],
    ];
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue({ maxDepth: 4 }), (path, value) => {
        for (const tried of [value, changed([...signature, ...path], value)]) {
          const checked = checkCostModel(tried);
          if (checked !== undefined) expect(checkCostModel(JSON.parse(JSON.stringify(checked)))).toEqual(checked);
        }
      }),
      { numRuns: 500 },
    );
  });
});
