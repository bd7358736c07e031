import { expect, it } from 'vitest';
import { maxWishedPerSecond, TraceSampler } from './trace-sampler.ts';

it('takes its share of all requests, whatever clients say', () => {
  const values = [0, 0.049, 0.05, 0.9];
  let at = 0;
  const sampler = new TraceSampler({ samplePercent: 5, random: () => values[at++ % 4] });
  expect([0, 1, 2, 3].map(() => sampler.takes(false))).toEqual([true, true, false, false]);
});

it('takes none at 0 and all at 100', () => {
  const none = new TraceSampler({ samplePercent: 0, random: () => 0 });
  const all = new TraceSampler({ samplePercent: 100, random: () => 1 - Number.EPSILON });
  expect([none.takes(false), all.takes(false)]).toEqual([false, true]);
});

it('lets clients ask for a few at once and for a few per second, not for more', () => {
  let nowMs = 0;
  const sampler = new TraceSampler({ samplePercent: 0, clock: () => nowMs, random: () => 0.5 });
  const granted = (asked: number): number => Array.from({ length: asked }, () => sampler.takes(true)).filter(Boolean).length;
  expect(granted(10_000)).toBe(20);
  nowMs += 1_000;
  expect(granted(10_000)).toBe(maxWishedPerSecond);
  nowMs += 86_400_000;
  expect(granted(10_000)).toBe(20);
});
