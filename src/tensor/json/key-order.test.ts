import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyOrder } from './key-order.ts';

const inputs = ['a', 'aa', 'b', 'ä'].map((alias) => ({
  alias,
  tensorName: `${alias}:0`,
  dtype: 'DT_FLOAT' as const,
  shape: [-1],
}));

function find(order: KeyOrder, key: string): number {
  const bytes = Buffer.from(`"${key}":`);
  const expected = order.expected(bytes, 1, bytes.length - 2);
  return expected >= 0 ? expected : order.named(key);
}

describe('KeyOrder', () => {
  it('finds every name in any order, and no other name', () => {
    const keys = fc.array(fc.array(fc.constantFrom('a', 'aa', 'b', 'ä', 'c', 'ab', ''), { maxLength: 6 }), { maxLength: 6 });
    fc.assert(
      fc.property(keys, (instances) => {
        const order = new KeyOrder(inputs);
        for (const instance of instances) {
          for (const key of instance) expect(find(order, key)).toBe(inputs.findIndex(({ alias }) => alias === key));
          order.endInstance();
        }
      }),
    );
  });

  it('knows the order from the second instance on', () => {
    const order = new KeyOrder(inputs);
    for (const key of ['b', 'ä']) find(order, key);
    order.endInstance();
    const bytes = Buffer.from('bä');
    expect(order.expected(bytes, 0, 1)).toBe(2);
    expect(order.expected(bytes, 0, 1)).toBe(-1);
    expect(order.expected(bytes, 1, 3)).toBe(3);
  });
});
