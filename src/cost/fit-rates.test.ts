import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitRates } from './fit-rates.ts';

const sampleOf = (overhead: number, perFlop: number, perByte: number) => (flops: number, bytes: number) => ({
  flops,
  bytes,
  milliseconds: overhead + perFlop * flops + perByte * bytes,
});
const sizes: readonly (readonly [number, number])[] = [
  [1e6, 1e5],
  [8e6, 2e5],
  [5e7, 9e6],
  [1e9, 2e6],
  [2e9, 8e7],
];

describe('fitRates', () => {
  it('finds the rates that made the samples', () => {
    const sample = sampleOf(0.05, 2e-8, 1e-7);
    const fitted = fitRates(sizes.map(([flops, bytes]) => sample(flops, bytes)));
    expect(fitted?.overheadMs).toBeCloseTo(0.05, 4);
    expect(fitted?.msPerFlop).toBeCloseTo(2e-8, 11);
    expect(fitted?.msPerByte).toBeCloseTo(1e-7, 10);
    expect(fitted?.spread).toBeCloseTo(1, 3);
  });

  it('makes nothing up: runs of one size say no more than how long that size takes', () => {
    expect(fitRates([sampleOf(3, 0, 0)(1e6, 1e5)])).toEqual({ overheadMs: 3, msPerFlop: 0, msPerByte: 0, spread: 1 });
    expect(fitRates([])).toBeUndefined();
    expect(fitRates([{ flops: 1, bytes: 1, milliseconds: Number.NaN }])).toBeUndefined();
  });

  it('never gives a rate below zero, and says how far it is off', () => {
    const number = fc.double({ min: 1, max: 1e12, noNaN: true });
    const sample = fc.record({ flops: number, bytes: number, milliseconds: fc.double({ min: 1e-3, max: 1e4, noNaN: true }) });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 12 }), (samples) => {
        const fitted = fitRates(samples);
        if (fitted === undefined) throw new Error('nothing fits');
        const { overheadMs, msPerFlop, msPerByte, spread } = fitted;
        expect(Math.min(overheadMs, msPerFlop, msPerByte)).toBeGreaterThanOrEqual(0);
        for (const { flops, bytes, milliseconds } of samples) {
          const ratio = (overheadMs + flops * msPerFlop + bytes * msPerByte) / milliseconds;
          expect(Math.max(ratio, 1 / ratio)).toBeLessThanOrEqual(spread * 1.000_001);
        }
      }),
    );
  });
});
