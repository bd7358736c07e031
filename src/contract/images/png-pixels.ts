// How many bytes the pixels of a PNG are before compression, and whether its data inflates to just that. A header of 1 × 1 with megabytes
// behind it, or a large one with next to nothing, is no picture that anybody made.
import { type ImageProblem, uint32BE } from './image-header.ts';
import { inflatedSize } from './inflated-size.ts';
import { pixelData, pngChunkAt, pngSignature } from './png-chunks.ts';

/** Adam7 (8.1): where each pass begins and how far apart its pixels are: x, y, step of x, step of y. */
const passes = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;

/** Samples of a pixel in the file, by colour type. */
export const samplesOfColourType: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** Each row is one byte for its filter and then its pixels, in whole bytes. */
function filteredBytes(width: number, height: number, bitsPerPixel: number, isInterlaced: boolean): number {
  const picture = (columns: number, rows: number): number =>
    columns > 0 && rows > 0 ? rows * (1 + Math.ceil((columns * bitsPerPixel) / 8)) : 0;
  if (!isInterlaced) return picture(width, height);
  let total = 0;
  for (const [x, y, stepX, stepY] of passes) total += picture(Math.ceil((width - x) / stepX), Math.ceil((height - y) / stepY));
  return total;
}

/**
 * Whether the pixel data of each frame inflates to exactly what the header declares. For bytes that `readImageHeader` took as a PNG;
 * linear in their number, whatever they inflate to.
 */
export function pngPixelProblem(bytes: Uint8Array): ImageProblem | undefined {
  const ihdr = pngSignature.length + 8;
  const bitsPerPixel = bytes[ihdr + 8] * samplesOfColourType[bytes[ihdr + 9]];
  const isInterlaced = bytes[ihdr + 12] === 1;
  let width = uint32BE(bytes, ihdr);
  let height = uint32BE(bytes, ihdr + 4);
  let previous = '';
  let frame = 0;
  for (let chunk = pngChunkAt(bytes, pngSignature.length); chunk !== undefined; chunk = pngChunkAt(bytes, chunk.end + 4)) {
    const { type } = chunk;
    if ((type === 'IDAT' || type === 'fdAT') && previous !== type) {
      const expected = filteredBytes(width, height, bitsPerPixel, isInterlaced);
      const { inflatedBytes, fault } = inflatedSize(pixelData(bytes, chunk.at, type), expected);
      if (fault !== undefined || inflatedBytes !== expected) return sizeProblem(frame, expected, inflatedBytes, fault);
      frame++;
    } else if (type === 'fcTL') {
      width = uint32BE(bytes, chunk.start + 4);
      height = uint32BE(bytes, chunk.start + 8);
    } else if (type === 'IEND') {
      return undefined;
    }
    previous = type;
  }
  return undefined;
}

function sizeProblem(frame: number, expected: number, inflatedBytes: number, fault: string | undefined): ImageProblem {
  const got = inflatedBytes > expected ? 'more' : fault === undefined ? `${inflatedBytes}` : `${inflatedBytes}, then ${fault}`;
  const where = frame === 0 ? 'pixel data' : `pixel data of picture ${frame + 1}`;
  return { rule: 'image.inflatedSize', expected: `${where} that inflates to ${expected} bytes`, got };
}
