// What is learned from the batches that ran: how large they should be, whether waiting for others pays, and which clients meet nobody.
import { describe, expect, it } from 'vitest';
import { Loners } from './batch-loners.ts';
import { BatchSizes } from './batch-sizes.ts';
import { BatchWait } from './batch-wait.ts';
import { RunTimes } from './run-times.ts';

function fed(sizes: BatchSizes, msOf: (rows: number) => number, outputBytesPerRow = 4): BatchSizes {
  for (const rows of [1, 2, 4, 8, 16, 32]) for (let i = 0; i < 8; i++) sizes.add(rows, msOf(rows), rows * outputBytesPerRow);
  return sizes;
}

describe('BatchSizes', () => {
  it('grows while a larger batch makes the time per row shorter, up to what is configured', () => {
    expect(new BatchSizes(64, 1e9).target).toBe(64);
    expect(fed(new BatchSizes(64, 1e9), (rows) => 10 + rows).target).toBe(64);
  });

  it('stops where it no longer does', () => {
    expect(fed(new BatchSizes(64, 1e9), (rows) => Math.max(10, 2.5 * rows)).target).toBe(7);
    expect(fed(new BatchSizes(64, 1e9), (rows) => rows).target).toBe(1);
  });

  it('looks now and then whether more pays again', () => {
    const sizes = fed(new BatchSizes(64, 1e9), (rows) => rows);
    const targets = Array.from({ length: 32 }, () => {
      sizes.add(1, 1, 4);
      return sizes.target;
    });
    expect(targets.filter((target) => target > 1)).toHaveLength(2);
  });

  it('concludes nothing from one slow batch', () => {
    const sizes = new BatchSizes(64, 1e9);
    for (let i = 0; i < 4; i++) sizes.add(1, 10, 4);
    sizes.add(32, 3_000, 128);
    expect(sizes.target).toBe(64);
  });

  it('leaves room for the answer', () => {
    expect(fed(new BatchSizes(64, 1_000), (rows) => 10 + rows, 100).target).toBe(10);
  });

  it('says how long a batch takes, and nothing where it does not know', () => {
    expect(new BatchSizes(64, 1e9).batchMs(4)).toBe(0);
    const sizes = fed(new BatchSizes(64, 1e9), (rows) => 10 + rows);
    expect(sizes.batchMs(4)).toBeCloseTo(14);
    expect(sizes.shareMs(32)).toBeCloseTo(42);
  });
});

describe('BatchWait', () => {
  /** Requests every `gapMs`; what the last of `count` should wait. */
  function waitAfter(wait: BatchWait, gapMs: number, count: number, someoneCame?: boolean): number {
    let waitMs = 0;
    for (let i = 0; i < count; i++) {
      wait.arrived(i * gapMs);
      waitMs = wait.waitMs(20);
      if (waitMs > 0 && someoneCame !== undefined) wait.waited(someoneCame);
    }
    return waitMs;
  }

  it('waits where requests come close together, and not where they do not', () => {
    expect(waitAfter(new BatchWait(5), 1, 50)).toBe(5);
    expect(waitAfter(new BatchWait(5), 50, 50)).toBe(0);
    expect(waitAfter(new BatchWait(0), 0, 50)).toBe(0);
  });

  it('never waits longer than a run takes', () => {
    const wait = new BatchWait(50);
    for (let i = 0; i < 50; i++) wait.arrived(i);
    expect(wait.waitMs(3)).toBe(3);
  });

  it('gives up waiting that brings nobody, and tries it again now and then', () => {
    const wait = new BatchWait(5);
    expect(waitAfter(wait, 1, 62, false)).toBe(0);
    let waits = 0;
    for (let i = 0; i < 200; i++) {
      wait.arrived(100 + i);
      if (wait.waitMs(20) > 0) waits++;
    }
    expect(waits).toBeGreaterThan(0);
    expect(waits).toBeLessThan(10);
  });
});

describe('RunTimes', () => {
  it('follows down quickly and up slowly, and knows nothing of smaller inputs than were measured', () => {
    const times = new RunTimes();
    expect(times.lowMs(0, 100)).toBe(0);
    times.add(0, 100, 1_000);
    expect(times.lowMs(0, 100)).toBe(0);
    for (let i = 0; i < 8; i++) times.add(0, 100, 10);
    expect(times.lowMs(0, 100)).toBeLessThan(20);
    times.add(0, 100, 1_000);
    expect(times.lowMs(0, 100)).toBeLessThan(100);
    expect(times.lowMs(0, 4_000)).toBe(times.lowMs(0, 100));
    expect(times.lowMs(0, 10)).toBe(0);
    expect(times.lowMs(1, 100)).toBe(0);
  });
});

describe('Loners', () => {
  it('are known for a while, the newest 1024 of them', () => {
    let nowMs = 0;
    const loners = new Loners(() => nowMs);
    loners.add('');
    expect(loners.has('')).toBe(false);
    for (let i = 0; i < 1025; i++) loners.add(`c${i}`);
    expect([loners.has('c0'), loners.has('c1'), loners.has('c1024')]).toEqual([false, true, true]);
    nowMs = 30_000;
    expect(loners.has('c1024')).toBe(false);
  });
});
