// The one way to read an image's header: the format is what its first bytes are, never what a name or a type says.
import type { ImageFormat } from '../contract-types.ts';
import { readBmpHeader } from './bmp-header.ts';
import { readGifHeader } from './gif-header.ts';
import { hasText, type ImageReading } from './image-header.ts';
import { readJpegHeader } from './jpeg-header.ts';
import { pngSignature } from './png-chunks.ts';
import { readPngHeader } from './png-header.ts';
import { readWebpHeader } from './webp-header.ts';

const readers: Readonly<Record<ImageFormat, (bytes: Uint8Array) => ImageReading>> = {
  png: readPngHeader,
  jpeg: readJpegHeader,
  gif: readGifHeader,
  bmp: readBmpHeader,
  webp: readWebpHeader,
};

/** The format by the first bytes; undefined for everything that is none of the five. */
export function sniffImageFormat(bytes: Uint8Array): ImageFormat | undefined {
  if (hasText(bytes, 0, pngSignature)) return 'png';
  if (hasText(bytes, 0, '\xff\xd8\xff')) return 'jpeg';
  if (hasText(bytes, 0, 'GIF87a') || hasText(bytes, 0, 'GIF89a')) return 'gif';
  if (hasText(bytes, 0, 'BM')) return 'bmp';
  if (hasText(bytes, 0, 'RIFF') && hasText(bytes, 8, 'WEBP')) return 'webp';
  return undefined;
}

/**
 * What an encoded image says of itself, or why that cannot be known. Never throws, decodes and expands nothing, and takes time linear in
 * the number of bytes. Whether its pixel data is what the header says is another question: `pngPixelProblem`.
 */
export function readImageHeader(bytes: Uint8Array): ImageReading {
  const format = sniffImageFormat(bytes);
  if (format !== undefined) return readers[format](bytes);
  return { problem: { rule: 'image.format', expected: 'png, jpeg, gif, bmp or webp', got: 'none of them' } };
}
