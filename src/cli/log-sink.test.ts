import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LossyLog } from './log-sink.ts';

const lost = (lines: number): string => `lost ${lines}\n`;

/** A disk or pipe that takes so many bytes at each call, and fails where that is 0. */
function sinkOf(room: () => number): { readonly log: LossyLog; readonly text: () => string } {
  const parts: Uint8Array[] = [];
  const log = new LossyLog((bytes) => {
    const taken = Math.min(bytes.length, room());
    if (taken === 0) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    parts.push(Uint8Array.from(bytes.subarray(0, taken)));
    return taken;
  }, lost);
  return { log, text: () => Buffer.concat(parts).toString() };
}

describe('a log that cannot be written', () => {
  it('goes on, and says how much is missing', () => {
    let isFull = false;
    const { log, text } = sinkOf(() => (isFull ? 0 : 1_000));
    log.write('one\n');
    isFull = true;
    log.write('two\n');
    log.write('three\n');
    isFull = false;
    log.write('four\n');
    expect(text()).toBe('one\nlost 2\nfour\n');
  });

  it('never mixes lines, loses none without saying so, and never throws', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ length: fc.nat(30), rooms: fc.array(fc.nat(20), { maxLength: 4 }) })), (steps) => {
        let rooms: number[] = [];
        const { log, text } = sinkOf(() => rooms.shift() ?? 0);
        steps.forEach(({ length, rooms: some }, index) => {
          rooms = [...some];
          log.write(`${index}:${'x'.repeat(length)}\n`);
        });
        // Room for all that is still to come.
        rooms = new Array<number>(10).fill(10_000);
        log.write('end:\n');
        const lines = text().split('\n').slice(0, -1);
        expect(lines.at(-1)).toBe('end:');
        let next = 0;
        for (const line of lines.slice(0, -1)) {
          const missing = /^lost (\d+)$/.exec(line);
          if (missing !== null) next += Number(missing[1]);
          else {
            expect(line).toBe(`${next}:${'x'.repeat(steps[next].length)}`);
            next++;
          }
        }
        expect(next).toBe(steps.length);
      }),
    );
  });
});
