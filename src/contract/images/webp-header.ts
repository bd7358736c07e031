// Reads the header of a WebP and walks all of its chunks (RFC 9649), also those inside the frames of an animation. Decodes nothing. Sizes
// stand in up to three places; where they differ, decoders differ too, so they must not.
import { described, hasText, type ImageReading, malformed, uint16LE, uint24LE, uint32LE } from './image-header.ts';

const riffBytes = 12;
const chunkHeadBytes = 8;
const alphaFlag = 0x10;
const animationFlag = 0x02;

interface Chunk {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  /** After the padding to an even length. */
  readonly next: number;
}

/** The chunk at `at`, which must end by `limit`. */
function chunkAt(bytes: Uint8Array, at: number, limit: number): Chunk | undefined {
  if (at + chunkHeadBytes > limit) return undefined;
  const start = at + chunkHeadBytes;
  const end = start + uint32LE(bytes, at + 4);
  const next = end + (end % 2 === start % 2 ? 0 : 1);
  if (next > limit) return undefined;
  return { type: String.fromCharCode(...bytes.subarray(at, at + 4)), start, end, next };
}

interface Picture {
  readonly width: number;
  readonly height: number;
  readonly hasAlpha: boolean;
}

/** What the data of a `VP8 ` (lossy) or `VP8L` (lossless) chunk says of itself; undefined when it is none. */
function readPicture(bytes: Uint8Array, { type, start, end }: Chunk): Picture | undefined {
  if (type === 'VP8L') {
    const isRight = end - start >= 5 && bytes[start] === 0x2f;
    const bits = uint32LE(bytes, start + 1);
    // Version 0.
    if (!isRight || bits >>> 29 !== 0) return undefined;
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1, hasAlpha: ((bits >>> 28) & 1) === 1 };
  }
  // A key frame, version 0 to 3, to be shown, with its start code.
  const isRight = end - start >= 10 && (bytes[start] & 1) === 0 && ((bytes[start] >> 1) & 7) <= 3 && (bytes[start] & 16) !== 0;
  if (!isRight || !hasText(bytes, start + 3, '\x9d\x01\x2a')) return undefined;
  return { width: uint16LE(bytes, start + 6) & 0x3fff, height: uint16LE(bytes, start + 8) & 0x3fff, hasAlpha: false };
}

function isPicture({ type }: Chunk): boolean {
  return type === 'VP8 ' || type === 'VP8L';
}

/** What was found between the chunks of one picture: of a still image's file, or of one frame. */
interface Contents {
  picture: Picture | undefined;
  hasAlphaChunk: boolean;
  frames: number;
  framesHaveAlpha: boolean;
  metadataBytes: number;
}

const noContents = (): Contents => ({
  picture: undefined,
  hasAlphaChunk: false,
  frames: 0,
  framesHaveAlpha: false,
  metadataBytes: 0,
});

/** The header of bytes that begin with RIFF and have WEBP at 8. Linear in their number. */
export function readWebpHeader(bytes: Uint8Array): ImageReading {
  const end = chunkHeadBytes + uint32LE(bytes, 4);
  if (end < riffBytes || end > bytes.length) return malformed('as many bytes as the header says', `${bytes.length} of ${end}`);
  const first = chunkAt(bytes, riffBytes, end);
  if (first === undefined) return malformed('whole chunks', `none at ${riffBytes}`);
  const trailingBytes = bytes.length - end;
  const still = { format: 'webp', bitDepth: 8, scans: 1, trailingBytes } as const;
  if (isPicture(first)) {
    const picture = readPicture(bytes, first);
    if (picture === undefined) return malformed('a VP8 or VP8L key frame', 'something else');
    if (picture.width === 0 || picture.height === 0)
      return malformed('a size from 1 × 1', `${picture.width} × ${picture.height}`);
    const metadataBytes = end - first.next;
    const { width, height, hasAlpha } = picture;
    return described({ ...still, width, height, channels: hasAlpha ? 4 : 3, frames: 1, metadataBytes });
  }
  if (first.type !== 'VP8X' || first.end - first.start !== 10) return malformed('VP8, VP8L or VP8X first', 'something else');
  const flags = bytes[first.start];
  const width = uint24LE(bytes, first.start + 4) + 1;
  const height = uint24LE(bytes, first.start + 7) + 1;
  if (width * height > 2 ** 32 - 1) return malformed('a canvas of less than 2^32 pixels', `${width} × ${height}`);
  const isAnimated = (flags & animationFlag) !== 0;
  const contents = readChunks(bytes, first.next, end, { width, height, isAnimated });
  if (typeof contents === 'string') return malformed('chunks as the WebP specification has them', contents);
  const hasAlpha =
    (flags & alphaFlag) !== 0 || contents.hasAlphaChunk || contents.framesHaveAlpha || contents.picture?.hasAlpha === true;
  const { frames, metadataBytes } = contents;
  return described({ ...still, width, height, channels: hasAlpha ? 4 : 3, frames: isAnimated ? frames : 1, metadataBytes });
}

