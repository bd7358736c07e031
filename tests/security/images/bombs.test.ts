// Images that cost far more than their bytes. Each is shown to work on a decoder that nobody protects (libvips without our limits, zlib), and
// is refused by its header, in time that has to do with its bytes alone, before anything is decoded.
import { deflateSync, inflateSync } from 'node:zlib';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { ImageRules } from '../../../src/contract/index.ts';
import { imageViolations } from '../../../src/contract/rules/images.ts';
import * as make from './make-images.ts';

const { png, pngChunk } = make;

/** The defaults of a contract. */
const rules: ImageRules = {
  formats: ['png', 'jpeg', 'gif', 'bmp', 'webp'],
  reencode: [],
  maxDecodedBytes: 64 * 1024 * 1024,
  maxRatio: 200,
  inflatedSize: 'check',
  trailingData: 'reject',
  maxMetadataBytes: 65_536,
  maxScans: 20,
  checksums: 'check',
};

const mebibyte = 1024 * 1024;

/** How many bytes libvips makes of it when it may. */
async function decodedBytes(bytes: Buffer, options: object = {}): Promise<number> {
  const { size } = (
    await sharp(bytes, { limitInputPixels: false, ...options })
      .raw()
      .toBuffer({ resolveWithObject: true })
  ).info;
  return size;
}

/** What a naive reader makes of a compressed chunk. */
function inflatedBytes(bytes: Buffer, type: string, skip: number): number {
  const at = bytes.indexOf(type, 0, 'latin1');
  return inflateSync(bytes.subarray(at + 4 + skip, at + 4 + bytes.readUInt32BE(at - 4))).length;
}

const zeros = (length: number) => deflateSync(Buffer.alloc(length), { level: 9 });
const data = (length: number) => [pngChunk('IDAT', zeros(length))];

interface Bomb {
  readonly bytes: () => Buffer | Promise<Buffer>;
  /** Bytes in memory where nothing holds it back; a promise of at least `makes`. */
  readonly explode: (bytes: Buffer) => number | Promise<number>;
  readonly makes: number;
  /** The first rule that refuses it. */
  readonly rule: string;
}

const bombs: Readonly<Record<string, Bomb>> = {
  'a PNG of 6000 × 6000 zeros': {
    bytes: () => png({ width: 6000, height: 6000, data: data(6000 * (1 + 6000 * 3)) }),
    explode: (bytes) => decodedBytes(bytes),
    makes: 108_000_000,
    rule: 'image.maxDecodedBytes',
  },
  'a PNG of 1 × 1 with 8 MiB of pixel data': {
    bytes: () => png({ width: 1, height: 1, data: data(8 * mebibyte) }),
    explode: (bytes) => inflatedBytes(bytes, 'IDAT', 0),
    makes: 8 * mebibyte,
    rule: 'image.inflatedSize',
  },
  'a PNG with 8 MiB of compressed text': {
    bytes: () => png({ before: [pngChunk('zTXt', Buffer.concat([Buffer.from('Comment\0\0'), zeros(8 * mebibyte)]))] }),
    explode: (bytes) => inflatedBytes(bytes, 'zTXt', 9),
    makes: 8 * mebibyte,
    rule: 'image.maxMetadataBytes',
  },
  'a PNG with a colour profile of 8 MiB': {
    bytes: () => png({ before: [pngChunk('iCCP', Buffer.concat([Buffer.from('icc\0\0'), zeros(8 * mebibyte)]))] }),
    explode: (bytes) => inflatedBytes(bytes, 'iCCP', 5),
    makes: 8 * mebibyte,
    rule: 'image.maxMetadataBytes',
  },
  'a PNG with text in another language, of 8 MiB': {
    bytes: () =>
      png({ before: [pngChunk('iTXt', Buffer.concat([Buffer.from('k\0\x01\0en\0k\0', 'latin1'), zeros(8 * mebibyte)]))] }),
    explode: (bytes) => inflatedBytes(bytes, 'iTXt', 9),
    makes: 8 * mebibyte,
    rule: 'image.maxMetadataBytes',
  },
  'a PNG with 10,000 chunks of nothing': {
    bytes: () => png({ before: new Array<Buffer>(10_000).fill(pngChunk('teSt')) }),
    explode: async (bytes) => ((await decodedBytes(bytes)) > 0 ? 10_000 : 0),
    makes: 10_000,
    rule: 'image.maxMetadataBytes',
  },
  'an animated PNG with thousands of frames': {
    bytes: () =>
      png({
        width: 300,
        height: 300,
        before: [make.animation.control(5001), make.animation.frame(0, 300, 300)],
        after: Array.from({ length: 5000 }, (_, index) => [
          make.animation.frame(1 + index * 2, 1, 1),
          make.animation.data(2 + index * 2, deflateSync(Buffer.alloc(4))),
        ]).flat(),
      }),
    // What an animation's frames are on their canvas.
    explode: () => 5001 * 300 * 300 * 3,
    makes: 64 * mebibyte,
    rule: 'image.maxDecodedBytes',
  },
  'a GIF of 8000 × 8000 in 43 bytes': {
    bytes: () => make.gif({ width: 8000, height: 8000 }),
    explode: (bytes) => decodedBytes(bytes, { failOn: 'none' }),
    makes: 128_000_000,
    rule: 'image.maxDecodedBytes',
  },
  'a GIF with 400 frames of one pixel': {
    bytes: () => make.gif({ width: 250, height: 250, frame: [0, 0, 1, 1], frames: 400 }),
    explode: (bytes) => decodedBytes(bytes, { pages: -1 }),
    makes: 75_000_000,
    rule: 'image.maxDecodedBytes',
  },
  'a WebP of 5000 × 5000 of one colour': {
    bytes: () =>
      sharp({ create: { width: 5000, height: 5000, channels: 3, background: 'black' } })
        .webp({ lossless: true, effort: 0 })
        .toBuffer(),
    explode: (bytes) => decodedBytes(bytes),
    makes: 75_000_000,
    rule: 'image.maxDecodedBytes',
  },
};

