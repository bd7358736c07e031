// Reads the header of a PNG (third edition, 2025) and walks all of its chunks, with their order and their checksums. Inflates nothing.
import { crc32 } from 'node:zlib';
import { described, type ImageReading, malformed, uint32BE } from './image-header.ts';
import { inflatedSize } from './inflated-size.ts';
import { byteRange, chunkOverheadBytes, type PngChunk, pngChunkAt, pngSignature } from './png-chunks.ts';
import { samplesOfColourType } from './png-pixels.ts';

/** Bit depths of each colour type (table 11.1). */
const depths: Readonly<Record<number, readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

const maxSize = 2 ** 31 - 1;
/** What the walk has seen so far. */
interface Walk {
  readonly bytes: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colourType: number;
  previous: string;
  hasPalette: boolean;
  hasTransparency: boolean;
  hasPixels: boolean;
  declaredFrames: number | undefined;
  controls: number;
  /** Of fcTL and fdAT chunks, which are counted together. */
  sequence: number;
  /** The picture that an fcTL announced has its data. */
  hasFrameData: boolean;
  metadataBytes: number;
}

/** The header of bytes that begin with a PNG's signature. Linear in their number; the same whatever they inflate to. */
export function readPngHeader(bytes: Uint8Array): ImageReading {
  const first = pngChunkAt(bytes, pngSignature.length);
  if (first?.type !== 'IHDR' || first.end - first.start !== 13) return malformed('IHDR with 13 bytes first', 'something else');
  const at = first.start;
  const [width, height] = [uint32BE(bytes, at), uint32BE(bytes, at + 4)];
  const [depth, colourType, compression, filter, interlace] = bytes.subarray(at + 8, at + 13);
  if (width === 0 || height === 0 || width > maxSize || height > maxSize)
    return malformed('a size from 1 × 1 to 2147483647 × 2147483647', `${width} × ${height}`);
  if (!(depths[colourType]?.includes(depth) ?? false))
    return malformed('a colour type and a bit depth that go together', `colour type ${colourType} with ${depth} bits`);
  if (compression !== 0 || filter !== 0 || interlace > 1)
    return malformed('compression 0, filter 0 and interlacing 0 or 1', `${compression}, ${filter} and ${interlace}`);
  return walkChunks(first, {
    bytes,
    width,
    height,
    depth,
    colourType,
    previous: 'IHDR',
    hasPalette: false,
    hasTransparency: false,
    hasPixels: false,
    declaredFrames: undefined,
    controls: 0,
    sequence: 0,
    hasFrameData: true,
    metadataBytes: 0,
  });
}

function walkChunks(first: PngChunk, walk: Walk): ImageReading {
  const { bytes } = walk;
  let badChecksum: string | undefined;
  let chunk: PngChunk | undefined = first;
  while (chunk !== undefined) {
    const { type, start, end } = chunk;
    if (badChecksum === undefined && crc32(bytes.subarray(start - 4, end)) !== uint32BE(bytes, end))
      badChecksum = `${type} at ${chunk.at}`;
    if (type === 'IEND') return finish(walk, chunk, badChecksum);
    if (chunk !== first) {
      const fault = visit(walk, chunk);
      if (fault !== undefined) return malformed('chunks as the PNG specification has them', `${fault} at ${chunk.at}`);
    }
    walk.previous = type;
    chunk = pngChunkAt(bytes, end + 4);
  }
  return malformed('whole chunks up to IEND', 'an end before it');
}

/** Looks at one chunk; gives what is wrong with it. */
function visit(walk: Walk, chunk: PngChunk): string | undefined {
  const { type, start, end } = chunk;
  const length = end - start;
  switch (type) {
    case 'PLTE':
      return visitPalette(walk, length);
    case 'IDAT':
      if (walk.hasPixels && walk.previous !== 'IDAT') return 'IDAT chunks that do not follow each other';
      if (walk.colourType === 3 && !walk.hasPalette) return 'IDAT without PLTE';
      walk.hasPixels = true;
      // When an fcTL stands before it, the picture is the animation's first frame.
      walk.hasFrameData = true;
      return undefined;
    case 'tRNS':
      return visitTransparency(walk, length);
    case 'acTL':
    case 'fcTL':
    case 'fdAT':
      return visitAnimation(walk, chunk);
    case 'IHDR':
      return 'a second IHDR';
    default:
      return visitMetadata(walk, chunk);
  }
}

function visitPalette(walk: Walk, length: number): string | undefined {
  const entries = length / 3;
  const mayBe = walk.colourType !== 0 && walk.colourType !== 4 && !walk.hasPalette && !walk.hasPixels && !walk.hasTransparency;
  if (!mayBe) return 'PLTE where none may be';
  const most = walk.colourType === 3 ? 2 ** walk.depth : 256;
  if (!Number.isInteger(entries) || entries < 1 || entries > most) return `PLTE with ${length} bytes`;
  walk.hasPalette = true;
  return undefined;
}

