// Every block of a GIF at its edge: what it may say, and the exact reason when it may not.
import { describe, expect, it } from 'vitest';
import { readGifHeader } from './gif-header.ts';
import { readImageHeader } from './read-image-header.ts';

const u16 = (...values: number[]): number[] => values.flatMap((value) => [value & 255, value >> 8]);
const head = (width = 4, height = 3, flags = 0): number[] => [...Buffer.from('GIF89a'), ...u16(width, height), flags, 0, 0];
interface Frame {
  readonly box?: readonly [x: number, y: number, width: number, height: number];
  readonly flags?: number;
  readonly table?: number;
  readonly codeBits?: number;
  readonly blocks?: readonly number[];
}
const frame = ({ box = [0, 0, 4, 3], flags = 0, table = 0, codeBits = 2, blocks = [2, 0x4c, 0x01, 0] }: Frame = {}): number[] => [
  0x2c,
  ...u16(...box),
  flags,
  ...new Array<number>(table).fill(7),
  codeBits,
  ...blocks,
];
const extension = (label: number, text: string): number[] => [0x21, label, text.length, ...Buffer.from(text), 0];
const control = [0x21, 0xf9, 4, 0, 0, 0, 0, 0];
const loop = [0x21, 0xff, 11, ...Buffer.from('NETSCAPE2.0'), 3, 1, 0, 0, 0];
const end = [0x3b];
const read = (...parts: readonly number[][]) => readGifHeader(Buffer.from(parts.flat()));

describe('readGifHeader() reads', () => {
  it.each<[string, number[][], object]>([
    [
      'one frame',
      [head(), frame(), end],
      { width: 4, height: 3, frames: 1, decodedBytes: 36, metadataBytes: 0, trailingBytes: 0 },
    ],
    ['a size of two bytes', [head(300, 513), frame(), end], { width: 300, height: 513 }],
    [
      'colour tables',
      [head(4, 3, 0x81), new Array(12).fill(9), frame({ flags: 0x80, table: 6 }), end],
      { frames: 1, metadataBytes: 0 },
    ],
    ['the largest table', [head(4, 3, 0x87), new Array(768).fill(0x3b), frame(), end], { frames: 1, trailingBytes: 0 }],
    ['a frame in a corner', [head(), frame({ box: [3, 2, 1, 1] }), end], { frames: 1 }],
    ['codes of 8 bits', [head(), frame({ codeBits: 8 }), end], { frames: 1 }],
    ['data without a block', [head(), frame({ blocks: [0] }), end], { frames: 1 }],
    ['a control before its frame', [head(), control, frame(), end], { frames: 1, metadataBytes: 0 }],
    ['a control before each frame', [head(), control, frame(), control, frame(), end], { frames: 2, metadataBytes: 0 }],
    ['a control that no frame uses', [head(), frame(), control, end], { metadataBytes: 8 }],
    ['two controls for one frame', [head(), control, control, frame(), end], { metadataBytes: 8 }],
    ['a control and words between', [head(), control, extension(0xfe, 'abc'), frame(), end], { metadataBytes: 7 }],
    ['how often it repeats', [head(), loop, frame(), end], { metadataBytes: 0 }],
    ['an application that is not Netscape', [head(), loop.with(3, 0x4d), frame(), end], { metadataBytes: 19 }],
    ['Netscape’s name with more behind it', [head(), [...loop.slice(0, -1), 1, 0, 0], frame(), end], { metadataBytes: 21 }],
    ['Netscape’s name in a comment', [head(), loop.with(1, 0xfe), frame(), end], { metadataBytes: 19 }],
    ['text of many blocks', [head(), [0x21, 0x01, 1, 5, 2, 5, 5, 0], frame(), end], { metadataBytes: 8 }],
    ['bytes behind it', [head(), frame(), end, [1, 2, 3]], { trailingBytes: 3 }],
  ])('%s', (_name, parts, expected) => {
    expect(read(...parts).header).toMatchObject({ format: 'gif', channels: 3, bitDepth: 8, scans: 1, ...expected });
    expect(readImageHeader(Buffer.from(parts.flat())).header).toMatchObject(expected);
  });
});

describe('readGifHeader() refuses', () => {
  const frames = 'frames that can be decoded';
  const blocks = 'blocks up to the trailer';
  it.each<[string, number[][], expected: string, got: string]>([
    ['half a header', [head().slice(0, 12)], 'a header of 13 bytes', '12 bytes'],
    ['no width', [head(0, 3), frame(), end], 'a size from 1 × 1', '0 × 3'],
    ['no height', [head(4, 0), frame(), end], 'a size from 1 × 1', '4 × 0'],
    ['nothing but a header', [head()], blocks, 'no trailer in 13 bytes'],
    ['no frame', [head(), end], 'at least one frame', 'none'],
    ['no trailer', [head(), frame()], blocks, 'no trailer in 28 bytes'],
    ['a table that is cut off', [head(4, 3, 0x80), [1, 2, 3]], blocks, 'no trailer in 16 bytes'],
    ['a block that is none', [head(), [0x55], frame(), end], 'frames and extensions', 'a block 85 at 13'],
    ['a comment that does not end', [head(), extension(0xfe, 'abc').slice(0, -1)], blocks, 'no trailer in 19 bytes'],
    ['an extension without anything', [head(), [0x21]], blocks, 'no trailer in 14 bytes'],
    ['a frame’s head that is cut off', [head(), frame().slice(0, 9)], frames, 'a frame that is not whole at 13'],
    ['a frame without data', [head(), frame().slice(0, 10)], frames, 'a frame that is not whole at 13'],
    ['a frame that does not end', [head(), frame().slice(0, -1)], frames, 'a frame that is not whole at 13'],
    ['a frame whose table is cut off', [head(), frame({ flags: 0x80 })], frames, 'a frame that is not whole at 13'],
    [
      'a frame without width',
      [head(), frame({ box: [0, 0, 0, 3] }), end],
      frames,
      'a frame of 0 × 3 at 0, 0 on a canvas of 4 × 3 at 13',
    ],
    [
      'a frame without height',
      [head(), frame({ box: [0, 0, 4, 0] }), end],
      frames,
      'a frame of 4 × 0 at 0, 0 on a canvas of 4 × 3 at 13',
    ],
    [
      'a frame too wide',
      [head(), frame({ box: [1, 0, 4, 3] }), end],
      frames,
      'a frame of 4 × 3 at 1, 0 on a canvas of 4 × 3 at 13',
    ],
    [
      'a frame too high',
      [head(), frame({ box: [0, 1, 4, 3] }), end],
      frames,
      'a frame of 4 × 3 at 0, 1 on a canvas of 4 × 3 at 13',
    ],
    ['codes of 1 bit', [head(), frame({ codeBits: 1 }), end], frames, 'codes of 1 bits at 13'],
    ['codes of 9 bits', [head(), frame({ codeBits: 9 }), end], frames, 'codes of 9 bits at 13'],
  ])('%s', (_name, parts, expected, got) => {
    expect(read(...parts).problem).toEqual({ rule: 'image.structure', expected, got });
  });
});
