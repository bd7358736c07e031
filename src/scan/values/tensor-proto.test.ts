import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attrTensor, field, tensorProto, varintField } from '../../../tests/support/graph-builder.ts';
import { readTensorFacts } from './tensor-proto.ts';

const facts = (...tensor: Parameters<typeof tensorProto>) => readTensorFacts(Buffer.from(attrTensor(tensorProto(...tensor))));

describe('readTensorFacts', () => {
  it('repeats the last value, as TensorFlow does', () => {
    expect(facts('DT_INT32', [4], varintField(7, 5), varintField(7, 6))?.content()?.numbers).toEqual([5, 6, 6, 6]);
  });

  it('reads bytes that lie there as they are in memory', () => {
    const bytes = Buffer.alloc(16);
    bytes.writeBigInt64LE(-3n, 0);
    bytes.writeBigInt64LE(7n, 8);
    expect(facts('DT_INT64', [2], field(4, bytes))?.content()?.numbers).toEqual([-3, 7]);
    expect(facts('DT_INT64', [3], field(4, bytes))?.content()).toBeUndefined();
  });

  it('holds no large tensor, and counts what is there', () => {
    const found = facts('DT_INT32', [2n ** 40n, 2n ** 40n], varintField(7, 1));
    expect(found?.content()).toBeUndefined();
    expect(found?.shape).toEqual([2n ** 40n, 2n ** 40n]);
    expect(found?.valueBytes).toBe(1);
  });

  it('takes negative sizes as they are', () => {
    expect(facts('DT_FLOAT', [-5])?.shape).toEqual([-5n]);
  });

  it('never fails', () => {
    const start = attrTensor(tensorProto('DT_STRING', [2], field(8, 'ab'), field(8, 'c')));
    const change = fc.tuple(fc.nat(start.length - 1), fc.nat(255));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), fc.array(change, { maxLength: 4 })), (drawn) => {
        const bytes = drawn instanceof Uint8Array ? Buffer.from(drawn) : Buffer.from(start);
        if (!(drawn instanceof Uint8Array)) for (const [at, value] of drawn) bytes[at] = value;
        const content = readTensorFacts(bytes)?.content();
        expect((content?.numbers ?? content?.strings ?? []).length).toBeLessThanOrEqual(4096);
      }),
      { numRuns: 2000 },
    );
  });
});
