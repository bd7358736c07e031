// Headers against what libvips reads in the same bytes, against the specifications case by case, and against bytes that nobody made.

import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import * as make from '../../../tests/security/images/make-images.ts';
import { pngPixelProblem } from './png-pixels.ts';
import { readImageHeader, sniffImageFormat } from './read-image-header.ts';

const { png, pngChunk, animation, gif, gifExtension, bmp, jpeg, jpegFrame, jpegScan, jpegSegment, riff, riffChunk } = make;

const made = fc.record({
  width: fc.integer({ min: 1, max: 70 }),
  height: fc.integer({ min: 1, max: 70 }),
  channels: fc.constantFrom(3 as const, 4 as const),
  format: fc.constantFrom('png', 'png16', 'palette', 'grey', 'jpeg', 'cmyk', 'gif', 'webp', 'lossless'),
  progressive: fc.boolean(),
  red: fc.nat(255),
});

type Made = typeof made extends fc.Arbitrary<infer Value> ? Value : never;

function encode({ width, height, channels, format, progressive, red }: Made): Promise<Buffer> {
  const image = sharp({ create: { width, height, channels, background: { r: red, g: 9, b: 200, alpha: 0.5 } } });
  switch (format) {
    case 'png':
      return image.png({ progressive }).toBuffer();
    case 'png16':
      return image.toColourspace('rgb16').png({ progressive }).toBuffer();
    case 'palette':
      return image.png({ palette: true, progressive }).toBuffer();
    case 'grey':
      return image.toColourspace('b-w').png({ progressive }).toBuffer();
    case 'jpeg':
      return image.jpeg({ progressive }).toBuffer();
    case 'cmyk':
      return image.toColourspace('cmyk').jpeg({ progressive }).toBuffer();
    case 'gif':
      return image.gif().toBuffer();
    default:
      return image.webp({ lossless: format === 'lossless' }).toBuffer();
  }
}

