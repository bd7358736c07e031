import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesField, numberField, shapeProto, sortedTable } from '../../../tests/support/checkpoint-builder.ts';
import { recordingContext, sourceOf } from '../../../tests/support/recording-context.ts';
import { isCheckpointV1, scanCheckpointV1 } from './index.ts';

interface Lie {
  readonly shape?: readonly (number | bigint)[];
  readonly dtype?: number;
  readonly start?: number | bigint;
  readonly length?: number | bigint;
  readonly floats?: number;
  readonly dataName?: string;
  readonly copies?: number;
}

function checkpoint({ shape = [4], dtype = 1, start = 0, length = 4, floats = 4, dataName = 'a', copies = 1 }: Lie = {}): Buffer {
  const slice = bytesField(1, Buffer.concat([numberField(1, start), numberField(2, length)]));
  const tensor = Buffer.concat([
    bytesField(1, 'a'),
    bytesField(2, shapeProto(shape)),
    numberField(3, dtype),
    bytesField(4, slice),
  ]);
  const meta = bytesField(1, Buffer.concat(new Array(copies).fill(bytesField(1, tensor))));
  const values = bytesField(5, Buffer.alloc(floats * 4));
  const data = bytesField(2, Buffer.concat([bytesField(1, dataName), bytesField(2, slice), bytesField(3, values)]));
  return sortedTable([
    [Buffer.alloc(0), meta],
    [Buffer.from('\0a\0\x01\x01', 'latin1'), data],
  ]);
}

function scan(bytes: Buffer) {
  const context = recordingContext();
  scanCheckpointV1(sourceOf(bytes, 'model.ckpt'), context);
  return { said: context.findings.map(({ severity, ruleId, message }) => `${severity} ${ruleId} ${message}`), context };
}

describe('scanCheckpointV1()', () => {
  it('is silent about what TensorFlow 1 writes', () => {
    const { said, context } = scan(checkpoint());
    expect(said).toEqual([]);
    expect(context.artifacts).toMatchObject([{ format: 'checkpoint-v1', facts: { tensors: 1 } }]);
    expect(isCheckpointV1(sourceOf(checkpoint()))).toBe(true);
  });

  it.each<[string, Lie, RegExp]>([
    ['a shape that overflows', { shape: [2n ** 62n, 4n] }, /no tensor can have/],
    ['a negative dimension', { shape: [-4] }, /no tensor can have/],
    ['an unknown type', { dtype: 99 }, /data type 99/],
    ['a part outside', { start: 2 }, /part outside of its shape \[4\]: TensorFlow before/],
    ['values of another type', { dtype: 2 }, /0 values of DT_DOUBLE/],
    ['a negative part', { start: -1n }, /part outside/],
    ['too few values', { floats: 3 }, /3 values of DT_FLOAT where its part takes 4/],
    ['too many values', { floats: 5 }, /5 values/],
    ['values of nobody', { dataName: 'b' }, /does not have it/],
    ['a variable twice', { copies: 2 }, /twice/],
  ])('finds %s', (_, lie, expected) => {
    const { said } = scan(checkpoint(lie));
    expect(said[0]).toMatch(expected);
    expect(said[0]).toMatch(/^high malformed\/checkpoint-entry /);
  });

  it('never fails on damaged files and calls none clean that it cannot read', () => {
    const whole = checkpoint();
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }), (changes) => {
        const damaged = Buffer.from(whole);
        for (const [at, byte] of changes) damaged[at] = byte;
        const { context } = scan(damaged);
        isCheckpointV1(sourceOf(damaged));
        expect(context.artifacts.length + context.parts.length).toBe(1);
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), (meta, data) => {
        const table = sortedTable([
          [Buffer.alloc(0), Buffer.from(meta)],
          [Buffer.from('x'), Buffer.from(data)],
        ]);
        scan(table);
      }),
      { numRuns: 200 },
    );
    const { said, context } = scan(Buffer.alloc(100));
    expect(context.parts).toHaveLength(1);
    expect(said.join()).toMatch(/^medium malformed\/checkpoint-index The checkpoint model.ckpt cannot be restored/);
  });
});
