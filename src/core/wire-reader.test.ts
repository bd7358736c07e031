import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AirlockError, isAirlockError } from './errors.ts';
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
    ['a tag of six bytes', bytes(0x88, 0x80, 0x80, 0x80, 0x80, 0x00, 0x01)],
    ['a length of six bytes', bytes(0x0a, 0x81, 0x80, 0x80, 0x80, 0x80, 0x00, 0x61)],
    ['a fixed32 that is cut', bytes(0x0d, 1, 2, 3)],
    ['a fixed64 that is cut', bytes(0x09, 1, 2, 3, 4, 5, 6, 7)],
  ])('refuses %s', (_, buffer) => {
    expect(() => fieldsOf(buffer)).toThrow('damaged');
  });

  it('stays inside the message that it was told of', () => {
    const reader = new WireReader(bytes(0x0a, 0x03, 1, 2, 3), 'f.pb').enter(0, 4);
    expect(() => reader.next()).toThrow('longer than what holds it');
  });

  it('takes tags and lengths of five bytes, as TensorFlow does', () => {
    expect(fieldsOf(bytes(0x8a, 0x80, 0x80, 0x80, 0x00, 0x81, 0x80, 0x80, 0x80, 0x00, 0x61))).toEqual([[1, 2, 10, 11]]);
  });

  it('goes into messages and goes on behind them, however much of one was read', () => {
    const reader = new WireReader(bytes(0x0a, 0x06, 0x12, 0x02, 0x18, 0x05, 0x20, 0x06, 0x28, 0x07), 'f.pb');
    const found: number[] = [];
    reader.next();
    const first = reader.enterField();
    reader.next();
    const second = reader.enterField();
    while (reader.next()) found.push(reader.field, reader.low);
    reader.leave(second);
    while (reader.next()) found.push(reader.field, reader.low);
    reader.leave(first);
    while (reader.next()) found.push(reader.field, reader.low);
    expect(found).toEqual([3, 5, 4, 6, 5, 7]);
    reader.enter(0, 10).next();
    const outer = reader.enterField();
    reader.next();
    reader.leave(outer);
    expect([reader.next(), reader.field, reader.low, reader.next()]).toEqual([true, 5, 7, false]);
  });

  it('passes over contents that lie behind the buffer, when it is told of them', () => {
    const reader = new WireReader(bytes(0x0a, 0x64), 'f.pb').enter(0, 102);
    expect([reader.next(), reader.start, reader.end, reader.next()]).toEqual([true, 2, 102, false]);
    expect(() => new WireReader(bytes(0x0a, 0x64), 'f.pb').enter(0, 101).next()).toThrow('longer than what holds it');
  });

  it('throws what a class of its own gives', () => {
    class Other extends WireReader {
      override damaged(text: string): AirlockError {
        return new AirlockError('PROFILE_INVALID', { detail: text });
      }
    }
    for (const input of [bytes(0x0f), bytes(0x0a, 5), bytes(0x08, 0x80), bytes(0x00), bytes(0x0d, 1)]) {
      expect(() => new Other(input, 'f').next()).toThrow(expect.objectContaining({ code: 'PROFILE_INVALID' }));
      expect(() => new WireReader(input, 'f').next()).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
    }
  });

  it('reads varints as 64 bits', () => {
    expect(varintAt(bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01), 0, 10)).toBe(2n ** 64n - 1n);
    expect(varintAt(bytes(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), 0, 10)).toBe(2n ** 64n - 1n);
    expect(varintAt(bytes(0x96, 0x01), 0, 2)).toBe(150n);
    const beyond = new WireReader(bytes(0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f), 'f.pb');
    beyond.next();
    expect(beyond.varint()).toBe(2n ** 64n - 1n);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        const encoded: number[] = [];
        for (let rest = value; ; rest >>= 7n) {
          encoded.push(Number(rest & 127n) | (rest > 127n ? 128 : 0));
          if (rest <= 127n) break;
        }
        expect(varintAt(Buffer.from(encoded), 0, encoded.length)).toBe(value);
        const reader = new WireReader(bytes(0x08, ...encoded), 'f.pb');
        reader.next();
        expect([reader.varint(), reader.high, reader.low]).toEqual([value, Number(value >> 32n), Number(value & 0xffff_ffffn)]);
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