describe('readImageHeader', () => {
  it('reads what libvips reads in images of every format', async () => {
    await fc.assert(
      fc.asyncProperty(made, async (parts) => {
        const bytes = await encode(parts);
        const { header } = readImageHeader(bytes);
        const found = await sharp(bytes).metadata();
        expect(header).toMatchObject({
          format: found.format,
          width: found.width,
          height: found.height,
          frames: 1,
          trailingBytes: 0,
        });
        expect(header?.badChecksum).toBeUndefined();
        // A GIF's transparent colour is not a channel of its own.
        if (found.format !== 'gif') expect(header?.channels).toBe(found.channels);
        if (found.format === 'png') {
          expect(header?.bitDepth).toBe(found.depth === 'ushort' ? 16 : 8);
          expect(pngPixelProblem(bytes)).toBeUndefined();
        }
      }),
      { numRuns: 60 },
    );
  });

  it('counts the frames of animations', async () => {
    const frames = await Promise.all(
      [10, 90, 200].map((r) =>
        sharp({ create: { width: 8, height: 5, channels: 3, background: { r, g: 0, b: 0 } } })
          .png()
          .toBuffer(),
      ),
    );
    const animated = sharp(frames, { join: { animated: true } });
    for (const format of ['gif', 'webp'] as const) {
      const bytes = await animated.clone().toFormat(format).toBuffer();
      expect(readImageHeader(bytes).header).toMatchObject({
        format,
        width: 8,
        height: 5,
        frames: 3,
        decodedBytes: 8 * 5 * 3 * 3,
      });
    }
  });

  it('never throws on damaged bytes, and gives one of two answers', async () => {
    const seeds = await Promise.all(
      (['png', 'palette', 'jpeg', 'gif', 'webp', 'lossless'] as const).map((format) =>
        encode({ width: 9, height: 7, channels: 4, format, progressive: true, red: 3 }),
      ),
    );
    seeds.push(bmp(), riff('WEBP', [make.webpCanvas(4, 3, 2), make.webpFrame(4, 3)]));
    seeds.push(png({ before: [animation.control(1), animation.frame(0, 4, 3)] }));
    const hit = fc.tuple(fc.nat(), fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 127, 128, 255)));
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(hit, { maxLength: 6 }),
        fc.nat(),
        fc.boolean(),
        (seed, hits, cut, isCut) => {
          const bytes = Buffer.from(isCut ? seed.subarray(0, cut % (seed.length + 1)) : seed);
          for (const [place, value] of hits) if (bytes.length > 0) bytes[place % bytes.length] = value;
          const { header, problem } = readImageHeader(bytes);
          expect((header === undefined) !== (problem === undefined)).toBe(true);
          if (header === undefined) return;
          expect(Number.isFinite(header.decodedBytes) && header.decodedBytes > 0 && header.metadataBytes >= 0).toBe(true);
          expect(header.trailingBytes).toBeGreaterThanOrEqual(0);
          if (header.format === 'png') pngPixelProblem(bytes);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('takes the format from the first bytes and nothing else', () => {
    expect(readImageHeader(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>')).problem).toMatchObject({
      rule: 'image.format',
    });
    expect(readImageHeader(Buffer.alloc(0)).problem).toMatchObject({ rule: 'image.format' });
    expect(sniffImageFormat(Buffer.from('RIFF\0\0\0\0WAVE'))).toBeUndefined();
  });
});

const lacksEnd = (bytes: Buffer) => bytes.subarray(0, bytes.length - 1);
const text = (type: string, length: number) =>
  pngChunk(type, Buffer.concat([Buffer.from('k\0\0'), deflateSync(Buffer.alloc(length))]));
const palette = pngChunk('PLTE', Buffer.alloc(6));
const pixels = (length: number) => pngChunk('IDAT', deflateSync(Buffer.alloc(length)));
const whole = 3 * (4 * 3 + 1);
const parts = (bytes: Buffer) => [pngChunk('IDAT', bytes.subarray(0, 4)), pngChunk('IDAT', bytes.subarray(4))];
const frames = (count: number) => [animation.control(count), animation.frame(0, 4, 3)];

it.each<[string, Buffer, object]>([
  ['a PNG', png(), { format: 'png', width: 4, height: 3, channels: 3, bitDepth: 8, decodedBytes: 36, metadataBytes: 0 }],
  ['a PNG of 1 bit', png({ depth: 1, colourType: 0 }), { channels: 1, bitDepth: 1, decodedBytes: 12 }],
  ['a PNG of 16 bits', png({ depth: 16, colourType: 6 }), { channels: 4, bitDepth: 16, decodedBytes: 96 }],
  ['a PNG with a palette', png({ depth: 1, colourType: 3, before: [palette] }), { channels: 3, bitDepth: 8 }],
  [
    'one with transparency',
    png({ depth: 1, colourType: 3, before: [palette, pngChunk('tRNS', Buffer.alloc(2))] }),
    { channels: 4 },
  ],
  ['data in two chunks', png({ data: parts(deflateSync(Buffer.alloc(whole))) }), { frames: 1 }],
  ['bytes behind it', png({ tail: Buffer.from('PK\x03\x04') }), { trailingBytes: 4 }],
  [
    'text that inflates',
    png({ before: [text('zTXt', 5000)] }),
    { metadataBytes: expect.toSatisfy((n: number) => n > 5000 && n < 5100) },
  ],
  [
    'an animated PNG',
    png({ before: frames(2), after: [animation.frame(1, 4, 1), animation.data(2, deflateSync(Buffer.alloc(13)))] }),
    { frames: 2 },
  ],
  ['a wrong checksum', Buffer.from(png()).fill(0, 30, 31), { badChecksum: expect.stringMatching(/^IHDR at 8$/) }],
  ['a GIF', gif({ frames: 3 }), { format: 'gif', width: 4, height: 3, frames: 3, decodedBytes: 108, metadataBytes: 0 }],
  ['a GIF with a comment', gif({ before: gifExtension(0xfe, Buffer.from('hello')) }), { metadataBytes: 9 }],
  [
    'a GIF that repeats',
    gif({ before: gifExtension(0xff, Buffer.from('NETSCAPE2.0'), Buffer.from([1, 0, 0])) }),
    { metadataBytes: 0 },
  ],
  ['a BMP', bmp(), { format: 'bmp', width: 4, height: 3, channels: 3, decodedBytes: 36, metadataBytes: 0, trailingBytes: 0 }],
  ['a BMP from the top', bmp({ height: -3, bits: 32 }), { height: 3, channels: 4 }],
  ['a BMP with a grey palette', bmp({ bits: 8, pixelsStart: 54 + 1024 }), { channels: 1 }],
  ['a BMP with a gap', bmp({ pixelsStart: 1054 }), { metadataBytes: 1000 }],
  ['a BMP with a tail', bmp({ tail: Buffer.alloc(9) }), { trailingBytes: 9 }],
  ['a JPEG', jpeg(), { format: 'jpeg', width: 4, height: 3, channels: 3, bitDepth: 8, scans: 1, metadataBytes: 0 }],
  [
    'a JPEG of many scans',
    jpeg([jpegFrame(4, 3, { marker: 0xc2 }), ...new Array<Buffer>(50).fill(jpegScan(1, [1, 5]))]),
    { scans: 50 },
  ],
  ['a JPEG with EXIF', jpeg([jpegSegment(0xe1, Buffer.alloc(100)), jpegFrame(4, 3), jpegScan()]), { metadataBytes: 104 }],
  ['a JPEG and a zip', jpeg(undefined, Buffer.from('PK')), { trailingBytes: 2 }],
  ['a WebP', riff('WEBP', [make.webpLossless(4, 3)]), { format: 'webp', width: 4, height: 3, channels: 3, metadataBytes: 0 }],
  [
    'a WebP with EXIF',
    riff('WEBP', [make.webpCanvas(4, 3), make.webpLossless(4, 3), riffChunk('EXIF', Buffer.alloc(9))]),
    { metadataBytes: 18 },
  ],
  [
    'an animated WebP',
    riff('WEBP', [make.webpCanvas(9, 9, 2), make.webpFrame(4, 3), make.webpFrame(2, 2)]),
    { width: 9, frames: 2, decodedBytes: 486 },
  ],
  ['a WebP and more', riff('WEBP', [make.webpLossless(4, 3)], Buffer.from('tail')), { trailingBytes: 4 }],
])('reads %s', (_name, bytes, expected) => {
  expect(readImageHeader(bytes).problem).toBeUndefined();
  expect(readImageHeader(bytes).header).toMatchObject(expected);
});

it.each<[string, Buffer]>([
  ['a PNG of 0 × 3', png({ width: 0 })],
  ['a PNG wider than 2^31', png({ width: 2 ** 31, data: [pixels(1)] })],
  ['a PNG with 3 bits', png({ depth: 3, data: [pixels(whole)] })],
  ['a PNG with interlacing 2', png({ interlace: 2 })],
  ['a PNG without data', png({ data: [] })],
  ['a PNG without end', lacksEnd(png())],
  ['a palette that comes too late', png({ after: [palette] })],
  ['indices without a palette', png({ depth: 8, colourType: 3 })],
  ['a palette larger than the indices', png({ depth: 1, colourType: 3, before: [pngChunk('PLTE', Buffer.alloc(9))] })],
  ['a palette for greys', png({ colourType: 0, before: [palette] })],
  ['data in two places', png({ data: [pixels(whole), pngChunk('tEXt', Buffer.from('a\0b')), pixels(1)] })],
  ['a second header', png({ before: [pngChunk('IHDR', Buffer.alloc(13))] })],
  ['a critical chunk that nobody knows', png({ before: [pngChunk('ABCD')] })],
  ['text that is no zlib stream', png({ before: [pngChunk('zTXt', Buffer.from('k\0\0nonsense'))] })],
  [
    'more frames than declared',
    png({ before: frames(1), after: [animation.frame(1, 4, 1), animation.data(2, Buffer.alloc(3))] }),
  ],
  ['a frame outside', png({ before: frames(2), after: [animation.frame(1, 4, 1, 0, 3), animation.data(2, Buffer.alloc(3))] })],
  ['a frame without data', png({ before: frames(2), after: [animation.frame(1, 4, 1)] })],
  [
    'a frame with a wrong number',
    png({ before: frames(2), after: [animation.frame(7, 4, 1), animation.data(8, Buffer.alloc(3))] }),
  ],
  ['a GIF of 0 × 3', gif({ width: 0, frame: [0, 0, 0, 0] })],
  ['a GIF without frames', gif({ frames: 0 })],
  ['a GIF frame outside', gif({ frame: [1, 0, 4, 3] })],
  ['a GIF without trailer', lacksEnd(gif())],
  ['a GIF with garbage', gif({ before: Buffer.from([0x55]) })],
  ['a BMP of huge size in 54 bytes', bmp({ width: 30_000, height: 30_000, pixels: Buffer.alloc(0), fileBytes: 54 })],
  ['a BMP of negative width', bmp({ width: -4, pixels: Buffer.alloc(99) })],
  ['a BMP with runs', bmp({ bits: 8, compression: 1, pixelsStart: 1078 })],
  ['a BMP with a PNG in it', bmp({ compression: 5 })],
  ['a BMP of 16 bits', bmp({ bits: 16 })],
  ['a BMP whose pixels begin in its header', bmp({ pixelsStart: 20 })],
  ['a BMP whose pixels begin far away', bmp({ pixelsStart: 0xfffffff0 })],
  ['a BMP that claims to be larger', bmp({ fileBytes: 10_000 })],
  ['a BMP of too many colours', bmp({ bits: 8, colours: 70_000, pixelsStart: 1078 })],
  ['a JPEG without end', lacksEnd(jpeg())],
  ['a JPEG whose height comes later', jpeg([jpegFrame(4, 0), jpegScan()])],
  ['a JPEG with DNL', jpeg([jpegFrame(4, 3), jpegScan(), jpegSegment(0xdc, Buffer.from([0, 3]))])],
  ['a lossless JPEG', jpeg([jpegFrame(4, 3, { marker: 0xc3 }), jpegScan()])],
  ['an arithmetic-coded JPEG', jpeg([jpegFrame(4, 3, { marker: 0xc9 }), jpegScan()])],
  ['a JPEG of two frames', jpeg([jpegFrame(4, 3), jpegFrame(400, 300), jpegScan()])],
  ['a JPEG of 2 components', jpeg([jpegFrame(4, 3, { components: 2 }), jpegScan()])],
  ['a scan before the frame', jpeg([jpegScan(), jpegFrame(4, 3)])],
  ['a scan of a component that is not there', jpeg([jpegFrame(4, 3), jpegScan(9)])],
  ['a JPEG without scans', jpeg([jpegFrame(4, 3)])],
  ['a segment that is not whole', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0xff, 0xff, 0])],
  ['a JPEG in a JPEG', jpeg([Buffer.from([0xff, 0xd8]), jpegFrame(4, 3), jpegScan()])],
  ['a WebP that claims to be larger', riff('WEBP', [make.webpLossless(4, 3)]).fill(0xff, 4, 6)],
  ['a WebP of two sizes', riff('WEBP', [make.webpCanvas(16_384, 16_384), make.webpLossless(4, 3)])],
  ['a WebP of no picture', riff('WEBP', [make.webpCanvas(4, 3)])],
  ['a WebP of two pictures', riff('WEBP', [make.webpCanvas(4, 3), make.webpLossless(4, 3), make.webpLossless(4, 3)])],
  ['a WebP frame outside', riff('WEBP', [make.webpCanvas(4, 3, 2), make.webpFrame(4, 3, undefined, [2, 0])])],
  ['a WebP frame in a frame', riff('WEBP', [make.webpCanvas(4, 3, 2), make.webpFrame(4, 3, make.webpFrame(4, 3))])],
  ['a frame in a still WebP', riff('WEBP', [make.webpCanvas(4, 3), make.webpFrame(4, 3)])],
])('refuses %s', (_name, bytes) => {
  expect(readImageHeader(bytes).problem).toMatchObject({ rule: 'image.structure' });
});

