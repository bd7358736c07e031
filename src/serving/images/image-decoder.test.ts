// The decoder of images from the server's side: real images through the real process in the jail that this machine has, its queue, its
// deadline, and its end. What a process says that an attacker owns is in tests/security/images.

import { existsSync, readFileSync } from 'node:fs';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { lacksLevel, optionsFor } from '../../../tests/support/jail-level.ts';
import { plainJail } from '../../../tests/support/plain-jail.ts';
import { type ImageJob, readImageHeader } from '../../contract/index.ts';
import { decoderEntry } from '../../decoder/index.ts';
import { type Jail, openJail } from '../../sandbox/index.ts';
import { ImageDecoder } from './image-decoder.ts';

const notBuilt = existsSync(decoderEntry) ? '' : ' (skipped: not built, run `npm run build`)';

const width = 96;
const height = 64;

/** A picture in which every pixel differs from its neighbours: red grows to the right, green downwards. */
function pixels(channels: 1 | 2 | 3 | 4): Buffer {
  const data = Buffer.alloc(width * height * channels);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const colour = [x * 2, y * 3, 40, 255].map((value) => value & 255);
      const values = channels <= 2 ? [colour[0], 255] : colour;
      data.set(values.slice(0, channels), (y * width + x) * channels);
    }
  return data;
}

const picture = (channels: 1 | 2 | 3 | 4) => sharp(pixels(channels), { raw: { width, height, channels } });
const grey = (channels: 1 | 2) => picture(channels).toColourspace('b-w');

const turn = { owner: {}, timeoutMs: 60_000 };

function jobFor(bytes: Uint8Array, result: { resultWidth?: number; resultHeight?: number } = {}): ImageJob {
  const { header } = readImageHeader(bytes);
  const size = { width: header?.width ?? 1, height: header?.height ?? 1 };
  return {
    ...size,
    resultWidth: size.width,
    resultHeight: size.height,
    ...result,
    tensorIndex: 0,
    elementIndex: 0,
    path: 'instances[0]',
    firstFrameOnly: true,
  };
}

/** A BMP of one of the kinds that TensorFlow reads. */
function bmp(bits: 8 | 24 | 32, { topDown = false, isGrey = false } = {}): Buffer {
  const rowBytes = Math.ceil((width * bits) / 32) * 4;
  const paletteBytes = bits === 8 ? 1024 : 0;
  const start = 54 + paletteBytes;
  const bytes = Buffer.alloc(start + rowBytes * height);
  bytes.write('BM', 'latin1');
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(start, 10);
  bytes.writeUInt32LE(40, 14);
  bytes.writeInt32LE(width, 18);
  bytes.writeInt32LE(topDown ? -height : height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(bits, 28);
  for (let entry = 0; entry < paletteBytes / 4; entry++)
    bytes.set(isGrey ? [entry, entry, entry, 0] : [40, 255 - entry, entry, 0], 54 + entry * 4);
  const source = pixels(4);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const [red, green, blue, alpha] = source.subarray((y * width + x) * 4);
      const at = start + (topDown ? y : height - 1 - y) * rowBytes + (x * bits) / 8;
      bytes.set(bits === 8 ? [red] : [blue, green, red, alpha].slice(0, bits / 8), at);
    }
  return bytes;
}

/** The samples of a PNG; sharp makes three channels of a grey one when nobody says otherwise. */
function rawOf(png: Uint8Array) {
  const colours = (readImageHeader(png).header?.channels ?? 3) <= 2 ? 'b-w' : 'srgb';
  return sharp(png).toColourspace(colours).raw().toBuffer({ resolveWithObject: true });
}

