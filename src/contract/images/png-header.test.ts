// Every chunk of a PNG at its edge: what it may say, and the exact reason when it may not.
import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { animation, type PngParts, png, pngChunk } from '../../../tests/security/images/make-images.ts';
import { readPngHeader } from './png-header.ts';
import { pngPixelProblem } from './png-pixels.ts';

const zeros = (length: number) => Buffer.alloc(length);
const palette = (entries: number) => pngChunk('PLTE', zeros(3 * entries));
const transparency = (length: number) => pngChunk('tRNS', zeros(length));
const { control, frame, data } = animation;
const pixels = deflateSync(zeros(39));
const text = (type: string, content: string) => pngChunk(type, Buffer.from(content, 'latin1'));
const packed = (type: string, before: string, length: number) =>
  pngChunk(type, Buffer.concat([Buffer.from(before, 'latin1'), deflateSync(zeros(length))]));
const indexed = (depth: number, entries: number): PngParts => ({ colourType: 3, depth, before: [palette(entries)] });

describe('readPngHeader() reads', () => {
  it.each<[string, PngParts, object]>([
    ['colours', {}, { width: 4, height: 3, channels: 3, bitDepth: 8, frames: 1, metadataBytes: 0, trailingBytes: 0 }],
    ['grey of 1 bit', { colourType: 0, depth: 1 }, { channels: 1, bitDepth: 1 }],
    ['grey and alpha of 16 bits', { colourType: 4, depth: 16 }, { channels: 2, bitDepth: 16 }],
    ['colours and alpha', { colourType: 6 }, { channels: 4 }],
    ['interlacing', { interlace: 1 }, { width: 4 }],
    ['the largest palette', indexed(8, 256), { channels: 3, bitDepth: 8 }],
    ['a palette of as many entries as indices', indexed(2, 4), { channels: 3, bitDepth: 8 }],
    ['a palette for an image of colours', { before: [palette(256)] }, { channels: 3 }],
    ['a transparent index', { colourType: 3, before: [palette(2), transparency(1)] }, { channels: 4 }],
    ['256 of them', { colourType: 3, before: [palette(256), transparency(256)] }, { channels: 4 }],
    ['a transparent grey', { colourType: 0, before: [transparency(2)] }, { channels: 1 }],
    ['a transparent colour', { before: [transparency(6)] }, { channels: 3 }],
    ['words', { before: [text('tEXt', 'a\0b')] }, { metadataBytes: 15 }],
    ['words behind the pixels', { after: [text('tEXt', 'a\0b')] }, { metadataBytes: 15 }],
    [
      'words that inflate',
      { before: [packed('zTXt', 'k\0\0', 5000)] },
      { metadataBytes: 12 + 3 + deflateSync(zeros(5000)).length + 5000 },
    ],
    ['a profile', { before: [packed('iCCP', 'k\0\0', 700)] }, { metadataBytes: 12 + 3 + deflateSync(zeros(700)).length + 700 }],
    ['international words', { before: [text('iTXt', 'k\0\0\0en\0key\0text')] }, { metadataBytes: 12 + 15 }],
    [
      'international words that inflate',
      { before: [packed('iTXt', 'k\0\x01\0en\0key\0', 900)] },
      { metadataBytes: 12 + 11 + deflateSync(zeros(900)).length + 900 },
    ],
    ['international words without anything', { before: [text('iTXt', 'k')] }, { metadataBytes: 13 }],
    ['a chunk that nobody knows', { before: [text('abCd', 'xyz')] }, { metadataBytes: 15 }],
    [
      'an animation whose first picture is the image',
      { before: [control(2), frame(0, 4, 3)], after: [frame(1, 4, 3), data(2, pixels)] },
      { frames: 2 },
    ],
    ['an animation beside the image', { before: [control(1)], after: [frame(0, 4, 3), data(1, pixels)] }, { frames: 1 }],
    [
      'a picture in two chunks',
      { before: [control(1)], after: [frame(0, 4, 3), data(1, pixels.subarray(0, 4)), data(2, pixels.subarray(4))] },
      { frames: 1 },
    ],
    [
      'a small picture in the last corner',
      { before: [control(1)], after: [frame(0, 1, 1, 3, 2), data(1, deflateSync(zeros(4)))] },
      { frames: 1 },
    ],
  ])('%s', (_name, parts, expected) => {
    const { header, problem } = readPngHeader(png(parts));
    expect(problem).toBeUndefined();
    expect(header).toMatchObject({ format: 'png', scans: 1, ...expected });
    expect(header !== undefined && 'badChecksum' in header).toBe(false);
  });
});

