// Every chunk of a WebP at its edge: what it may say, and the exact reason when it may not.
import { describe, expect, it } from 'vitest';
import { riff, riffChunk, webpCanvas, webpFrame, webpLossless } from '../../../tests/security/images/make-images.ts';
import { readWebpHeader } from './webp-header.ts';

const alpha = 0x10;
const animated = 2;
const lossless = webpLossless(4, 3);
const withBits = (high: number) => {
  const chunk = Buffer.from(lossless);
  chunk[12] |= high;
  return chunk;
};
const lossy = (width = 4, height = 3, first = 0x10, code = [0x9d, 0x01, 0x2a]) =>
  riffChunk('VP8 ', Buffer.from([first, 0, 0, ...code, width & 255, width >> 8, height & 255, height >> 8]));
const canvas = webpCanvas(4, 3);
const moving = webpCanvas(4, 3, animated);
const anim = riffChunk('ANIM', Buffer.alloc(6));
const alph = riffChunk('ALPH', Buffer.alloc(2));
const exif = riffChunk('EXIF', Buffer.alloc(3));
const of = (...chunks: Buffer[]) => readWebpHeader(riff('WEBP', chunks));

describe('readWebpHeader() reads', () => {
  it.each<[string, Buffer[], object]>([
    ['a lossless picture', [lossless], { width: 4, height: 3, channels: 3, frames: 1, metadataBytes: 0, decodedBytes: 36 }],
    ['the largest lossless picture', [webpLossless(16_384, 16_384)], { width: 16_384, height: 16_384 }],
    ['a lossless picture with alpha', [withBits(0x10)], { channels: 4 }],
    ['a lossy picture', [lossy()], { width: 4, height: 3, channels: 3 }],
    ['a lossy picture that says how to scale it', [lossy(4 | 0x4000, 3 | 0x8000)], { width: 4, height: 3 }],
    ['a lossy picture of version 3', [lossy(4, 3, 0x16)], { width: 4 }],
    ['what follows a simple picture', [lossless, exif], { metadataBytes: 12 }],
    ['a canvas with a picture', [canvas, lossless], { width: 4, channels: 3, metadataBytes: 0 }],
    ['a canvas that says alpha', [webpCanvas(4, 3, alpha), lossless], { channels: 4 }],
    ['a canvas with an alpha chunk', [canvas, alph, lossy()], { channels: 4, metadataBytes: 0 }],
    ['a canvas whose picture has alpha', [canvas, withBits(0x10)], { channels: 4 }],
    ['a canvas with EXIF before and behind', [canvas, exif, lossless, exif], { metadataBytes: 24 }],
    [
      'an animation',
      [moving, anim, webpFrame(4, 3), webpFrame(2, 1, undefined, [2, 2])],
      { frames: 2, channels: 3, metadataBytes: 0 },
    ],
    ['an animation without ANIM', [moving, webpFrame(4, 3)], { frames: 1 }],
    ['a frame with alpha', [moving, anim, webpFrame(4, 3, Buffer.concat([alph, lossy()])), webpFrame(4, 3)], { channels: 4 }],
    ['a frame whose picture has alpha', [moving, anim, webpFrame(4, 3), webpFrame(4, 3, withBits(0x10))], { channels: 4 }],
    ['a frame with something unknown', [moving, anim, webpFrame(4, 3, Buffer.concat([lossless, exif]))], { metadataBytes: 12 }],
  ])('%s', (_name, chunks, expected) => {
    const { header, problem } = of(...chunks);
    expect(problem).toBeUndefined();
    expect(header).toMatchObject({ format: 'webp', bitDepth: 8, scans: 1, trailingBytes: 0, ...expected });
  });
});

