// Streams that are written bit by bit, with codes that no compressor makes: zlib's verdict on each is the reference.
import { inflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inflatedSize } from './inflated-size.ts';
import { byteRange } from './png-chunks.ts';

type Bits = readonly (readonly [value: number, bits: number])[];
const order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
/** A complete code for the 19 symbols of code lengths: 13 codes of 4 bits and 6 of 5. */
const lengthsOfLengths = Array.from({ length: 19 }, (_, symbol) => (symbol < 13 ? 4 : 5));

/** The canonical code of each symbol, first bit lowest as the stream has it. */
function codesOf(lengths: readonly number[]): (readonly [code: number, bits: number])[] {
  let code = 0;
  const codes: (readonly [number, number])[] = lengths.map(() => [0, 0]);
  for (let bits = 1; bits <= 15; bits++, code <<= 1) {
    for (const [symbol, length] of lengths.entries()) {
      if (length !== bits) continue;
      const text = code.toString(2).padStart(bits, '0').slice(-bits);
      codes[symbol] = [Number.parseInt([...text].reverse().join(''), 2), bits];
      code++;
    }
  }
  return codes;
}

function written(fields: Bits, tail: readonly number[] = [0, 0, 0, 1]): Buffer {
  const bits = fields.flatMap(([value, count]) => Array.from({ length: count }, (_, at) => (value >>> at) & 1));
  const bytes = Array.from({ length: Math.ceil(bits.length / 8) }, (_, at) =>
    bits.slice(8 * at, 8 * at + 8).reduce((byte, bit, place) => byte | (bit << place), 0),
  );
  return Buffer.from([0x78, 0x9c, ...bytes, ...tail]);
}

interface Block {
  readonly literals: readonly number[];
  readonly distances: readonly number[];
  readonly symbols: readonly number[];
  readonly header?: readonly number[];
}

/** One block with codes of its own; each length is written out. `symbols` are as they come: literals, lengths with distances. */
function block({ literals, distances, symbols, header = lengthsOfLengths }: Block): Bits {
  const lengthCodes = codesOf(header);
  const [literalCodes, distanceCodes] = [codesOf(literals), codesOf(distances)];
  return [
    [1, 1],
    [2, 2],
    [literals.length - 257, 5],
    [distances.length - 1, 5],
    [15, 4],
    ...order.map((symbol) => [header[symbol], 3] as const),
    ...[...literals, ...distances].map((length) => lengthCodes[length]),
    // From 1,000 on: a distance.
    ...symbols.map((symbol) => (symbol < 1000 ? literalCodes[symbol] : distanceCodes[symbol - 1000])),
  ];
}

function zlibSays(bytes: Buffer): { length: number } | 'checksum' | string {
  try {
    return { length: inflateSync(bytes).length };
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : '';
    return message === 'incorrect data check' ? 'checksum' : message;
  }
}
const count = (bytes: Buffer) => inflatedSize(byteRange(bytes, 0, bytes.length), Number.MAX_SAFE_INTEGER);

/** Both say that it is a stream, or that it is none. */
function expectSame(bytes: Buffer, wanted?: number): void {
  const said = zlibSays(bytes);
  const { fault, inflatedBytes } = count(bytes);
  const isWhole = said === 'checksum' || typeof said === 'object';
  expect(fault === undefined || fault === 'bytes after its end', `${said} ${fault} ${bytes.toString('hex')}`).toBe(isWhole);
  if (isWhole && wanted !== undefined) expect(inflatedBytes).toBe(wanted);
}

const sparse = (length: number, entries: Readonly<Record<number, number>>): number[] =>
  Array.from({ length }, (_, symbol) => entries[symbol] ?? 0);