describe.each(['full', 'process'] as const)('a decoder at level %s', (level) => {
  const why = notBuilt || lacksLevel(level);
  let jail: Jail;
  let decoder: ImageDecoder;
  beforeAll(async () => {
    if (why !== '') return;
    jail = await openJail(optionsFor(level));
    decoder = new ImageDecoder({ jail });
  });
  afterAll(async () => {
    await decoder?.close();
    await jail?.close();
  });

  it.skipIf(why !== '')(`gives back the samples of what loses none${why}`, async () => {
    const images: [Buffer, 1 | 2 | 3 | 4][] = [
      [await picture(3).png().toBuffer(), 3],
      [await picture(4).png({ progressive: true }).toBuffer(), 4],
      [await grey(1).png().toBuffer(), 1],
      [await grey(2).png().toBuffer(), 2],
      [await picture(3).webp({ lossless: true }).toBuffer(), 3],
      [bmp(24), 3],
      [bmp(24, { topDown: true }), 3],
      [bmp(32), 4],
      [bmp(8, { isGrey: true }), 1],
    ];
    for (const [bytes, channels] of images) {
      const made = await decoder.decode(jobFor(bytes), bytes, turn);
      expect(readImageHeader(made).header).toMatchObject({ width, height, channels });
      // sharp gives only the grey of grey and alpha.
      const { data } = await rawOf(made);
      expect(data.equals(pixels(channels === 2 ? 1 : channels))).toBe(true);
    }
  });

  it.skipIf(why !== '')(`looks colours up in the palette of a BMP${why}`, async () => {
    const bytes = bmp(8);
    const { data, info } = await rawOf(await decoder.decode(jobFor(bytes), bytes, turn));
    expect(info.channels).toBe(3);
    expect([...data.subarray(30, 33)]).toEqual([20, 235, 40]);
  });

  it.skipIf(why !== '')(`makes images fit their box and drops what is not pixels${why}`, async () => {
    const exif = { IFD0: { Copyright: 'somebody', ImageDescription: 'x'.repeat(500) } };
    const sources = {
      png: await picture(3).withExif(exif).png().toBuffer(),
      jpeg: await picture(3).withExif(exif).withIccProfile('p3').jpeg().toBuffer(),
      cmyk: await picture(3).toColourspace('cmyk').jpeg().toBuffer(),
      gif: await picture(3).gif().toBuffer(),
      webp: await picture(3).withExif(exif).webp().toBuffer(),
      bmp: bmp(24),
      deep: await picture(3).toColourspace('rgb16').png({}).toBuffer(),
    };
    for (const [name, bytes] of Object.entries(sources)) {
      const made = await decoder.decode(jobFor(bytes, { resultWidth: 30, resultHeight: 20 }), bytes, turn);
      const { header } = readImageHeader(made);
      expect(header, name).toMatchObject({
        format: 'png',
        width: 30,
        height: 20,
        channels: 3,
        bitDepth: 8,
        frames: 1,
        trailingBytes: 0,
      });
      expect(header?.metadataBytes, name).toBeLessThan(64);
      expect(Buffer.from(made).includes('somebody'), name).toBe(false);
      // The mean of a picture stays what it was, whatever its size.
      const [before, after] = await Promise.all([
        sharp(pixels(3), { raw: { width, height, channels: 3 } }).stats(),
        sharp(made).stats(),
      ]);
      expect(Math.abs(before.channels[0].mean - after.channels[0].mean), name).toBeLessThan(name === 'cmyk' ? 40 : 8);
    }
  });

  it.skipIf(why !== '')(`gives exactly the size that was asked for, whatever it rounds to${why}`, async () => {
    const sizes = [
      [1001, 333, 100, 33],
      [999, 301, 100, 30],
      [1400, 47, 100, 3],
      [640, 480, 1, 1],
      [640, 480, 639, 480],
      [513, 257, 171, 86],
    ];
    for (const [wide, high, resultWidth, resultHeight] of sizes) {
      const blank = sharp({ create: { width: wide, height: high, channels: 3, background: 'red' } });
      for (const bytes of [await blank.png().toBuffer(), await blank.jpeg().toBuffer(), await blank.webp().toBuffer()]) {
        const made = await decoder.decode(jobFor(bytes, { resultWidth, resultHeight }), bytes, turn);
        expect(readImageHeader(made).header).toMatchObject({ width: resultWidth, height: resultHeight });
      }
    }
  });

  it.skipIf(why !== '')(`does not turn an image by its EXIF, as TensorFlow does not${why}`, async () => {
    const bytes = await picture(3).withMetadata({ orientation: 6 }).jpeg().toBuffer();
    expect(readImageHeader(await decoder.decode(jobFor(bytes), bytes, turn)).header).toMatchObject({ width, height });
  });

  it.skipIf(why !== '')(`refuses what cannot be decoded, and goes on with the same process${why}`, async () => {
    const good = await picture(3).png().toBuffer();
    await decoder.decode(jobFor(good), good, turn);
    const { processId } = decoder;
    const jpeg = await picture(3).jpeg().toBuffer();
    // The header is whole, what follows is not.
    const broken = Buffer.concat([jpeg.subarray(0, jpeg.length / 2), Buffer.from([0xff, 0xd9])]);
    await expect(decoder.decode(jobFor(broken), broken, turn)).rejects.toMatchObject({
      code: 'IMAGE_UNDECODABLE',
      message: expect.stringContaining('instances[0]'),
    });
    await expect(decoder.decode({ ...jobFor(good), width: 5 }, good, turn)).rejects.toMatchObject({ code: 'IMAGE_UNDECODABLE' });
    await decoder.decode(jobFor(good), good, turn);
    expect(decoder.processId).toBe(processId);
  });

  it.skipIf(why !== '')(`is held by filters, without privileges${why}`, async () => {
    const good = await picture(3).png().toBuffer();
    await decoder.decode(jobFor(good), good, turn);
    const status = readFileSync(`/proc/${decoder.processId}/status`, 'utf8');
    expect(status).toMatch(/^Seccomp:\t2$/m);
    expect(status).toMatch(/^Seccomp_filters:\t2$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
  });
});

describe('a decoder', () => {
  const why = notBuilt;

  it.skipIf(why !== '')(
    `answers images in turn, refuses more than fit its queue, and fails what waits when it closes${why}`,
    async () => {
      const decoder = new ImageDecoder({ jail: plainJail(), limits: { maxQueued: 3 } });
      const bytes = await picture(3).png().toBuffer();
      const run = () =>
        decoder.decode(jobFor(bytes), bytes, turn).then(
          (image) => image.length > 0,
          (error: { code: string }) => error.code,
        );
      expect(await Promise.all([run(), run(), run(), run()])).toEqual([true, true, true, 'SERVER_OVERLOADED']);
      const late = [run(), run()];
      await decoder.close();
      expect(await Promise.all([...late, run()])).toEqual(['SERVER_STOPPING', 'SERVER_STOPPING', 'SERVER_STOPPING']);
    },
  );

  it.skipIf(why !== '')(`does not start on an image whose time is over, and lets models take turns${why}`, async () => {
    const decoder = new ImageDecoder({ jail: plainJail(), limits: { maxQueued: 3 } });
    try {
      const bytes = await picture(3).png().toBuffer();
      const done: string[] = [];
      const run = (name: string, owner: object, timeoutMs = 60_000) =>
        decoder.decode(jobFor(bytes), bytes, { owner, timeoutMs }).then(
          () => done.push(name),
          (error: { code: string }) => done.push(`${name} ${error.code}`),
        );
      const [busy, other] = [{}, {}];
      const runs = [run('a', busy), run('b', busy), run('c', busy), run('x', other), run('late', other, 1)];
      await run('too many', busy);
      await Promise.all(runs);
      // The process starts meanwhile.
      expect(done).toEqual(['too many SERVER_OVERLOADED', 'late DEADLINE_EXCEEDED', 'a', 'b', 'x', 'c']);
    } finally {
      await decoder.close();
    }
  });

  it.skipIf(why !== '')(`is started when an image comes, and again after its process died${why}`, async () => {
    const decoder = new ImageDecoder({ jail: plainJail() });
    try {
      expect(decoder.processId).toBeUndefined();
      const bytes = await picture(3).png().toBuffer();
      await decoder.decode(jobFor(bytes), bytes, turn);
      const first = decoder.processId;
      if (first !== undefined) process.kill(first, 'SIGKILL');
      await expect
        .poll(() =>
          decoder.decode(jobFor(bytes), bytes, turn).then(
            () => decoder.processId,
            () => first,
          ),
        )
        .not.toBe(first);
    } finally {
      await decoder.close();
    }
  });

  it('says why it does not start, and does not try for each image', async () => {
    const broken: string[] = [];
    const decoder = new ImageDecoder({
      jail: plainJail(),
      entry: '/nonexistent/decoder.js',
      onBroken: ({ code }) => broken.push(code),
    });
    const bytes = bmp(24);
    for (let attempt = 0; attempt < 3; attempt++)
      await expect(decoder.decode(jobFor(bytes), bytes, turn)).rejects.toMatchObject({ code: 'WORKER_START_FAILED' });
    expect(broken).toEqual(['WORKER_START_FAILED']);
    await decoder.close();
  });
});