describe('readWebpHeader() refuses', () => {
  const chunksText = 'chunks as the WebP specification has them';
  const key = 'a VP8 or VP8L key frame';
  const first = 'VP8, VP8L or VP8X first';
  it.each<[string, Buffer[], expected: string, got: string]>([
    ['no chunk', [], 'whole chunks', 'none at 12'],
    ['a chunk’s head alone', [Buffer.from('VP8L')], 'whole chunks', 'none at 12'],
    ['another signature', [Buffer.from(lossless).fill(0x2e, 8, 9)], key, 'something else'],
    ['a version that does not exist', [withBits(0x20)], key, 'something else'],
    ['a lossless picture of 4 bytes', [riffChunk('VP8L', Buffer.from([0x2f, 0, 0, 0]))], key, 'something else'],
    ['a picture between key frames', [lossy(4, 3, 0x11)], key, 'something else'],
    ['a picture that is not shown', [lossy(4, 3, 0)], key, 'something else'],
    ['version 4', [lossy(4, 3, 0x18)], key, 'something else'],
    ['another start code', [lossy(4, 3, 0x10, [0x9d, 0x01, 0x2b])], key, 'something else'],
    ['a lossy picture of 9 bytes', [riffChunk('VP8 ', Buffer.from([0x10, 0, 0, 0x9d, 1, 0x2a, 4, 0, 3]))], key, 'something else'],
    ['a lossy picture without width', [lossy(0, 3)], 'a size from 1 × 1', '0 × 3'],
    ['a lossy picture without height', [lossy(4, 0)], 'a size from 1 × 1', '4 × 0'],
    ['EXIF first', [exif, lossless], first, 'something else'],
    ['a canvas of 9 bytes', [riffChunk('VP8X', Buffer.alloc(9)), lossless], first, 'something else'],
    ['a canvas of 2^32 pixels', [webpCanvas(65_536, 65_536), lossless], 'a canvas of less than 2^32 pixels', '65536 × 65536'],
    ['no picture', [canvas, exif], chunksText, 'no picture'],
    ['an animation of nothing', [moving, anim], chunksText, 'no picture'],
    ['a picture in an animation', [moving, lossless], chunksText, 'a picture where none may be at 30'],
    ['two pictures', [canvas, lossless, lossless], chunksText, 'a picture where none may be at 48'],
    ['another width', [canvas, webpLossless(5, 3)], chunksText, 'a picture of 5 × 3 on 4 × 3 at 30'],
    ['another height', [canvas, webpLossless(4, 2)], chunksText, 'a picture of 4 × 2 on 4 × 3 at 30'],
    ['a picture that is none', [canvas, lossy(4, 3, 0x11)], chunksText, 'a picture that is no key frame at 30'],
    ['alpha behind the picture', [canvas, lossy(), alph], chunksText, 'ALPH where none may be at 48'],
    ['alpha twice', [canvas, alph, alph, lossy()], chunksText, 'ALPH where none may be at 40'],
    ['alpha in an animation', [moving, alph, webpFrame(4, 3)], chunksText, 'ALPH where none may be at 30'],
    ['a second canvas', [canvas, canvas, lossless], chunksText, 'VP8X where none may be at 30'],
    ['ANIM in a still image', [canvas, anim, lossless], chunksText, 'ANIM where none may be at 30'],
    [
      'ANIM behind a frame',
      [moving, webpFrame(4, 3), anim],
      chunksText,
      `ANIM where none may be at ${30 + webpFrame(4, 3).length}`,
    ],
    ['a short ANIM', [moving, riffChunk('ANIM', Buffer.alloc(4)), webpFrame(4, 3)], chunksText, 'ANIM of a wrong length at 30'],
    ['a frame in a still image', [canvas, webpFrame(4, 3)], chunksText, 'ANMF where none may be at 30'],
    ['a short frame', [moving, riffChunk('ANMF', Buffer.alloc(14))], chunksText, 'ANMF of a wrong length at 30'],
    [
      'a frame too far right',
      [moving, webpFrame(4, 3, undefined, [2, 0])],
      chunksText,
      'a frame of 4 × 3 at 2, 0 on 4 × 3 at 30',
    ],
    ['a frame too far down', [moving, webpFrame(4, 3, undefined, [0, 2])], chunksText, 'a frame of 4 × 3 at 0, 2 on 4 × 3 at 30'],
    ['an empty frame', [moving, webpFrame(4, 3, Buffer.alloc(0))], chunksText, 'in a frame: no picture at 30'],
    [
      'a frame of another size',
      [moving, webpFrame(4, 3, webpLossless(3, 3))],
      chunksText,
      'in a frame: a picture of 3 × 3 on 4 × 3 at 54 at 30',
    ],
    [
      'a frame in a frame',
      [moving, webpFrame(4, 3, webpFrame(4, 3))],
      chunksText,
      'in a frame: ANMF where none may be at 54 at 30',
    ],
    ['half a chunk', [canvas, lossless, Buffer.from('EXIF')], chunksText, 'a chunk that is not whole at 48'],
    ['a chunk beyond the end', [canvas, lossless, exif.subarray(0, 10)], chunksText, 'a chunk that is not whole at 48'],
  ])('%s', (_name, chunks, expected, got) => {
    expect(of(...chunks).problem).toEqual({ rule: 'image.structure', expected, got });
  });

  it('a length that is not the file’s', () => {
    const whole = riff('WEBP', [lossless]);
    const saying = (length: number) => {
      const bytes = Buffer.from(whole);
      bytes.writeUInt32LE(length, 4);
      return readWebpHeader(bytes);
    };
    expect(saying(whole.length - 8).header).toBeDefined();
    expect(saying(whole.length - 7).problem).toMatchObject({ got: `${whole.length} of ${whole.length + 1}` });
    expect(saying(3).problem).toMatchObject({ expected: 'as many bytes as the header says', got: `${whole.length} of 11` });
    expect(saying(4).problem).toMatchObject({ expected: 'whole chunks' });
    expect(saying(whole.length - 10).problem).toBeDefined();
  });
});
