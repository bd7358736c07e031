import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAirlockError } from '../../core/index.ts';
import { childrenOf, type DerElement, readElement } from './der.ts';

function encode(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const size = length < 0x80 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

/** Reads every level and writes it again. */
function again(element: DerElement): Buffer {
  const constructed = (element.tag & 0x20) !== 0;
  return encode(element.tag, constructed ? Buffer.concat(childrenOf(element).map(again)) : element.content);
}

describe('readElement', () => {
  test.each([
    ['nothing', ''],
    ['a tag alone', '30'],
    ['a tag of 0', '0000'],
    ['a long tag', '3f8100'],
    ['a length without an end', '30800000'],
    ['a length in five bytes', '30850000000000'],
    ['a length that is cut', '3082ff'],
    ['a length with a zero before it', '04820080'],
    ['a long length for what fits a short one', '04817f'.padEnd(2 * 130, '0')],
    ['more than there is', '0403aaaa'],
    ['something behind it', '050000'],
    ['another tag', '0500'],
  ])('refuses %s', (_, hex) => {
    expect(() => readElement(Buffer.from(hex, 'hex'), 0x30)).toThrow(expect.objectContaining({ code: 'KEY_INVALID' }));
  });

  test('says what is wrong', () => {
    expect(() => readElement(Buffer.from('0500', 'hex'), 0x30)).toThrow('expected the tag 48, got 5');
    expect(() => readElement(Buffer.from('050000', 'hex'), 5)).toThrow('something follows');
  });
});

describe('childrenOf', () => {
  test('refuses an element without parts, and parts that are longer than it', () => {
    expect(() => childrenOf(readElement(Buffer.from('0500', 'hex'), 5))).toThrow('no parts');
    expect(() => childrenOf(readElement(Buffer.from('30030402aa', 'hex'), 0x30))).toThrow('ends early');
  });

  test('reads 200,000 parts and refuses one more', () => {
    const sequence = (count: number) => {
      const header = Buffer.from([0x30, 0x83, 0, 0, 0]);
      header.writeUIntBE(2 * count, 2, 3);
      return readElement(Buffer.concat([header, Buffer.alloc(2 * count, Buffer.from([5, 0]))]), 0x30);
    };
    expect(childrenOf(sequence(200_000))).toHaveLength(200_000);
    expect(() => childrenOf(sequence(200_001))).toThrow('more than 200000 parts');
  });

  test('reads what was written, and its tree has every byte', () => {
    const { tree } = fc.letrec<{ tree: Buffer; leaf: Buffer }>((tie) => ({
      leaf: fc
        .tuple(fc.constantFrom(2, 4, 5, 6, 0x80), fc.uint8Array({ maxLength: 300 }))
        .map(([tag, bytes]) => encode(tag, Buffer.from(bytes))),
      tree: fc.oneof(
        { maxDepth: 5 },
        tie('leaf'),
        fc
          .tuple(fc.constantFrom(0x30, 0x31, 0xa0), fc.array(tie('tree'), { maxLength: 4 }))
          .map(([tag, parts]) => encode(tag, Buffer.concat(parts))),
      ),
    }));
    fc.assert(
      fc.property(tree, (bytes) => {
        expect(again(readElement(bytes, bytes[0] ?? 0))).toEqual(bytes);
      }),
    );
  });

  test('gives a tree that encodes to the same bytes, or KEY_INVALID, for any bytes', () => {
    const noise = fc.array(fc.constantFrom(0x30, 0x02, 0x04, 0x80, 0x81, 0x82, 0, 1, 2, 3, 5, 0x1f, 0xff), { maxLength: 40 });
    fc.assert(
      fc.property(noise, (values) => {
        const bytes = Buffer.from(values);
        try {
          expect(again(readElement(bytes, bytes[0] ?? 0))).toEqual(bytes);
        } catch (error) {
          if (!isAirlockError(error)) {
            throw error;
          }
          expect(error.code).toBe('KEY_INVALID');
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
