import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { captureLog, defaultLogLimits } from './log-capture.ts';

async function capture(chunks: readonly (string | Buffer)[], limits = {}): Promise<string[]> {
  const lines: string[] = [];
  const source = new PassThrough();
  captureLog(source, 'stderr', ({ text }) => lines.push(text), { ...defaultLogLimits, ...limits });
  for (const chunk of chunks) source.write(chunk);
  source.end();
  await new Promise((resolve) => source.once('close', resolve));
  return lines;
}

describe('captureLog', () => {
  it('passes lines on, also one that is cut between chunks or has no end', async () => {
    expect(await capture(['one\ntw', 'o\n', Buffer.from('ü').subarray(0, 1), Buffer.from('ü').subarray(1), 'last'])).toEqual([
      'one',
      'two',
      'ülast',
    ]);
  });

  it('makes escapes and invalid UTF-8 visible', async () => {
    expect(await capture(['\u001b[2J\rfake\n', Buffer.of(0xff, 0x0a)])).toEqual(['\\u{1b}[2J\\u{d}fake', '\ufffd']);
  });

  it('cuts a line that never ends and keeps no more than that of it', async () => {
    const lines = await capture(new Array(100).fill('x'.repeat(10_000)), {
      maxLineCharacters: 50,
      maxLinesPerSecond: 5,
      maxBytesPerSecond: 4_000_000,
    });
    expect(lines).toHaveLength(6);
    expect(lines[0]).toBe(`${'x'.repeat(50)}…`);
    expect(lines[5]).toMatch(/^\d+ more lines were dropped$/);
  });

  it('lets a flood wait for the next second', async () => {
    const start = performance.now();
    await capture(new Array(40).fill('y'.repeat(1000)), { maxBytesPerSecond: 15_000 });
    expect(performance.now() - start).toBeGreaterThan(1500);
  });
});
