import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAirlockError } from '../../core/index.ts';
import { varintAt, WireReader } from './wire-reader.ts';

const bytes = (...values: number[]): Buffer => Buffer.from(values);

function fieldsOf(buffer: Buffer): [number, number, number, number][] {
  const reader = new WireReader(buffer, 'f.pb');
  const found: [number, number, number, number][] = [];
  while (reader.next()) found.push([reader.field, reader.wireType, reader.start, reader.end]);
  return found;
}

describe('WireReader', () => {
  it('steps over fields of all four wire types', () => {
    expect(fieldsOf(bytes(0x08, 0x96, 0x01, 0x12, 0x02, 0x61, 0x62, 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8))).toEqual([
      [1, 0, 1, 3],
      [2, 2, 5, 7],
      [3, 5, 8, 12],
      [4, 1, 13, 21],
    ]);
  });

  it.each([
    ['a length beyond the end', bytes(0x0a, 0x05, 1)],
    ['a length of 2^63', bytes(0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)],
    ['a field number of 0', bytes(0x02, 0x00)],
    ['a group', bytes(0x0b, 0x0c)],
    ['wire type 7', bytes(0x0f)],
    ['a varint without end', bytes(0x08, 0x80, 0x80)],
    ['a varint of eleven bytes', bytes(0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01)],
    ['a tag of 35 bits', bytes(0x88, 0x80, 0x80, 0x80, 0x70, 0x00)],
    ['a fixed32 that is cut', bytes(0x0d, 1, 2, 3)],
    ['a fixed64 that is cut', bytes(0x09, 1, 2, 3, 4, 5, 6, 7)],
  ])('refuses %s', (_, buffer) => {
    expect(() => fieldsOf(buffer)).toThrow('damaged');
  });

  it('stays inside the message that it was told of', () => {
    const reader = new WireReader(bytes(0x0a, 0x03, 1, 2, 3), 'f.pb').enter(0, 4);
    expect(() => reader.next()).toThrow('longer than what holds it');
  });

  it('reads varints as 64 bits', () => {
    expect(varintAt(bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), 0, 10)).toBe(2n ** 64n - 1n);
    expect(varintAt(bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), 0, 10)).toBe(2n ** 64n - 1n);
    expect(varintAt(bytes(0x96, 0x01), 0, 2)).toBe(150n);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        const encoded: number[] = [];
        for (let rest = value; ; rest >>= 7n) {
          encoded.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
          if (rest <= 127n) break;
        }
        expect(varintAt(Buffer.from(encoded), 0, encoded.length)).toBe(value);
      }),
    );
  });

  it('either reads any bytes to their end or refuses them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (input) => {
        try {
          const found = fieldsOf(Buffer.from(input));
          expect(found.at(-1)?.[3] ?? 0).toBe(input.length);
        } catch (thrown) {
          if (!isAirlockError(thrown)) throw thrown;
        }
      }),
      { numRuns: 2000 },
    );
  });
});
