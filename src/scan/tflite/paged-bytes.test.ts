import { describe, expect, it } from 'vitest';
import { sourceOf } from '../../../tests/support/recording-context.ts';
import type { Source } from '../scan-context.ts';
import { PagedBytes } from './paged-bytes.ts';

const sizeBytes = 40 * 1024 * 1024;
const pageBytes = 256 * 1024;

/** A large source whose every fourth byte tells where it is; remembers what was read. */
function largeSource(): Source & { readonly reads: number[] } {
  const reads: number[] = [];
  return {
    name: 'large',
    sizeBytes,
    reads,
    read(offset, length) {
      reads.push(length);
      return Buffer.from(Array.from({ length }, (_, at) => ((offset + at) * 7) % 251));
    },
  };
}

const byteAt = (offset: number): number => (offset * 7) % 251;

describe('PagedBytes', () => {
  it('reads numbers in a page, over the border of two, and after another page', () => {
    const bytes = new PagedBytes(largeSource());
    for (const offset of [0, pageBytes - 2, 5, pageBytes, pageBytes - 1, 3 * pageBytes - 3, 9, sizeBytes - 4]) {
      const expected = Buffer.from([0, 1, 2, 3].map((at) => byteAt(offset + at)));
      expect(bytes.u32(offset)).toBe(expected.readUInt32LE(0));
      expect(bytes.u8(offset)).toBe(byteAt(offset));
      expect(bytes.bytes(offset, 4).equals(expected)).toBe(true);
    }
  });

  it('never reads a large source as a whole', () => {
    const source = largeSource();
    const bytes = new PagedBytes(source);
    for (let offset = 0; offset < sizeBytes; offset += sizeBytes / 8) bytes.u16(offset);
    expect(Math.max(...source.reads)).toBeLessThanOrEqual(pageBytes);
  });

  it.each([-1, 8, 7])('refuses what lies outside: %i', (offset) => {
    expect(() => new PagedBytes(sourceOf(Buffer.alloc(8))).u16(offset)).toThrow(/outside of the file/);
  });
});
