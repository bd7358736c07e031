// The pixels of an uncompressed BMP as plain rows: from the top, without padding. Only copies; where each row lies was checked by the server,
// and a place beyond the bytes reads as black.
import type { BmpPixels } from './messages.ts';

export interface RawPixels {
  readonly data: Buffer;
  readonly channels: 1 | 3 | 4;
  /** Blue, green, red (and alpha), as the file has them. */
  readonly isBlueFirst: boolean;
}

interface BmpImage {
  readonly width: number;
  readonly height: number;
  /** 1 only with a palette of greys. */
  readonly channels: number;
}

/**
 * Memory: width × height × channels. The decoder's JavaScript is interpreted, not compiled: whole rows are left to native code, and only
 * a palette takes a step for each pixel.
 */
export function readBmpPixels(bytes: Buffer, { width, height, channels }: BmpImage, layout: BmpPixels): RawPixels {
  const { bitsPerPixel, isTopDown, pixelsStart, rowBytes } = layout;
  const packedBytes = (width * bitsPerPixel) / 8;
  const packed = Buffer.alloc(packedBytes * height);
  for (let row = 0; row < height; row++) {
    const from = pixelsStart + (isTopDown ? row : height - 1 - row) * rowBytes;
    bytes.copy(packed, row * packedBytes, from, from + packedBytes);
  }
  if (bitsPerPixel === 8) return throughPalette(bytes, packed, channels === 1 ? 1 : 3, layout);
  return { data: packed, channels: bitsPerPixel === 32 ? 4 : 3, isBlueFirst: true };
}

function throughPalette(bytes: Buffer, indices: Buffer, channels: 1 | 3, layout: BmpPixels): RawPixels {
  const { paletteStart, paletteEntries } = layout;
  const colours = new Uint8Array(256 * 3);
  for (let entry = 0; entry < Math.min(256, paletteEntries); entry++) {
    const at = paletteStart + entry * 4;
    colours.set(bytes.subarray(at, at + 3), entry * 3);
  }
  const data = Buffer.alloc(indices.length * channels);
  for (let i = 0, to = 0; i < indices.length; i++) {
    const from = indices[i] * 3;
    for (let channel = 0; channel < channels; channel++) data[to++] = colours[from + channel];
  }
  return { data, channels, isBlueFirst: channels === 3 };
}
