import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MemoryEvidence } from './cost-memory.ts';

describe('MemoryEvidence', () => {
  it('refuses nothing without a run', () => {
    expect(new MemoryEvidence().cannotFit(1e12, 1e6)).toBe(false);
  });

  it('ignores what is no measurement', () => {
    const evidence = new MemoryEvidence();
    for (const bytes of [0, -1, Number.NaN]) evidence.observe(1e6, bytes);
    evidence.observe(0, 5);
    expect(evidence.cannotFit(1e12, 1e6)).toBe(false);
  });

  it('never refuses what takes no less of its bound than half of what was measured, and fits', () => {
    const bytes = fc.integer({ min: 1, max: 1e9 });
    const share = fc.double({ min: 0.01, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        bytes,
        bytes,
        bytes,
        share,
        fc.double({ min: 0.5, max: 1, noNaN: true }),
        (measured, bound, left, part, kept) => {
          const evidence = new MemoryEvidence();
          evidence.observe(measured, measured * part);
          const taken = bound * part * kept;
          if (taken <= left) expect(evidence.cannotFit(bound, left)).toBe(false);
        },
      ),
    );
  });
});
