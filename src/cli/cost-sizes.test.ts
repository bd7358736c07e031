import { describe, expect, it } from 'vitest';
import { isAirlockError } from '../core/index.ts';
import type { CostVariable } from '../cost/index.ts';
import type { Signature } from '../tensor/index.ts';
import { parseGivenSize, sizesFor } from './cost-sizes.ts';

const signature: Signature = {
  name: 's',
  methodName: '',
  inputs: [
    { alias: 'text', tensorName: 't:0', dtype: 'DT_STRING', shape: [-1] },
    { alias: 'x', tensorName: 'x:0', dtype: 'DT_FLOAT', shape: [-1, -1, 3] },
  ],
  outputs: [],
};
const variables: readonly CostVariable[] = [
  { name: 'text.0', input: 'text', axis: 0 },
  { name: 'text.bytes', input: 'text', axis: 'bytes' },
  { name: 'x.0', input: 'x', axis: 0 },
  { name: 'x.1', input: 'x', axis: 1 },
];
const sizes = (...given: string[]) => sizesFor(variables, signature, given.map(parseGivenSize));
const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (thrown) {
    if (isAirlockError(thrown)) return thrown.code;
    throw thrown;
  }
  return 'none';
};

describe('the sizes of airlock cost', () => {
  it('are small where none are given', () => {
    expect(sizes()).toEqual([1, 1_000, 1, 64]);
  });

  it('are those of a whole input or single ones; the last counts', () => {
    expect(sizes('x=8x128x3', 'text.bytes=5000', 'text=4', 'x.0=2')).toEqual([4, 5_000, 2, 128]);
  });

  it.each(['x', 'x=', '=3', 'x=-1', 'x=1.5', 'x=1x', 'x=99999999999999', `${'x'.repeat(5_000)}=1`])(
    'refuses the form of %s',
    (text) => {
      expect(codeOf(() => parseGivenSize(text))).toBe('USAGE');
    },
  );

  it.each(['y=1', 'x=8x128', 'x=8x128x4', 'x.2=3', 'text.bytes=2x2'])('refuses %s, which the signature does not have', (text) => {
    expect(codeOf(() => sizes(text))).toBe('USAGE');
  });
});
