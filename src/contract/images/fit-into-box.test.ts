// Sizes of images that are made smaller, compared with what whole pixels allow.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitIntoBox } from './fit-into-box.ts';

const boxOf = (width: number, height: number, maxWidth: number, maxHeight: number, maxPixels?: number): string => {
  const box = fitIntoBox({ width, height }, { maxWidth, maxHeight, maxPixels });
  return `${box.maxWidth}×${box.maxHeight}`;
};

describe('fitIntoBox()', () => {
  it('keeps the proportions, and takes the limit that binds', () => {
    expect(boxOf(1000, 500, 100, 100)).toBe('100×50');
    expect(boxOf(500, 1000, 100, 100)).toBe('50×100');
    expect(boxOf(1000, 500, 1000, 50)).toBe('100×50');
    expect(boxOf(1000, 500, 50, 500)).toBe('50×25');
    expect(boxOf(1000, 1000, 1000, 1000, 100)).toBe('10×10');
    expect(boxOf(40, 30, 100, 100)).toBe('40×30');
    expect(boxOf(40, 30, 40, 30, 1200)).toBe('40×30');
  });

  it('leaves at least one pixel, and no more of them than allowed', () => {
    expect(boxOf(10_000, 1, 10, 10)).toBe('10×1');
    expect(boxOf(1, 10_000, 10, 10)).toBe('1×10');
    expect(boxOf(60_000, 1, 60_000, 60_000, 100)).toBe('100×1');
    expect(boxOf(1, 60_000, 60_000, 60_000, 100)).toBe('1×100');
    expect(boxOf(7, 5, 100, 100, 1)).toBe('1×1');
  });

  it('is never larger than the image or any limit, nor smaller than it has to be', () => {
    const side = fc.integer({ min: 1, max: 60_000 });
    fc.assert(
      fc.property(
        side,
        side,
        side,
        side,
        fc.integer({ min: 1, max: 1_000_000 }),
        (width, height, maxWidth, maxHeight, maxPixels) => {
          const box = fitIntoBox({ width, height }, { maxWidth, maxHeight, maxPixels });
          expect(box.maxWidth).toBeLessThanOrEqual(Math.min(width, maxWidth));
          expect(box.maxHeight).toBeLessThanOrEqual(Math.min(height, maxHeight));
          expect(box.maxWidth * box.maxHeight).toBeLessThanOrEqual(maxPixels);
          expect(Math.min(box.maxWidth, box.maxHeight)).toBeGreaterThanOrEqual(1);
          // One more pixel on both sides would break a limit.
          const [more, higher] = [box.maxWidth + 1, box.maxHeight + 1];
          expect(more > Math.min(width, maxWidth) || higher > Math.min(height, maxHeight) || more * higher > maxPixels).toBe(
            true,
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});
