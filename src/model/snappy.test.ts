import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAirlockError } from '../core/index.ts';
import { ByteCursor } from './byte-cursor.ts';
import { decompressSnappy } from './snappy.ts';

const unpack = (...bytes: number[]) => decompressSnappy(new ByteCursor('file', Buffer.from(bytes))).toString('latin1');

function literal(bytes: Buffer): Buffer {
  const head = bytes.length <= 60 ? [(bytes.length - 1) << 2] : [61 << 2, (bytes.length - 1) & 255, (bytes.length - 1) >> 8];
  return Buffer.concat([Buffer.from(head), bytes]);
}

describe('decompressSnappy', () => {
  it('reads literals and copies of all three kinds', () => {
    expect(unpack(3, 2 << 2, 97, 98, 99)).toBe('abc');
    expect(unpack(7, 2 << 2, 97, 98, 99, (0 << 2) | 1, 3)).toBe('abcabca');
    expect(unpack(6, 2 << 2, 97, 98, 99, (2 << 2) | 2, 3, 0)).toBe('abcabc');
    expect(unpack(6, 2 << 2, 97, 98, 99, (2 << 2) | 3, 3, 0, 0, 0)).toBe('abcabc');
  });

  it('repeats a pattern where a copy overlaps itself', () => {
    expect(unpack(9, 0, 97, (7 << 2) | 2, 1, 0)).toBe('aaaaaaaaa');
  });

  it.each([
    ['a copy before the start', [4, 0, 97, (2 << 2) | 2, 2, 0]],
    ['a copy of nothing', [4, 0, 97, (2 << 2) | 2, 0, 0]],
    ['more than announced', [2, 2 << 2, 97, 98, 99]],
    ['less than announced', [4, 2 << 2, 97, 98, 99]],
    ['a size that the bytes cannot reach', [0xff, 0xff, 0xff, 0x7f, 0, 97]],
    ['a literal that is cut', [3, 2 << 2, 97]],
    ['a copy that is cut', [3, 0, 97, (1 << 2) | 2, 1]],
    ['nothing at all', []],
  ])('refuses %s', (_, bytes) => {
    expect(() => unpack(...bytes)).toThrow(expect.objectContaining({ code: 'MODEL_INVALID' }));
  });

  it('gives back what was stored as literals', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 20 }), (chunks) => {
        const plain = Buffer.concat(chunks);
        const size = plain.length < 128 ? [plain.length] : [(plain.length & 127) | 128, plain.length >> 7];
        const packed = Buffer.concat([Buffer.from(size), ...chunks.map((chunk) => literal(Buffer.from(chunk)))]);
        expect(decompressSnappy(new ByteCursor('file', packed)).equals(plain)).toBe(true);
      }),
    );
  });

  it('ends with a result or MODEL_INVALID on any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(decompressSnappy(new ByteCursor('file', Buffer.from(bytes))).length).toBeLessThanOrEqual(bytes.length * 22);
        } catch (thrown) {
          expect(isAirlockError(thrown) && thrown.code).toBe('MODEL_INVALID');
        }
      }),
      { numRuns: 2000 },
    );
  });
});
