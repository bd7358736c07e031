import { expect, it } from 'vitest';
import { checkConfig } from './load-config.ts';

const observing = (observeMs: string) =>
  checkConfig({ runtime: { rollout: { observeMs } }, models: [{ name: 'm', path: 'm', unsafeUnsigned: true }] }, '/').runtime
    .rollout.observeMs;

it('lets a change of TensorFlow go unobserved where two workers of each model do not fit', () => {
  expect(observing('0s')).toBe(0);
  expect(observing('90s')).toBe(90_000);
  for (const wrong of ['0', '0m', '00s', '-1s', '']) expect(() => observing(wrong)).toThrow(/rollout\.observeMs/);
});
