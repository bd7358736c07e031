import { describe, expect, it } from 'vitest';
import { sourceOf } from '../../../tests/support/recording-context.ts';
import { Hdf5Bytes } from './hdf5-bytes.ts';

const bytes = () => new Hdf5Bytes(sourceOf(Buffer.alloc(8)), 0, 8, 8);

describe('heapText()', () => {
  it('reads text up to its NUL byte, or the end of the heap', () => {
    const heap = Buffer.from('one\0two');
    const file = bytes();
    expect([0, 1, 4, 7, -1].map((offset) => file.heapText(heap, offset))).toEqual(['one', 'ne', 'two', '', '']);
  });

  it('refuses a name without an end, which each link could have anew', () => {
    expect(() => bytes().heapText(Buffer.alloc(100_000, 'a'), 5)).toThrow(/no end/);
  });

  it('counts names that share their bytes as if they did not', () => {
    const heap = Buffer.concat([Buffer.alloc(60_000, 'a'), Buffer.alloc(1)]);
    const file = bytes();
    let count = 0;
    const readAll = () => {
      for (; count < 10_000; count++) file.heapText(heap, count);
    };
    expect(readAll).toThrow(/used too often/);
    expect(count).toBeGreaterThan(1000);
  });
});
