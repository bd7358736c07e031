import { describe, expect, it } from 'vitest';
import { CostRates, costUnits } from './cost-rates.ts';

const calibrated = (): CostRates => {
  const rates = new CostRates();
  rates.calibrate([1e6, 1e7, 1e8, 1e9].map((flops) => ({ flops, bytes: 1_000, milliseconds: 1 + flops * 1e-8 })));
  return rates;
};

describe('CostRates', () => {
  it('says nothing before something was measured', () => {
    const rates = new CostRates();
    expect(rates.milliseconds(0, 1e6, 1e6)).toBeUndefined();
    expect(rates.opMilliseconds('MatMul', 1e6, 1e6)).toBeUndefined();
    expect(rates.report).toEqual({ rates: undefined, observed: 0, errorFactor: undefined });
  });

  it('predicts from what was measured at the load', () => {
    expect(calibrated().milliseconds(0, 5e8, 1_000)).toBeCloseTo(6, 3);
    expect(calibrated().opMilliseconds('MatMul', 5e8, 1_000)).toBeCloseTo(5, 3);
  });

  it('follows real requests, for each signature by itself', () => {
    const rates = calibrated();
    for (let run = 0; run < 300; run++) rates.observe(1, 3e8, 1_000, 12);
    expect(rates.milliseconds(1, 3e8, 1_000)).toBeGreaterThan(9);
    expect(rates.report.observed).toBe(300);
    expect(rates.report.errorFactor).toBeLessThan(1.5);
  });

  it('learns from real requests alone when nothing was measured at the load', () => {
    const rates = new CostRates();
    for (const flops of [1e6, 1e8, 5e8, 1e9]) rates.observe(0, flops, 1_000, flops * 1e-8 + 0.5);
    expect(rates.milliseconds(0, 2e8, 1_000)).toBeCloseTo(2.5, 1);
  });

  it('is not thrown off by one disturbed run', () => {
    const rates = calibrated();
    rates.observe(0, 5e8, 1_000, 60_000);
    expect(rates.milliseconds(0, 5e8, 1_000)).toBeLessThan(10);
    rates.observe(0, 5e8, 1_000, Number.NaN);
    rates.observe(0, Number.POSITIVE_INFINITY, 1, 1);
    expect(rates.report.observed).toBe(1);
  });

  it('keeps the samples that tell rates apart when one size comes a thousand times', () => {
    const rates = calibrated();
    for (let run = 0; run < 1_000; run++) rates.observe(0, 1e6, 1_000, 1.01);
    expect(rates.milliseconds(0, 1e9, 1_000)).toBeGreaterThan(9);
  });

  it('takes what profiles say of an operation before the rates of the model', () => {
    const rates = calibrated();
    rates.opFactors = new Map([['Unique', 1e-3]]);
    expect(rates.opMilliseconds('Unique', 500, 500)).toBeCloseTo(1, 6);
    expect(rates.nodeUnits('Unique', 500, 500)).toBeGreaterThan(rates.nodeUnits('MatMul', 500, 500));
    expect(costUnits(2, 3)).toBe(5);
  });
});