describe('readPngHeader() refuses', () => {
  const chunks = 'chunks as the PNG specification has them';
  const sizes = 'a size from 1 × 1 to 2147483647 × 2147483647';
  const kinds = 'a colour type and a bit depth that go together';
  const methods = 'compression 0, filter 0 and interlacing 0 or 1';
  const one = [pngChunk('IDAT', pixels)];
  const header = (at: number, value: number) => {
    const bytes = Buffer.from(png());
    bytes[16 + at] = value;
    return bytes;
  };
  it.each<[string, PngParts | Buffer, expected: string, got: string]>([
    [
      'another chunk first',
      Buffer.concat([png().subarray(0, 8), text('tEXt', 'a'), png().subarray(8)]),
      'IHDR with 13 bytes first',
      'something else',
    ],
    [
      'a header of 12 bytes',
      Buffer.concat([png().subarray(0, 8), pngChunk('IHDR', zeros(12)), png().subarray(33)]),
      'IHDR with 13 bytes first',
      'something else',
    ],
    ['no width', { width: 0, data: one }, sizes, '0 × 3'],
    ['no height', { height: 0, data: one }, sizes, '4 × 0'],
    ['too wide', { width: 2 ** 31, data: one }, sizes, '2147483648 × 3'],
    ['too high', { height: 2 ** 31, data: one }, sizes, '4 × 2147483648'],
    ['1 bit of colour', { depth: 1, data: one }, kinds, 'colour type 2 with 1 bits'],
    ['16 bits of indices', { colourType: 3, depth: 16, data: one }, kinds, 'colour type 3 with 16 bits'],
    ['a colour type that does not exist', { colourType: 5, data: one }, kinds, 'colour type 5 with 8 bits'],
    ['another compression', header(10, 1), methods, '1, 0 and 0'],
    ['another filter', header(11, 1), methods, '0, 1 and 0'],
    ['interlacing 2', header(12, 2), methods, '0, 0 and 2'],
    ['a palette for grey', { colourType: 0, before: [palette(1)] }, chunks, 'PLTE where none may be at 33'],
    ['a palette for grey and alpha', { colourType: 4, before: [palette(1)] }, chunks, 'PLTE where none may be at 33'],
    ['two palettes', { before: [palette(1), palette(1)] }, chunks, 'PLTE where none may be at 48'],
    ['a palette behind the transparency', { before: [transparency(6), palette(1)] }, chunks, 'PLTE where none may be at 51'],
    ['an empty palette', { before: [palette(0)] }, chunks, 'PLTE with 0 bytes at 33'],
    ['a third of an entry', { before: [pngChunk('PLTE', zeros(4))] }, chunks, 'PLTE with 4 bytes at 33'],
    ['257 entries', { before: [palette(257)] }, chunks, 'PLTE with 771 bytes at 33'],
    ['more entries than indices', indexed(2, 5), chunks, 'PLTE with 15 bytes at 33'],
    ['indices without a palette', { colourType: 3 }, chunks, 'IDAT without PLTE at 33'],
    [
      'transparent indices before the palette',
      { colourType: 3, before: [transparency(1), palette(1)] },
      chunks,
      'tRNS before PLTE at 33',
    ],
    ['transparency twice', { before: [transparency(6), transparency(6)] }, chunks, 'tRNS where none may be at 51'],
    ['transparency beside alpha', { colourType: 6, before: [transparency(8)] }, chunks, 'tRNS where none may be at 33'],
    [
      'transparency behind the pixels',
      { data: one, after: [transparency(6)] },
      chunks,
      `tRNS where none may be at ${33 + one[0].length}`,
    ],
    ['no transparent index', { colourType: 3, before: [palette(1), transparency(0)] }, chunks, 'tRNS with 0 bytes at 48'],
    ['257 transparent indices', { colourType: 3, before: [palette(1), transparency(257)] }, chunks, 'tRNS with 257 bytes at 48'],
    ['a transparent grey of 3 bytes', { colourType: 0, before: [transparency(3)] }, chunks, 'tRNS with 3 bytes at 33'],
    ['a transparent colour of 2 bytes', { before: [transparency(2)] }, chunks, 'tRNS with 2 bytes at 33'],
    ['a second header', { before: [pngChunk('IHDR', zeros(13))] }, chunks, 'a second IHDR at 33'],
    [
      'pixels in two places',
      { data: [one[0], text('tEXt', 'a'), one[0]] },
      chunks,
      `IDAT chunks that do not follow each other at ${33 + one[0].length + 13}`,
    ],
    ['a critical chunk that nobody knows', { before: [text('ABCD', '')] }, chunks, 'a chunk that is not known at 33'],
    ['a chunk with a reserved name', { before: [text('abcd', '')] }, chunks, 'a chunk that is not known at 33'],
    ['words that do not inflate', { before: [text('zTXt', 'k\0\0no')] }, chunks, 'zTXt that does not inflate at 33'],
    ['a profile without its stream', { before: [text('iCCP', 'k')] }, chunks, 'iCCP that does not inflate at 33'],
    [
      'international words that do not inflate',
      { before: [text('iTXt', 'k\0\x01\0en\0key\0no')] },
      chunks,
      'iTXt that does not inflate at 33',
    ],
    ['no pixels', { data: [] }, 'pixel data (IDAT)', 'none'],
    ['an end with data', Buffer.concat([png().subarray(0, -12), pngChunk('IEND', zeros(1))]), 'IEND without data', '1 bytes'],
    ['no end', png().subarray(0, -12), 'whole chunks up to IEND', 'an end before it'],
    ['half an end', png().subarray(0, -1), 'whole chunks up to IEND', 'an end before it'],
    [
      'a chunk whose name is no word',
      Buffer.concat([png().subarray(0, -12), pngChunk('a1Cd'), pngChunk('IEND')]),
      'whole chunks up to IEND',
      'an end before it',
    ],
  ])('%s', (_name, parts, expected, got) => {
    expect(readPngHeader(Buffer.isBuffer(parts) ? parts : png(parts)).problem).toEqual({
      rule: 'image.structure',
      expected,
      got,
    });
  });

  const afterPixels = 33 + 20 + one[0].length;
  it.each<[string, PngParts, string]>([
    ['two counts', { before: [control(1), control(1)] }, 'acTL where none may be at 53'],
    ['a count behind the pixels', { data: one, after: [control(1)] }, `acTL where none may be at ${33 + one[0].length}`],
    ['a count of 7 bytes', { before: [pngChunk('acTL', zeros(7))] }, 'acTL where none may be at 33'],
    ['no frames', { before: [control(0)] }, 'acTL with no frames at 33'],
    ['a frame without a count', { before: [frame(0, 4, 3)] }, 'fcTL without acTL at 33'],
    ['data without a count', { after: [data(0, pixels)], data: one }, `fdAT without acTL at ${33 + one[0].length}`],
    ['a frame with a wrong number', { before: [control(1), frame(1, 4, 3)] }, 'fcTL with a wrong number at 53'],
    [
      'data with a wrong number',
      { before: [control(1)], data: one, after: [frame(0, 4, 3), data(2, pixels)] },
      `fdAT with a wrong number at ${afterPixels + 38}`,
    ],
    [
      'data without a number',
      { before: [control(1)], data: one, after: [frame(0, 4, 3), pngChunk('fdAT', zeros(3))] },
      `fdAT with a wrong number at ${afterPixels + 38}`,
    ],
    ['data before the pixels', { before: [control(1), frame(0, 4, 3), data(1, pixels)] }, 'fdAT without fcTL at 91'],
    [
      'data without a frame',
      { before: [control(1)], data: one, after: [data(0, pixels)] },
      `fdAT without fcTL at ${afterPixels}`,
    ],
    [
      'data behind the image’s own',
      { before: [control(2), frame(0, 4, 3)], data: one, after: [data(1, pixels)] },
      `fdAT without fcTL at ${afterPixels + 38}`,
    ],
    ['a frame of 25 bytes', { before: [control(1), pngChunk('fcTL', zeros(25))] }, 'fcTL where none may be at 53'],
    ['two frames without data', { before: [control(2), frame(0, 4, 3), frame(1, 4, 3)] }, 'fcTL where none may be at 91'],
    ['an image that is a part of itself', { before: [control(1), frame(0, 3, 3)] }, 'a frame of 3 × 3 at 0, 0 at 53'],
    ['an image that is lower than itself', { before: [control(1), frame(0, 4, 2)] }, 'a frame of 4 × 2 at 0, 0 at 53'],
    [
      'a picture without width',
      { before: [control(1)], data: one, after: [frame(0, 0, 3)] },
      `a frame of 0 × 3 at 0, 0 at ${afterPixels}`,
    ],
    [
      'a picture without height',
      { before: [control(1)], data: one, after: [frame(0, 4, 0)] },
      `a frame of 4 × 0 at 0, 0 at ${afterPixels}`,
    ],
    [
      'a picture too far right',
      { before: [control(1)], data: one, after: [frame(0, 2, 1, 3, 0)] },
      `a frame of 2 × 1 at 3, 0 at ${afterPixels}`,
    ],
    [
      'a picture too far down',
      { before: [control(1)], data: one, after: [frame(0, 1, 2, 0, 2)] },
      `a frame of 1 × 2 at 0, 2 at ${afterPixels}`,
    ],
  ])('an animation with %s', (_name, parts, got) => {
    expect(readPngHeader(png(parts)).problem).toMatchObject({ expected: chunks, got });
  });

  it('an animation of another length than it says', () => {
    expect(readPngHeader(png({ before: [control(2), frame(0, 4, 3)] })).problem).toMatchObject({
      expected: '2 frames, as acTL says',
      got: '1',
    });
    expect(readPngHeader(png({ before: [control(1)], after: [frame(0, 4, 3)] })).problem).toMatchObject({ got: '1' });
    expect(readPngHeader(png({ before: [control(1)] })).problem).toMatchObject({ got: '0' });
  });

  it('no wrong checksum, but tells the first one', () => {
    const bytes = Buffer.from(png({ before: [text('tEXt', 'a\0b')] }));
    bytes[33 + 12 + 2] ^= 1;
    expect(readPngHeader(bytes).header).toMatchObject({ badChecksum: 'tEXt at 33' });
    bytes[29] ^= 1;
    expect(readPngHeader(bytes).header).toMatchObject({ badChecksum: 'IHDR at 8' });
    const end = Buffer.from(png());
    end[end.length - 1] ^= 1;
    expect(readPngHeader(end).header?.badChecksum).toMatch(/^IEND at /);
  });
});

