import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Io } from './io.ts';
import { createProgressBar, formatBytes } from './progress-bar.ts';

function setUp(isTerminal: boolean, columns = 80) {
  const stderr = Object.assign(new PassThrough({ encoding: 'utf8' }), { columns });
  const io: Io = { stdout: new PassThrough(), stderr, env: {}, isTerminal };
  const clock = { ms: 0 };
  return { io, clock, written: () => String(stderr.read() ?? '') };
}

describe('createProgressBar on a terminal', () => {
  it('draws share, bytes and rate, and ends with a line', () => {
    const { io, clock, written } = setUp(true);
    const bar = createProgressBar(io, 'Downloading', 200_000_000, () => clock.ms);
    clock.ms = 2000;
    bar.update(50_000_000);
    expect(written()).toBe(`\r\u001b[2KDownloading  [${'#'.repeat(8)}${'-'.repeat(22)}]  25 %  50 MB of 200 MB  25 MB/s`);
    clock.ms = 4000;
    bar.update(200_000_000);
    written();
    bar.finish();
    expect(written()).toBe('\r\u001b[2KDownloading: 200 MB in 4.0 s (50 MB/s)\n');
  });

  it('draws at most ten times a second', () => {
    const { io, clock, written } = setUp(true);
    const bar = createProgressBar(io, 'x', 1000, () => clock.ms);
    for (clock.ms = 0; clock.ms < 1000; clock.ms += 1) bar.update(clock.ms);
    expect(written().split('\r').length - 1).toBe(10);
  });

  it.each([1, 10, 20, 40, 79, 200])('never fills a line of %d columns', (columns) => {
    const { io, clock, written } = setUp(true, columns);
    const bar = createProgressBar(io, 'Downloading tensorflow-cpu 2.21.0', 274e6, () => clock.ms);
    clock.ms = 5000;
    bar.update(273e6);
    expect(written().replace('\r\u001b[2K', '').length).toBeLessThan(columns);
  });

  it('stays at 100 % when there is more than was announced, and copes with nothing to do', () => {
    const { io, written } = setUp(true);
    createProgressBar(io, 'x', 10, () => 0).update(20);
    expect(written()).toContain('100 %');
    createProgressBar(io, 'x', 0, () => 0).update(0);
    expect(written()).toContain('0 %');
  });

  it('can be taken off the screen', () => {
    const { io, written } = setUp(true);
    createProgressBar(io, 'x', 10, () => 0).clear();
    expect(written()).toBe('\r\u001b[2K');
  });
});

describe('createProgressBar in a pipe', () => {
  it('prints one plain line when the job begins', () => {
    const { io, written } = setUp(false);
    const bar = createProgressBar(io, 'Unpacking', 853_000_000);
    bar.update(1);
    bar.update(853_000_000);
    bar.finish();
    bar.clear();
    expect(written()).toBe('Unpacking (853 MB)\n');
  });
});

describe('formatBytes', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [9949, '9.9 kB'],
    [9950, '10 kB'],
    [999_499, '999 kB'],
    [999_500, '1.0 MB'],
    [273_829_956, '274 MB'],
    [1_234_000_000, '1.2 GB'],
  ])('%d is %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));
});
