// Images made byte by byte, for tests: honest ones and lies. Whatever is not given is as in an honest image.
import { crc32, deflateSync } from 'node:zlib';

const text = (value: string): Buffer => Buffer.from(value, 'latin1');

export function be32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function le(byteLength: number, ...values: number[]): Buffer {
  const bytes = Buffer.alloc(byteLength * values.length);
  values.forEach((value, index) => {
    bytes.writeUIntLE(value, index * byteLength, byteLength);
  });
  return bytes;
}

export function pngChunk(type: string, data: Uint8Array = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([text(type), data]);
  return Buffer.concat([be32(data.length), body, be32(crc32(body))]);
}

export interface PngParts {
  readonly width?: number;
  readonly height?: number;
  readonly depth?: number;
  readonly colourType?: number;
  readonly interlace?: number;
  /** Before the pixel data. */
  readonly before?: readonly Buffer[];
  /** The IDAT chunks themselves. */
  readonly data?: readonly Buffer[];
  readonly after?: readonly Buffer[];
  readonly tail?: Buffer;
}

const samples: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** The bytes before compression of a picture without interlacing. */
export function rowBytesOf(width: number, height: number, depth: number, colourType: number): number {
  return height * (1 + Math.ceil((width * depth * samples[colourType]) / 8));
}

export function png(parts: PngParts = {}): Buffer {
  const {
    width = 4,
    height = 3,
    depth = 8,
    colourType = 2,
    interlace = 0,
    before = [],
    after = [],
    tail = Buffer.alloc(0),
  } = parts;
  const header = Buffer.concat([be32(width), be32(height), Buffer.from([depth, colourType, 0, 0, interlace])]);
  const data = parts.data ?? [pngChunk('IDAT', deflateSync(Buffer.alloc(rowBytesOf(width, height, depth, colourType))))];
  return Buffer.concat([
    text('\x89PNG\r\n\x1a\n'),
    pngChunk('IHDR', header),
    ...before,
    ...data,
    ...after,
    pngChunk('IEND'),
    tail,
  ]);
}

/** `acTL`, and a frame's `fcTL` and `fdAT` with their numbers. */
export const animation = {
  control: (frames: number) => pngChunk('acTL', Buffer.concat([be32(frames), be32(0)])),
  frame: (sequence: number, width: number, height: number, x = 0, y = 0) =>
    pngChunk('fcTL', Buffer.concat([...[sequence, width, height, x, y].map(be32), Buffer.from([0, 1, 0, 1, 0, 0])])),
  data: (sequence: number, bytes: Uint8Array) => pngChunk('fdAT', Buffer.concat([be32(sequence), bytes])),
};

export function gif({
  width = 4,
  height = 3,
  frames = 1,
  frame = [0, 0, width, height],
  before = Buffer.alloc(0),
  tail = Buffer.alloc(0),
}: {
  width?: number;
  height?: number;
  frames?: number;
  frame?: readonly number[];
  before?: Buffer;
  tail?: Buffer;
} = {}): Buffer {
  const header = Buffer.concat([
    text('GIF89a'),
    le(2, width, height),
    Buffer.from([0x80, 0, 0]),
    Buffer.from([0, 0, 0, 255, 255, 255]),
  ]);
  // Clear, one pixel, end: decoders fill the rest.
  const one = Buffer.concat([Buffer.from([0x2c]), le(2, ...frame), Buffer.from([0, 2, 2, 0x44, 0x01, 0])]);
  return Buffer.concat([header, before, ...new Array<Buffer>(frames).fill(one), Buffer.from([0x3b]), tail]);
}

export function gifExtension(label: number, ...blocks: Buffer[]): Buffer {
  const parts = blocks.flatMap((block) => [Buffer.from([block.length]), block]);
  return Buffer.concat([Buffer.from([0x21, label]), ...parts, Buffer.from([0])]);
}

