// The count against zlib itself: whatever zlib makes of a stream, valid, damaged or made up, the count must say the same without making it.
import { randomBytes } from 'node:crypto';
import { constants, deflateSync, inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inflatedSize } from './inflated-size.ts';
import { byteRange } from './png-chunks.ts';

const count = (bytes: Uint8Array, maxBytes = Number.MAX_SAFE_INTEGER) =>
  inflatedSize(byteRange(bytes, 0, bytes.length), maxBytes);

/** Bytes that compress in every way: runs, repetitions from far away, noise. */
const content = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.tuple(fc.nat(255), fc.nat(5000)).map(([byte, length]) => new Uint8Array(length).fill(byte)),
      fc.constant(new Uint8Array(40_000).map((_, index) => (index * 7919) >> 5)),
    ),
    { maxLength: 6 },
  )
  .map((parts) => Buffer.concat(parts));

const options = fc.record({
  level: fc.integer({ min: 0, max: 9 }),
  strategy: fc.constantFrom(
    constants.Z_DEFAULT_STRATEGY,
    constants.Z_FIXED,
    constants.Z_HUFFMAN_ONLY,
    constants.Z_RLE,
    constants.Z_FILTERED,
  ),
  memLevel: fc.integer({ min: 1, max: 9 }),
});

/** What zlib says: a length, or that it is not whole or no stream. Its checksum and bytes after its end are looked at apart. */
function zlibSays(bytes: Buffer): number | 'fault' | 'checksum' {
  try {
    return inflateSync(bytes, { maxOutputLength: 2 ** 24 }).length;
  } catch (thrown) {
    return thrown instanceof Error && thrown.message === 'incorrect data check' ? 'checksum' : 'fault';
  }
}

describe('inflatedSize', () => {
  it('counts what zlib makes', () => {
    fc.assert(
      fc.property(content, options, (bytes, made) => {
        expect(count(deflateSync(bytes, made))).toEqual({ inflatedBytes: bytes.length });
      }),
      { numRuns: 80 },
    );
  });

  it('agrees with zlib on damaged streams', () => {
    let faults = 0;
    fc.assert(
      fc.property(
        content,
        options,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        (bytes, made, hits) => {
          const stream = deflateSync(bytes.subarray(0, 3000), made);
          for (const [place, value] of hits) stream[place % stream.length] = value;
          const said = zlibSays(stream);
          const { fault, inflatedBytes } = count(stream);
          if (fault !== undefined) faults++;
          if (said === 'checksum') return;
          // zlib leaves bytes after the end alone.
          if (fault === 'bytes after its end') expect(inflatedBytes).toBe(said);
          else expect(fault === undefined ? inflatedBytes : 'fault').toBe(said);
        },
      ),
      { numRuns: 300 },
    );
    expect(faults).toBeGreaterThan(20);
  });

  it('takes any bytes, and ends', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        const stream = Buffer.concat([Buffer.from([0x78, 0x9c]), bytes]);
        const said = zlibSays(stream);
        const { fault } = count(stream);
        if (typeof said === 'number') expect(fault === undefined || fault === 'bytes after its end').toBe(true);
        else if (said === 'fault') expect(fault).toBeDefined();
      }),
      { numRuns: 1000 },
    );
  });

  it('refuses a stream that is cut anywhere, and bytes behind one', () => {
    const stream = deflateSync(Buffer.from('the quick brown fox jumps over the lazy dog, the quick brown fox'));
    for (let length = 0; length < stream.length; length++) expect(count(stream.subarray(0, length)).fault).toBeDefined();
    expect(count(Buffer.concat([stream, Buffer.from([0])])).fault).toBe('bytes after its end');
  });

  it('costs by what was sent, not by what it inflates to, and stops at a limit', () => {
    const bomb = deflateSync(Buffer.alloc(100_000_000), { level: 9 });
    // 400 KB of memory for 100 MB that nobody sees.
    const before = process.memoryUsage().arrayBuffers;
    expect(count(bomb)).toEqual({ inflatedBytes: 100_000_000 });
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(400_000);
    expect(count(bomb, 1000).inflatedBytes).toBeLessThan(1000 + 66_000);
  });

  it.each([0, 1, 255, 256, 257, 700])('counts blocks that have codes of their own for %i symbols', (symbols) => {
    const stream = tinyBlocks(symbols, 50);
    expect(zlibSays(stream)).toBe(symbols === 0 ? 0 : 'checksum');
    expect(count(stream)).toEqual({ inflatedBytes: symbols * 50 });
  });

  it('costs by what was sent where every eleven bytes have codes of their own', () => {
    const tiny = tinyBlocks(0, 50_000);
    const ordinary = deflateSync(randomBytes(tiny.length).map((byte) => byte & 15));
    // Beside one another: how fast this machine is now counts for both. The least of five: compiling and collecting garbage are in the first.
    const [costly, cheap] = [tiny, ordinary].map((stream) => {
      const costs = [1, 2, 3, 4, 5].map(() => {
        const before = process.cpuUsage();
        count(stream);
        const { user, system } = process.cpuUsage(before);
        return (user + system) / stream.length;
      });
      return Math.min(...costs);
    });
    expect(count(tiny)).toEqual({ inflatedBytes: 0 });
    // Twice as much for each byte; with tables of 1,024 entries for each block it was 16 times.
    expect(costly / cheap).toBeLessThan(6);
  });
});

/** The smallest blocks with codes of their own: a literal and the end have one bit each, the checksum is that of nothing. */
function tinyBlocks(symbols: number, blocks: number): Buffer {
  const bytes: number[] = [0x78, 0x9c];
  let pending = 0;
  let pendingBits = 0;
  const put = (...fields: readonly (readonly [value: number, bits: number])[]) => {
    for (const [value, bits] of fields) {
      pending |= value << pendingBits;
      pendingBits += bits;
      for (; pendingBits >= 8; pendingBits -= 8, pending >>>= 8) bytes.push(pending & 255);
    }
  };
  for (let block = 0; block < blocks; block++) {
    put([0, 1], [2, 2], [0, 5], [0, 5], [14, 4]);
    // Code lengths 18 (a run of zeros) and 1 have one bit each.
    for (let at = 0; at < 18; at++) put([Number(at === 2 || at === 17), 3]);
    put([1, 1], [127, 7], [1, 1], [117 - 11, 7], [0, 1], [0, 1], [0, 1]);
    for (let i = 0; i < symbols; i++) put([0, 1]);
    put([1, 1]);
  }
  put([1, 1], [1, 2], [0, 7], [0, 7]);
  return Buffer.from([...bytes, 0, 0, 0, 1]);
}