describe('codes of a block', () => {
  it('are taken and refused as zlib does it, whatever their lengths', () => {
    let whole = 0;
    const lengths = fc.array(
      fc.tuple(fc.constantFrom(0, 1, 2, 97, 255, 256, 257, 258, 264, 265, 284, 285), fc.integer({ min: 0, max: 4 })),
      {
        maxLength: 8,
      },
    );
    const distances = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 6 });
    const shapes = fc.constantFrom([1, 1], [1, 2, 2], [2, 2, 2, 2], [1, 2, 3, 3], [1], [2, 1], [3, 3, 2, 1]);
    fc.assert(
      fc.property(
        lengths,
        shapes,
        distances,
        fc.boolean(),
        fc.array(fc.nat(7), { maxLength: 12 }),
        (drawn, shape, far, isComplete, picks) => {
          const chosen = [...new Set([256, ...drawn.map(([symbol]) => symbol)])];
          const entries = Object.fromEntries(
            isComplete ? shape.map((bits, at) => [chosen[at] ?? at + 3, bits]) : [[256, 2], ...drawn],
          );
          const literals = sparse(286, entries);
          const used = Object.keys(entries)
            .map(Number)
            .filter((symbol) => symbol < 257 && literals[symbol] > 0);
          const symbols = [
            ...picks.map((pick) => used[pick % Math.max(used.length, 1)] ?? 256).filter((symbol) => symbol !== 256),
            256,
          ];
          const bytes = written(block({ literals, distances: far, symbols }));
          expectSame(bytes, symbols.length - 1);
          if (count(bytes).fault === undefined) whole++;
        },
      ),
      { numRuns: 400 },
    );
    expect(whole).toBeGreaterThan(5);
  });

  it('have lengths and distances with all their extra bits', () => {
    // Symbol, extra bits of the length, and the bytes that it stands for.
    const cases: readonly (readonly [symbol: number, extraBits: number, base: number])[] = [
      [257, 0, 3],
      [264, 0, 10],
      [265, 1, 11],
      [268, 1, 17],
      [269, 2, 19],
      [276, 3, 59],
      [277, 4, 67],
      [281, 5, 131],
      [284, 5, 227],
      [285, 0, 258],
    ];
    for (const [symbol, extraBits, base] of cases) {
      const literals = sparse(286, { 97: 2, 256: 2, [symbol]: 1 });
      for (const extra of [0, (1 << extraBits) - 1]) {
        const [code, bits] = codesOf(literals)[symbol];
        const head = block({ literals, distances: [1], symbols: [97] });
        const match: Bits = [[code, bits], [extra, extraBits], [0, 1], codesOf(literals)[256]];
        expectSame(written([...head, ...match]), 1 + base + extra);
        expect(count(written([...head, ...match]))).toEqual({ inflatedBytes: 1 + base + extra });
      }
    }
  });

  it('reach back no further than the beginning', () => {
    const distanceBits = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
    const literals = sparse(286, { 97: 2, 256: 2, 257: 1 });
    for (const [place, extraBits] of distanceBits.slice(0, 14).entries()) {
      const distances = sparse(30, { [place]: 1 });
      const reach = place < 4 ? place + 1 : (2 + (place % 2)) * 2 ** extraBits + 1;
      for (const extra of [0, (1 << extraBits) - 1]) {
        for (const before of [reach + extra - 1, reach + extra]) {
          const head = block({ literals, distances, symbols: new Array<number>(before).fill(97) });
          const bytes = written([...head, codesOf(literals)[257], [0, 1], [extra, extraBits], codesOf(literals)[256]]);
          expectSame(bytes, before + 3);
          expect(count(bytes).fault).toBe(before < reach + extra ? 'a distance before its beginning' : undefined);
        }
      }
    }
  });
});