describe('pngPixelProblem', () => {
  it.each<[string, Buffer]>([
    ['more', png({ data: [pixels(whole + 1)] })],
    ['less', png({ data: [pixels(whole - 1)] })],
    [
      'bytes behind the stream',
      png({ data: [pngChunk('IDAT', Buffer.concat([deflateSync(Buffer.alloc(whole)), Buffer.alloc(4)]))] }),
    ],
    ['no stream', png({ data: [pngChunk('IDAT', Buffer.from('nonsense'))] })],
    [
      'more in a frame',
      png({ before: frames(2), after: [animation.frame(1, 4, 1), animation.data(2, deflateSync(Buffer.alloc(14)))] }),
    ],
  ])('finds %s', (_name, bytes) => {
    expect(readImageHeader(bytes).problem).toBeUndefined();
    expect(pngPixelProblem(bytes)).toMatchObject({ rule: 'image.inflatedSize' });
  });

  it('takes just what the header declares, in any number of chunks', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 60 }), fc.nat(30), (width, height, cut) => {
        const stream = deflateSync(Buffer.alloc(make.rowBytesOf(width, height, 4, 0)));
        const data = [stream.subarray(0, cut), Buffer.alloc(0), stream.subarray(cut)].map((part) => pngChunk('IDAT', part));
        expect(pngPixelProblem(png({ width, height, depth: 4, colourType: 0, data }))).toBeUndefined();
      }),
    );
  });
});