describe.each(Object.entries(bombs))('%s', (_name, bomb) => {
  it('works on a decoder without limits, and is refused by its header', async () => {
    const bytes = await bomb.bytes();
    expect(bytes.length).toBeLessThan(500_000);
    expect(await bomb.explode(bytes)).toBeGreaterThanOrEqual(bomb.makes);
    const before = process.memoryUsage().arrayBuffers;
    const start = performance.now();
    const found = imageViolations(bytes, rules);
    expect(found[0]?.rule).toBe(bomb.rule);
    // Several of these take a second to decode; counting what they inflate to is the longest of it.
    expect(performance.now() - start).toBeLessThan(1000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(mebibyte);
  });
});

/** Headers that promise more than any machine has; a decoder that believes them allocates before it reads on. */
const promises: readonly [string, Buffer, string][] = [
  ['a GIF of 65535 × 65535', make.gif({ width: 65_535, height: 65_535, frame: [0, 0, 1, 1] }), 'image.maxDecodedBytes'],
  [
    'a BMP of 2^31 pixels a side in 58 bytes',
    make.bmp({ width: 2 ** 31 - 1, height: 2 ** 31 - 1, pixels: Buffer.alloc(4), fileBytes: 58 }),
    'image.structure',
  ],
  ['a JPEG of 65500 × 65500', make.jpeg([make.jpegFrame(65_500, 65_500), make.jpegScan()]), 'image.maxDecodedBytes'],
  ['a PNG of 2^31 × 2^31', png({ width: 2 ** 31 - 1, height: 2 ** 31 - 1, data: data(100) }), 'image.maxDecodedBytes'],
  [
    'a WebP canvas of 16384 × 16384',
    make.riff('WEBP', [make.webpCanvas(16_384, 16_384, 2), make.webpFrame(1, 1)]),
    'image.maxDecodedBytes',
  ],
  [
    'a WebP whose canvas is not its picture',
    make.riff('WEBP', [make.webpCanvas(16_384, 16_384), make.webpLossless(1, 1)]),
    'image.structure',
  ],
];

it.each(promises)('refuses %s at once', (_name, bytes, rule) => {
  expect(imageViolations(bytes, rules)[0].rule).toBe(rule);
});

it('refuses a progressive JPEG of hundreds of scans, each of which takes libvips over the whole picture', async () => {
  const { width, height } = { width: 600, height: 600 };
  const noise = { type: 'gaussian', mean: 128, sigma: 9 } as const;
  const honest = await sharp({ create: { width, height, channels: 3, background: 'black', noise } })
    .jpeg({ progressive: true, quality: 40 })
    .toBuffer();
  // A scan of coefficients of zero: a few bytes that say that all blocks end at once.
  const at = honest.lastIndexOf(Buffer.from([0xff, 0xda]));
  const last = honest.subarray(at, honest.length - 2);
  const bytes = Buffer.concat([
    honest.subarray(0, honest.length - 2),
    ...new Array<Buffer>(200).fill(last),
    Buffer.from([0xff, 0xd9]),
  ]);
  const timeOf = async (image: Buffer) => {
    const start = performance.now();
    await sharp(image, { failOn: 'none', unlimited: true }).raw().toBuffer();
    return performance.now() - start;
  };
  await timeOf(honest);
  expect(await timeOf(bytes)).toBeGreaterThan((await timeOf(honest)) * 5);
  expect(imageViolations(honest, { ...rules, maxRatio: 1e9 })).toEqual([]);
  expect(imageViolations(bytes, { ...rules, maxRatio: 1e9 })).toMatchObject([
    { rule: 'image.maxScans', got: expect.stringMatching(/^2\d\d$/) },
  ]);
});

it('refuses a picture that is an archive too', async () => {
  const zip = Buffer.concat([Buffer.from('PK\x05\x06'), Buffer.alloc(18)]);
  const sources = await Promise.all(
    (['png', 'jpeg', 'gif', 'webp'] as const).map((format) =>
      sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
        .toFormat(format)
        .toBuffer(),
    ),
  );
  for (const bytes of [...sources, make.bmp()]) {
    const polyglot = Buffer.concat([bytes, zip]);
    expect(imageViolations(bytes, rules)).toEqual([]);
    expect(imageViolations(polyglot, rules).map(({ rule }) => rule)).toEqual(['image.trailingData']);
  }
  // libvips reads it as if nothing were there.
  expect(await decodedBytes(Buffer.concat([sources[0], zip]))).toBe(243);
});