export function bmp({
  width = 4,
  height = 3,
  bits = 24,
  compression = 0,
  pixelsStart = 54,
  colours = 0,
  fileBytes,
  pixels,
  tail = Buffer.alloc(0),
}: {
  width?: number;
  height?: number;
  bits?: number;
  compression?: number;
  pixelsStart?: number;
  colours?: number;
  fileBytes?: number;
  pixels?: Buffer;
  tail?: Buffer;
} = {}): Buffer {
  const data = pixels ?? Buffer.alloc(Math.ceil((width * bits) / 32) * 4 * Math.abs(height));
  const head = Buffer.alloc(54);
  head.write('BM', 'latin1');
  head.writeUInt32LE(pixelsStart, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(width, 18);
  head.writeInt32LE(height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(bits, 28);
  head.writeUInt32LE(compression, 30);
  head.writeUInt32LE(colours, 46);
  const between = Buffer.alloc(Math.min(10_000, Math.max(0, pixelsStart - 54)));
  const bytes = Buffer.concat([head, between, data, tail]);
  bytes.writeUInt32LE(fileBytes ?? bytes.length, 2);
  return bytes;
}

export function jpegSegment(marker: number, data: Uint8Array = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from([0xff, marker, (data.length + 2) >> 8, (data.length + 2) & 255]), data]);
}

/** A frame header with `components` of which none is subsampled. */
export function jpegFrame(width: number, height: number, { components = 3, marker = 0xc0, depth = 8 } = {}): Buffer {
  const ids = Array.from({ length: components }, (_, index) => [index + 1, 0x11, 0]).flat();
  return jpegSegment(marker, Buffer.from([depth, height >> 8, height & 255, width >> 8, width & 255, components, ...ids]));
}

/** A scan of the component `id`, with a few bytes that stand for its data. */
export function jpegScan(id = 1, [first, last]: readonly [number, number] = [0, 63]): Buffer {
  return Buffer.concat([
    jpegSegment(0xda, Buffer.from([1, id, 0, first, last, 0])),
    Buffer.from([0x12, 0xff, 0x00, 0x34, 0xff, 0xd0, 0x56]),
  ]);
}

/** Well-formed markers without tables: no decoder shows it, every parser of headers must read it. */
export function jpeg(parts: readonly Buffer[] = [jpegFrame(4, 3), jpegScan()], tail = Buffer.alloc(0)): Buffer {
  return Buffer.concat([Buffer.from([0xff, 0xd8]), ...parts, Buffer.from([0xff, 0xd9]), tail]);
}

export function riffChunk(type: string, data: Uint8Array): Buffer {
  return Buffer.concat([text(type), le(4, data.length), data, Buffer.alloc(data.length % 2)]);
}

export function riff(form: string, chunks: readonly Buffer[], tail = Buffer.alloc(0)): Buffer {
  const body = Buffer.concat([text(form), ...chunks]);
  return Buffer.concat([text('RIFF'), le(4, body.length), body, tail]);
}

/** The header of a lossless WebP picture, with nothing behind it. */
export function webpLossless(width: number, height: number): Buffer {
  const bits = ((width - 1) | ((height - 1) << 14)) >>> 0;
  return riffChunk('VP8L', Buffer.concat([Buffer.from([0x2f]), le(4, bits), Buffer.alloc(5)]));
}

export function webpCanvas(width: number, height: number, flags = 0): Buffer {
  return riffChunk('VP8X', Buffer.concat([Buffer.from([flags, 0, 0, 0]), le(3, width - 1, height - 1)]));
}

export function webpFrame(width: number, height: number, inside: Buffer = webpLossless(width, height), [x, y] = [0, 0]): Buffer {
  return riffChunk('ANMF', Buffer.concat([le(3, x / 2, y / 2, width - 1, height - 1, 100), Buffer.from([0]), inside]));
}

export function wav({
  tag = 1,
  channels = 1,
  sampleRate = 16_000,
  bits = 16,
  frames = 160,
  before = Buffer.alloc(0),
}: {
  tag?: number;
  channels?: number;
  sampleRate?: number;
  bits?: number;
  frames?: number;
  before?: Buffer;
} = {}): Buffer {
  const frameBytes = (channels * bits) / 8;
  const format = Buffer.concat([le(2, tag, channels), le(4, sampleRate, sampleRate * frameBytes), le(2, frameBytes, bits)]);
  return riff('WAVE', [riffChunk('fmt ', format), before, riffChunk('data', Buffer.alloc(frames * frameBytes))]);
}