describe('pngPixelProblem()', () => {
  const of = (parts: PngParts) => pngPixelProblem(png(parts));
  const stream = (length: number) => pngChunk('IDAT', deflateSync(zeros(length)));
  it('says how many bytes there are and how many there should be', () => {
    expect(of({})).toBeUndefined();
    const [few, many] = [of({ data: [stream(38)] }), of({ data: [stream(40)] })];
    expect(few).toMatchObject({ rule: 'image.inflatedSize', got: '38' });
    expect(many?.got).toBe('more');
    expect(few?.expected).toContain('39');
    expect(few?.expected).toContain('pixel data');
    expect(few?.expected).not.toContain('picture');
    const cut = deflateSync(zeros(39)).subarray(0, -5);
    expect(of({ data: [pngChunk('IDAT', cut)] })?.got).toMatch(/^\d+, then it ends too early/);
  });

  it('counts the passes of an interlaced image, each with its own rows', () => {
    // 4 × 3 pixels of 3 bytes in the passes 1, 4, 5, 6 and 7 (the others are empty).
    const bytes = 1 * (1 + 3) + 1 * (1 + 3) + 1 * (1 + 6) + 2 * (1 + 6) + 1 * (1 + 12);
    expect(of({ interlace: 1, data: [stream(bytes)] })).toBeUndefined();
    expect(of({ interlace: 1, data: [stream(bytes + 1)] })?.got).toBe('more');
    expect(of({ interlace: 1, data: [stream(bytes - 1)] })?.got).toBe(`${bytes - 1}`);
    expect(of({ width: 1, height: 1, interlace: 1, data: [stream(4)] })).toBeUndefined();
  });

  it('looks at every picture of an animation, and names it', () => {
    const parts = (length: number): PngParts => ({
      before: [control(2), frame(0, 4, 3)],
      after: [frame(1, 2, 1), data(2, deflateSync(zeros(length)))],
    });
    expect(of(parts(7))).toBeUndefined();
    expect(of(parts(8))?.expected).toContain('pixel data of picture 2');
    expect(of(parts(6))?.got).toBe('6');
  });
});
