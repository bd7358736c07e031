// Every field of a BMP's header, at its edge: what it may say, and the exact reason when it may not.
import { describe, expect, it } from 'vitest';
import { readBmpHeader, readBmpLayout } from './bmp-header.ts';

interface Parts {
  readonly headerBytes?: number;
  readonly width?: number;
  readonly height?: number;
  readonly planes?: number;
  readonly bits?: number;
  readonly compression?: number;
  readonly colours?: number;
  readonly fileBytes?: number;
  /** What stands between the header and the pixels. */
  readonly between?: readonly number[];
  readonly pixelsStart?: number;
  readonly pixelBytes?: number;
}

function bmp(parts: Parts = {}): Buffer {
  const { headerBytes = 40, width = 2, height = 2, planes = 1, bits = 24, compression = 0, colours = 0, between = [] } = parts;
  const start = parts.pixelsStart ?? 14 + headerBytes + between.length;
  const { pixelBytes = Math.ceil((width * bits) / 32) * 4 * Math.abs(height) } = parts;
  const bytes = Buffer.alloc(Math.max(14 + headerBytes + between.length, start) + pixelBytes);
  bytes.write('BM');
  bytes.writeUInt32LE(parts.fileBytes ?? bytes.length, 2);
  bytes.writeUInt32LE(start, 10);
  bytes.writeUInt32LE(headerBytes, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(height, 22);
  bytes.writeUInt16LE(planes, 26);
  bytes.writeUInt16LE(bits, 28);
  bytes.writeUInt32LE(compression, 30);
  bytes.writeUInt32LE(colours, 46);
  bytes.set(between, 14 + headerBytes);
  return bytes;
}

const words = (...values: number[]): number[] => [
  ...Buffer.concat(
    values.map((value) => {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(value);
      return bytes;
    }),
  ),
];
const usual = [0xff0000, 0xff00, 0xff];
const greys = (count: number): number[] => Array.from({ length: count * 4 }, (_, at) => (at % 4 === 3 ? 0 : Math.floor(at / 4)));
const withByte = (bytes: readonly number[], at: number, value: number): number[] =>
  bytes.map((byte, index) => (index === at ? value : byte));

describe('readBmpLayout() reads', () => {
  it.each<[string, Parts, object]>([
    [
      'a plain one',
      {},
      {
        width: 2,
        height: 2,
        isTopDown: false,
        bitsPerPixel: 24,
        pixelsStart: 54,
        rowBytes: 8,
        pixelsEnd: 70,
        palette: { start: 54, entries: 0 },
      },
    ],
    ['one of a pixel', { width: 1, height: 1 }, { width: 1, height: 1, rowBytes: 4, pixelsEnd: 58 }],
    ['one from the top', { height: -2 }, { height: 2, isTopDown: true }],
    ['each size of header: 52', { headerBytes: 52 }, { pixelsStart: 66 }],
    ['each size of header: 56', { headerBytes: 56 }, { pixelsStart: 70 }],
    ['each size of header: 108', { headerBytes: 108 }, { pixelsStart: 122 }],
    ['each size of header: 124', { headerBytes: 124 }, { pixelsStart: 138 }],
    ['32 bits', { bits: 32 }, { bitsPerPixel: 32, rowBytes: 8 }],
    [
      'masks behind a header of 40 bytes',
      { bits: 32, compression: 3, between: words(...usual) },
      { pixelsStart: 66, palette: { start: 66, entries: 0 } },
    ],
    ['masks with alpha', { bits: 32, compression: 6, between: words(...usual, 0xff000000) }, { palette: { start: 70 } }],
    ['masks without any alpha', { bits: 32, compression: 6, between: words(...usual, 0) }, { palette: { start: 70 } }],
    ['a whole palette by default', { bits: 8, between: greys(256) }, { palette: { start: 54, entries: 256 }, pixelsStart: 1078 }],
    ['a palette of 256', { bits: 8, colours: 256, between: greys(256) }, { palette: { entries: 256 } }],
    ['a small palette', { bits: 8, colours: 3, between: greys(3) }, { palette: { start: 54, entries: 3 }, pixelsStart: 66 }],
    ['colours that nobody uses', { colours: 2, between: greys(2) }, { palette: { entries: 0 }, pixelsStart: 62 }],
    ['a file that does not say its size', { fileBytes: 0 }, { pixelsEnd: 70 }],
    ['a file that says where its pixels end', { fileBytes: 70, pixelBytes: 20 }, { pixelsEnd: 70 }],
  ])('%s', (_name, parts, expected) => {
    expect(readBmpLayout(bmp(parts))).toMatchObject(expected);
  });
});

describe('readBmpLayout() refuses', () => {
  const headers = 'a header of 40, 52, 56, 108 or 124 bytes';
  it.each<[string, Buffer, expected: string, got: string]>([
    ['what is shorter than any header', bmp().subarray(0, 17), headers, '0'],
    ['the header of OS/2, which TensorFlow reads as if it were another', bmp({ headerBytes: 12, pixelBytes: 99 }), headers, '12'],
    ['another header', bmp({ headerBytes: 64 }), headers, '64'],
    ['half a header', bmp().subarray(0, 53), 'a whole header', '53 bytes'],
    ['no width', bmp({ width: 0 }), 'a size from 1 × 1', '0 × 2'],
    ['a negative width', bmp({ width: -2, pixelBytes: 16 }), 'a size from 1 × 1', '-2 × 2'],
    ['no height', bmp({ height: 0 }), 'a size from 1 × 1', '2 × 0'],
    ['two planes', bmp({ planes: 2 }), '1 plane', '2'],
    ['no plane', bmp({ planes: 0 }), '1 plane', '0'],
    ['1 bit', bmp({ bits: 1 }), '8, 24 or 32 bits per pixel', '1'],
    ['runs', bmp({ bits: 8, compression: 1, between: greys(256) }), 'no compression', 'runs of 8 bits'],
    ['a JPEG', bmp({ compression: 4 }), 'no compression', 'JPEG'],
    ['a compression that nobody knows', bmp({ compression: 99 }), 'no compression', '99'],
    ['masks for 24 bits', bmp({ compression: 3, between: words(...usual) }), 'no compression', 'bit fields'],
    [
      'red where blue is',
      bmp({ bits: 32, compression: 3, between: words(0xff, 0xff00, 0xff0000) }),
      '8 bits of each colour in the usual order',
      'other masks',
    ],
    [
      'another green',
      bmp({ bits: 32, compression: 3, between: words(0xff0000, 0xff01, 0xff) }),
      '8 bits of each colour in the usual order',
      'other masks',
    ],
    [
      'another blue',
      bmp({ bits: 32, compression: 3, between: words(0xff0000, 0xff00, 0x7f) }),
      '8 bits of each colour in the usual order',
      'other masks',
    ],
    [
      'another alpha',
      bmp({ bits: 32, compression: 6, between: words(...usual, 0xff) }),
      '8 bits of each colour in the usual order',
      'other masks',
    ],
    [
      'masks that are cut off',
      bmp({ bits: 32, compression: 3, between: words(...usual) }).subarray(0, 69),
      '8 bits of each colour in the usual order',
      'other masks',
    ],
    [
      'pixels in the masks',
      bmp({ bits: 32, compression: 3, between: words(...usual), pixelsStart: 65 }),
      'pixels from 66',
      'from 65',
    ],
    ['257 colours', bmp({ bits: 8, colours: 257, between: greys(257) }), 'at most 256 colours', '257'],
    ['pixels in the palette', bmp({ bits: 8, between: greys(256), pixelsStart: 1077 }), 'pixels from 1078', 'from 1077'],
    ['pixels in a small palette', bmp({ bits: 8, colours: 3, between: greys(3), pixelsStart: 65 }), 'pixels from 66', 'from 65'],
    ['a pixel too few', bmp({ pixelBytes: 15 }), '70 bytes for 2 × 2 pixels', '69'],
    ['a size that ends in the pixels', bmp({ fileBytes: 69 }), 'a size in the header from 70 to 70', '69'],
    ['a size beyond the file', bmp({ fileBytes: 71 }), 'a size in the header from 70 to 70', '71'],
  ])('%s', (_name, bytes, expected, got) => {
    expect(readBmpLayout(bytes)).toEqual({ expected, got });
    expect(readBmpHeader(bytes).problem).toMatchObject({ rule: 'image.structure', expected, got });
  });
});

describe('readBmpHeader()', () => {
  it('counts indices as one channel, as TensorFlow does, which become three when they are made anew, unless each entry is grey', () => {
    const channels = (between: readonly number[], colours = 256) => {
      const { header } = readBmpHeader(bmp({ bits: 8, colours, between }));
      expect(header).toMatchObject({ channels: 1, decodedBytes: 4 });
      return header?.channelsAnew ?? header?.channels;
    };
    expect(channels(greys(256))).toBe(1);
    // The fourth byte of an entry is no colour.
    expect(channels(withByte(greys(256), 3, 9))).toBe(1);
    for (const at of [0, 1, 2, 4, 1020, 1021, 1022]) expect(channels(withByte(greys(256), at, 99))).toBe(3);
    expect(channels([...greys(3), 1, 2, 3], 3)).toBe(1);
    expect(readBmpHeader(bmp({ bits: 32 })).header).toMatchObject({ channels: 4 });
    expect(readBmpHeader(bmp({ bits: 32 })).header).not.toHaveProperty('channelsAnew');
  });

  it('counts what is neither header, palette nor pixels', () => {
    const sizes = (parts: Parts) => {
      const { header } = readBmpHeader(bmp(parts));
      return [header?.metadataBytes, header?.trailingBytes];
    };
    expect(sizes({})).toEqual([0, 0]);
    expect(sizes({ bits: 8, colours: 3, between: [...greys(3), 7, 7] })).toEqual([2, 0]);
    expect(sizes({ pixelsStart: 60 })).toEqual([6, 0]);
    expect(sizes({ pixelBytes: 21 })).toEqual([0, 5]);
  });
});
