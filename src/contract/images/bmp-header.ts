// Reads the header of a BMP: uncompressed, 8 bits with a palette, 24 or 32 bits, as TensorFlow's decoder and ours read them. Everything
// else (runs, JPEG and PNG inside, other depths, the header of OS/2, where TensorFlow reads sizes at places that it does not have) is refused. Its pixels must lie in the file, all of them.
import { described, type ImageReading, int32LE, malformed, uint16LE, uint32LE } from './image-header.ts';

const fileHeaderBytes = 14;
/** BITMAPINFOHEADER, with masks, with alpha mask, V4, V5. */
const headerSizes: ReadonlySet<number> = new Set([40, 52, 56, 108, 124]);
const paletteEntryBytes = 4;
const compressionNames = ['none', 'runs of 8 bits', 'runs of 4 bits', 'bit fields', 'JPEG', 'PNG', 'bit fields with alpha'];
const bitFields = 3;
const alphaBitFields = 6;

/** Where the pixels of a BMP lie. */
export interface BmpLayout {
  readonly width: number;
  readonly height: number;
  /** The first row in the file is the top one. */
  readonly isTopDown: boolean;
  readonly bitsPerPixel: 8 | 24 | 32;
  /** Where the palette begins, and its entries of four bytes; none without a palette. */
  readonly palette: { readonly start: number; readonly entries: number };
  readonly pixelsStart: number;
  /** Bytes from one row to the next. */
  readonly rowBytes: number;
  readonly pixelsEnd: number;
}

/** The layout of bytes that begin with BM, or what is wrong with them. Constant time. */
export function readBmpLayout(bytes: Uint8Array): BmpLayout | { readonly expected: string; readonly got: string } {
  const headerBytes = bytes.length >= fileHeaderBytes + 4 ? uint32LE(bytes, fileHeaderBytes) : 0;
  if (!headerSizes.has(headerBytes)) return { expected: 'a header of 40, 52, 56, 108 or 124 bytes', got: `${headerBytes}` };
  if (bytes.length < fileHeaderBytes + headerBytes) return { expected: 'a whole header', got: `${bytes.length} bytes` };
  const width = int32LE(bytes, 18);
  const signedHeight = int32LE(bytes, 22);
  const height = Math.abs(signedHeight);
  if (width <= 0 || height === 0) return { expected: 'a size from 1 × 1', got: `${width} × ${signedHeight}` };
  const planes = uint16LE(bytes, 26);
  const bits = uint16LE(bytes, 28);
  if (planes !== 1) return { expected: '1 plane', got: `${planes}` };
  if (bits !== 8 && bits !== 24 && bits !== 32) return { expected: '8, 24 or 32 bits per pixel', got: `${bits}` };
  const compression = uint32LE(bytes, 30);
  const masks = compression === bitFields ? 3 : compression === alphaBitFields ? 4 : 0;
  if (compression !== 0 && (masks === 0 || bits !== 32))
    return { expected: 'no compression', got: compressionNames[compression] ?? `${compression}` };
  if (masks > 0 && !hasUsualMasks(bytes, masks))
    return { expected: '8 bits of each colour in the usual order', got: 'other masks' };
  // Masks stand behind a header that has no room for them.
  const afterHeader = fileHeaderBytes + headerBytes + (headerBytes === 40 ? masks * 4 : 0);
  const used = uint32LE(bytes, 46);
  if (used > 256) return { expected: 'at most 256 colours', got: `${used}` };
  const entries = bits === 8 ? used || 256 : used;
  const pixelsStart = uint32LE(bytes, 10);
  const paletteEnd = afterHeader + entries * paletteEntryBytes;
  const rowBytes = Math.ceil((width * bits) / 32) * 4;
  const pixelsEnd = pixelsStart + rowBytes * height;
  if (pixelsStart < paletteEnd) return { expected: `pixels from ${paletteEnd}`, got: `from ${pixelsStart}` };
  if (pixelsEnd > bytes.length) return { expected: `${pixelsEnd} bytes for ${width} × ${height} pixels`, got: `${bytes.length}` };
  const declared = uint32LE(bytes, 2);
  if (declared !== 0 && (declared < pixelsEnd || declared > bytes.length))
    return { expected: `a size in the header from ${pixelsEnd} to ${bytes.length}`, got: `${declared}` };
  return {
    width,
    height,
    isTopDown: signedHeight < 0,
    bitsPerPixel: bits,
    palette: { start: afterHeader, entries: bits === 8 ? entries : 0 },
    pixelsStart,
    rowBytes,
    pixelsEnd,
  };
}

function hasUsualMasks(bytes: Uint8Array, masks: number): boolean {
  const [red, green, blue] = [54, 58, 62].map((at) => uint32LE(bytes, at));
  const alpha = masks === 4 ? uint32LE(bytes, 66) : 0;
  return bytes.length >= 70 && red === 0xff0000 && green === 0xff00 && blue === 0xff && (alpha === 0 || alpha === 0xff000000);
}

/** The header of bytes that begin with BM. */
export function readBmpHeader(bytes: Uint8Array): ImageReading {
  const layout = readBmpLayout(bytes);
  if ('expected' in layout) return malformed(layout.expected, layout.got);
  const { width, height, bitsPerPixel, palette, pixelsStart, pixelsEnd } = layout;
  const isColourful = bitsPerPixel === 8 && !isGreyPalette(bytes, layout);
  return described({
    format: 'bmp',
    width,
    height,
    channels: bitsPerPixel / 8,
    ...(isColourful ? { channelsAnew: 3 } : {}),
    bitDepth: 8,
    frames: 1,
    scans: 1,
    metadataBytes: pixelsStart - (palette.start + palette.entries * paletteEntryBytes),
    trailingBytes: bytes.length - pixelsEnd,
  });
}

function isGreyPalette(bytes: Uint8Array, { palette: { start, entries } }: BmpLayout): boolean {
  for (let at = start; at < start + entries * paletteEntryBytes; at += paletteEntryBytes)
    if (bytes[at] !== bytes[at + 1] || bytes[at] !== bytes[at + 2]) return false;
  return true;
}