function visitTransparency(walk: Walk, length: number): string | undefined {
  const { colourType } = walk;
  if (walk.hasPixels || walk.hasTransparency || colourType > 3) return 'tRNS where none may be';
  if (colourType === 3 && !walk.hasPalette) return 'tRNS before PLTE';
  const isRight = colourType === 3 ? length >= 1 && length <= 256 : length === samplesOfColourType[colourType] * 2;
  if (!isRight) return `tRNS with ${length} bytes`;
  walk.hasTransparency = true;
  return undefined;
}

/** Animations (11.3.2.2 and following): frames are as many as declared, inside the canvas, numbered, each with data. */
function visitAnimation(walk: Walk, { type, start, end }: PngChunk): string | undefined {
  const { bytes } = walk;
  const length = end - start;
  if (type === 'acTL') {
    if (walk.declaredFrames !== undefined || walk.hasPixels || length !== 8) return 'acTL where none may be';
    walk.declaredFrames = uint32BE(bytes, start);
    return walk.declaredFrames === 0 ? 'acTL with no frames' : undefined;
  }
  if (walk.declaredFrames === undefined) return `${type} without acTL`;
  if (length < 4 || uint32BE(bytes, start) !== walk.sequence) return `${type} with a wrong number`;
  walk.sequence++;
  if (type === 'fdAT') {
    if (!walk.hasPixels || walk.controls === 0 || (walk.hasFrameData && walk.previous !== 'fdAT')) return 'fdAT without fcTL';
    walk.hasFrameData = true;
    return undefined;
  }
  if (length !== 26 || !walk.hasFrameData) return 'fcTL where none may be';
  walk.controls++;
  walk.hasFrameData = false;
  const [width, height] = [uint32BE(bytes, start + 4), uint32BE(bytes, start + 8)];
  const [x, y] = [uint32BE(bytes, start + 12), uint32BE(bytes, start + 16)];
  const isWhole = walk.hasPixels || (width === walk.width && height === walk.height && x === 0 && y === 0);
  const isInside = width > 0 && height > 0 && x + width <= walk.width && y + height <= walk.height;
  return isWhole && isInside ? undefined : `a frame of ${width} × ${height} at ${x}, ${y}`;
}

function visitMetadata(walk: Walk, { type, start, end }: PngChunk): string | undefined {
  // The third letter is reserved; a capital first letter says that nobody can read the image who does not know the chunk.
  if ((type.charCodeAt(2) & 0x20) !== 0 || (type.charCodeAt(0) & 0x20) === 0) return 'a chunk that is not known';
  walk.metadataBytes += chunkOverheadBytes + (end - start);
  const compressedAt = compressedPart(walk.bytes, { type, start, end });
  if (compressedAt === undefined) return undefined;
  const { inflatedBytes, fault } = inflatedSize(byteRange(walk.bytes, compressedAt, end), Number.MAX_SAFE_INTEGER);
  walk.metadataBytes += inflatedBytes;
  return fault === undefined ? undefined : `${type} that does not inflate`;
}

/** Where the zlib stream of a metadata chunk begins; undefined when it has none. */
function compressedPart(bytes: Uint8Array, { type, start, end }: Pick<PngChunk, 'type' | 'start' | 'end'>): number | undefined {
  if (type !== 'zTXt' && type !== 'iTXt' && type !== 'iCCP') return undefined;
  const afterText = (from: number): number => {
    const zero = bytes.subarray(from, end).indexOf(0);
    return zero === -1 ? end : from + zero + 1;
  };
  const method = afterText(start);
  if (type !== 'iTXt') return Math.min(method + 1, end);
  // Flag and method, then a language and a translated keyword, each ended by 0.
  return bytes[method] === 1 && method < end ? afterText(afterText(Math.min(method + 2, end))) : undefined;
}

function finish(walk: Walk, { start, end }: PngChunk, badChecksum: string | undefined): ImageReading {
  const { bytes, width, height, depth, colourType, declaredFrames, metadataBytes } = walk;
  if (end !== start) return malformed('IEND without data', `${end - start} bytes`);
  if (!walk.hasPixels) return malformed('pixel data (IDAT)', 'none');
  if (declaredFrames !== undefined && (declaredFrames !== walk.controls || !walk.hasFrameData))
    return malformed(`${declaredFrames} frames, as acTL says`, `${walk.controls}`);
  const isIndexed = colourType === 3;
  return described({
    format: 'png',
    width,
    height,
    channels: isIndexed ? 3 + Number(walk.hasTransparency) : samplesOfColourType[colourType],
    bitDepth: isIndexed ? 8 : depth,
    frames: declaredFrames ?? 1,
    scans: 1,
    metadataBytes,
    trailingBytes: bytes.length - (end + 4),
    ...(badChecksum === undefined ? {} : { badChecksum }),
  });
}