/** What the chunks are for. Inside a frame it is a still one, which holds one picture of just its size. */
interface Canvas {
  readonly width: number;
  readonly height: number;
  readonly isAnimated: boolean;
}

/** Walks the chunks between two places; gives what is wrong with them. A frame's chunks are walked too; frames hold no frames. */
function readChunks(bytes: Uint8Array, from: number, end: number, canvas: Canvas): Contents | string {
  const contents = noContents();
  let at = from;
  while (at < end) {
    const chunk = chunkAt(bytes, at, end);
    if (chunk === undefined) return `a chunk that is not whole at ${at}`;
    const fault = visit(bytes, chunk, canvas, contents);
    if (fault !== undefined) return `${fault} at ${at}`;
    at = chunk.next;
  }
  if (canvas.isAnimated ? contents.frames === 0 : contents.picture === undefined) return 'no picture';
  return contents;
}

function visit(bytes: Uint8Array, chunk: Chunk, canvas: Canvas, contents: Contents): string | undefined {
  if (isPicture(chunk)) {
    if (canvas.isAnimated || contents.picture !== undefined) return 'a picture where none may be';
    const picture = readPicture(bytes, chunk);
    if (picture === undefined) return 'a picture that is no key frame';
    if (picture.width !== canvas.width || picture.height !== canvas.height)
      return `a picture of ${picture.width} × ${picture.height} on ${canvas.width} × ${canvas.height}`;
    contents.picture = picture;
  } else if (chunk.type === 'ALPH' && !canvas.isAnimated) {
    if (contents.hasAlphaChunk || contents.picture !== undefined) return 'ALPH where none may be';
    contents.hasAlphaChunk = true;
  } else if (chunk.type === 'ANMF' && canvas.isAnimated) {
    return visitFrame(bytes, chunk, canvas, contents);
  } else if (chunk.type === 'ANIM' && canvas.isAnimated && contents.frames === 0) {
    return chunk.end - chunk.start === 6 ? undefined : 'ANIM of a wrong length';
  } else if (chunk.type === 'VP8X' || chunk.type === 'ANMF' || chunk.type === 'ANIM' || chunk.type === 'ALPH') {
    return `${chunk.type} where none may be`;
  } else {
    // ICCP, EXIF, XMP and what nobody knows.
    contents.metadataBytes += chunk.next - chunk.start + chunkHeadBytes;
  }
  return undefined;
}

function visitFrame(bytes: Uint8Array, { start, end }: Chunk, canvas: Canvas, contents: Contents): string | undefined {
  if (end - start < 16) return 'ANMF of a wrong length';
  const [x, y] = [uint24LE(bytes, start) * 2, uint24LE(bytes, start + 3) * 2];
  const [width, height] = [uint24LE(bytes, start + 6) + 1, uint24LE(bytes, start + 9) + 1];
  if (x + width > canvas.width || y + height > canvas.height)
    return `a frame of ${width} × ${height} at ${x}, ${y} on ${canvas.width} × ${canvas.height}`;
  const inside = readChunks(bytes, start + 16, end, { width, height, isAnimated: false });
  if (typeof inside === 'string') return `in a frame: ${inside}`;
  contents.frames++;
  contents.metadataBytes += inside.metadataBytes;
  contents.framesHaveAlpha ||= inside.hasAlphaChunk || inside.picture?.hasAlpha === true;
  return undefined;
}