describe('a fault is named', () => {
  const plain = sparse(257, { 97: 1, 256: 1 });
  const head = (literals: number, distances: number, lengths: number): Bits => [
    [1, 1],
    [2, 2],
    [literals, 5],
    [distances, 5],
    [lengths, 4],
  ];
  const whole = block({ literals: plain, distances: [1], symbols: [97, 97, 256] });
  const stored = (length: number, check: number, bytes: readonly number[]) =>
    Buffer.from([0x78, 0x9c, 1, length & 255, length >> 8, check & 255, check >> 8, ...bytes, 0, 0, 0, 1]);
  it.each<[fault: string | undefined, bytes: Buffer]>([
    [undefined, written(whole)],
    ['no zlib header', Buffer.from([])],
    ['no zlib header', Buffer.from([0x78])],
    ['no zlib header', Buffer.from([0x79, 0x9c])],
    ['no zlib header', Buffer.from([0x78, 0x9d])],
    ['no zlib header', Buffer.from([0x88, 0x1c])],
    ['a preset dictionary', Buffer.from([0x78, 0xbb, 0, 0, 0, 0])],
    ['it ends too early', Buffer.from([0x78, 0x9c])],
    [
      'an unknown kind of block',
      written([
        [1, 1],
        [3, 2],
      ]),
    ],
    ['a stored block whose length is wrong', stored(2, 0xfffc, [1, 2])],
    ['it ends too early', stored(9, 0xfff6, [1, 2])],
    ['it ends too early', Buffer.from([0x78, 0x9c, 1, 2, 0])],
    [undefined, stored(2, 0xfffd, [1, 2])],
    [undefined, stored(0, 0xffff, [])],
    ['codes that do not exist', written(head(30, 0, 0))],
    ['codes that do not exist', written(head(0, 30, 0))],
    ['it ends too early', written(head(29, 29, 0), [])],
    [
      'it ends too early',
      written(
        [
          [1, 1],
          [2, 2],
          [0, 5],
          [0, 5],
        ],
        [],
      ),
    ],
    [
      'a code that is none',
      written(block({ literals: plain, distances: [1], symbols: [], header: lengthsOfLengths.map(() => 5) })),
    ],
    [
      'a code that is none',
      written(block({ literals: plain, distances: [1], symbols: [], header: lengthsOfLengths.map(() => 1) })),
    ],
    ['a code that is none', written(block({ literals: sparse(257, { 97: 1, 98: 1, 256: 1 }), distances: [1], symbols: [] }))],
    ['a code that is none', written(block({ literals: sparse(257, { 97: 2, 256: 2 }), distances: [1], symbols: [] }))],
    ['a code that is none', written(block({ literals: plain, distances: [2, 2], symbols: [] }))],
    ['a code that is none', written(block({ literals: plain, distances: [1, 1, 1], symbols: [] }))],
    ['a code that is none', written(block({ literals: plain, distances: [2], symbols: [] }))],
    [undefined, written(block({ literals: plain, distances: [0], symbols: [256] }))],
    [undefined, written(block({ literals: sparse(257, { 256: 1 }), distances: [0], symbols: [256] }))],
    ['a code that is none', written(block({ literals: sparse(257, { 256: 2 }), distances: [0], symbols: [256] }))],
    ['a block without an end', written(block({ literals: sparse(257, { 97: 1, 98: 1 }), distances: [1], symbols: [] }))],
    ['it ends too early, or is no code', written(block({ literals: plain, distances: [1], symbols: [97] }), [])],
    ['it ends too early', written(whole, [0, 0, 0])],
    ['it ends too early', written(whole, [0])],
    ['bytes after its end', written(whole, [0, 0, 0, 1, 0])],
    [
      'a length that does not exist',
      written(
        [
          [1, 1],
          [1, 2],
          [0b01100011, 8],
          [0b01100011, 8],
        ],
        [],
      ),
    ],
  ])('%s', (fault, bytes) => {
    expect(count(bytes).fault).toBe(fault);
    expectSame(bytes);
  });

  it('in the repetitions of code lengths', () => {
    const codes = codesOf(lengthsOfLengths);
    const lengths = (...fields: Bits): Buffer =>
      written([...head(0, 0, 15), ...order.map((symbol) => [lengthsOfLengths[symbol], 3] as const), ...fields]);
    expect(count(lengths(codes[16], [0, 2])).fault).toBe('a repetition of nothing');
    // 97 zeros, a 1, 158 zeros, and 1 twice: a literal and the end, and a distance.
    const zeros = (count: number): Bits => [codes[18], [count - 11, 7]];
    const fits: Bits = [...zeros(97), codes[1], ...zeros(138), ...zeros(20), codes[1], codes[1], codesOf(plain)[256]];
    expect(count(lengths(...fits))).toEqual({ inflatedBytes: 0 });
    expectSame(lengths(...fits), 0);
    const threeMore: Bits = [...zeros(97), codes[1], ...zeros(138), ...zeros(20), codes[1], codes[16], [0, 2]];
    expect(count(lengths(...threeMore)).fault).toBe('more code lengths than codes');
    expectSame(lengths(...threeMore));
    // A repetition of the length before it, over the end of the literals.
    const across: Bits = [...zeros(97), codes[1], ...zeros(138), ...zeros(18), codes[3], codes[16], [0, 2]];
    expectSame(lengths(...across));
  });
});
