// What the header parsers of all formats have in common: what they give, and how they read numbers. A parser never trusts a number of the
// file for anything but arithmetic: it allocates nothing by it, and each of its loops ends with the bytes that are really there.
import type { ImageFormat } from '../contract-types.ts';

/** What an image says of itself, checked as far as the blocks of its file allow. Nothing was decoded for it. */
export interface ImageHeader {
  readonly format: ImageFormat;
  /** Of the canvas, in pixels; at least 1, below 2^32. */
  readonly width: number;
  readonly height: number;
  /**
   * 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha (or the four inks of a CMYK JPEG). Colours of a palette count as 3; but those of
   * a BMP as 1, because TensorFlow hands out its indices and never looks at the palette.
   */
  readonly channels: number;
  /** Of the image when it is made anew, where that is something else: four inks and the palette of a BMP become colours. */
  readonly channelsAnew?: 3;
  /** Bits of one sample; of an image with a palette the palette's, which is 8. */
  readonly bitDepth: number;
  /** At least 1. */
  readonly frames: number;
  /** Passes over the pixels: more than 1 only for JPEG. */
  readonly scans: number;
  /** width × height × channels × bytes per sample × frames. */
  readonly decodedBytes: number;
  /** What no pixel needs: EXIF, ICC, XMP, text, unknown blocks, with their own headers; compressed blocks count again with what they
   * inflate to. */
  readonly metadataBytes: number;
  /** Bytes after the end of the image. */
  readonly trailingBytes: number;
  /** The first block whose checksum is wrong, for example `IDAT at 41`; undefined when all are right, or the format has none. */
  readonly badChecksum?: string;
}

/** Why there is no header: the file breaks a rule so that nothing more can be said of it. */
export interface ImageProblem {
  readonly rule: 'image.format' | 'image.structure' | 'image.inflatedSize';
  readonly expected: string;
  /** Numbers and names of blocks; never bytes of the file. */
  readonly got: string;
}

export type ImageReading =
  | { readonly header: ImageHeader; readonly problem?: undefined }
  | { readonly problem: ImageProblem; readonly header?: undefined };

/** A reading that failed because the file's blocks make no sense. */
export function malformed(expected: string, got: string): { readonly problem: ImageProblem } {
  return { problem: { rule: 'image.structure', expected, got } };
}

/** A reading that worked; works out the decoded size. */
export function described(header: Omit<ImageHeader, 'decodedBytes'>): { readonly header: ImageHeader } {
  const { width, height, channels, bitDepth, frames } = header;
  return { header: { ...header, decodedBytes: width * height * channels * Math.ceil(bitDepth / 8) * frames } };
}

/** Whether `bytes` has exactly these characters (Latin-1) at `at`. */
export function hasText(bytes: Uint8Array, at: number, text: string): boolean {
  if (at + text.length > bytes.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

// Bytes beyond the end read as 0; a caller has compared with the length before.

export function uint16BE(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

export function uint16LE(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8);
}

export function uint24LE(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16);
}

export function uint32BE(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

export function uint32LE(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

export function int32LE(bytes: Uint8Array, at: number): number {
  return uint32LE(bytes, at) | 0;
}