it.each<[string, (blocks: number) => Buffer]>([
  ['empty chunks', (blocks) => png({ before: new Array<Buffer>(blocks).fill(pngChunk('teSt')) })],
  ['empty data chunks', (blocks) => png({ data: [...new Array<Buffer>(blocks).fill(pngChunk('IDAT')), pixels(whole)] })],
  ['GIF frames', (blocks) => gif({ frames: blocks })],
  ['JPEG scans', (blocks) => jpeg([jpegFrame(4, 3), ...new Array<Buffer>(blocks).fill(jpegScan())])],
  ['JPEG fill bytes', (blocks) => jpeg([Buffer.alloc(blocks * 10, 0xff), jpegFrame(4, 3), jpegScan()])],
  [
    'WebP chunks',
    (blocks) => riff('WEBP', [make.webpLossless(4, 3), ...new Array<Buffer>(blocks).fill(riffChunk('abcd', Buffer.alloc(0)))]),
  ],
])('takes time in proportion to its bytes: %s', (_name, build) => {
  const bytes = build(60_000);
  const start = performance.now();
  expect(readImageHeader(bytes).problem).toBeUndefined();
  if (bytes[0] === 0x89) pngPixelProblem(bytes);
  // A walk that began anew for each block would take minutes.
  expect(performance.now() - start).toBeLessThan(1000);
});
