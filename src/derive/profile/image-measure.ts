// What the encoded images of one input are, by their headers only: nothing is decoded while a profile is made.
import { type ImageFormat, type ImageHeader, pngPixelProblem, readImageHeader } from '../../contract/index.ts';
import { Lengths } from './text-measure.ts';

export class ImageMeasure {
  count = 0;
  /** Files that no contract lets through, and what is wrong with the first of them. */
  problems = 0;
  firstProblem: { readonly index: number; readonly text: string } | undefined;
  readonly formats = new Map<ImageFormat, number>();
  readonly channels = new Map<number, number>();
  readonly bitDepths = new Map<number, number>();
  readonly width = new Lengths();
  readonly height = new Lengths();
  readonly pixels = new Lengths();
  readonly bytes = new Lengths();
  readonly decodedBytes = new Lengths();
  readonly metadataBytes = new Lengths();
  maxFrames = 1;
  maxScans = 1;
  maxRatio = 1;
  /** Images with bytes after their end, and with wrong checksums. */
  trailing = 0;
  badChecksums = 0;

  /** One file; `index` counts them from 1. */
  add(bytes: Uint8Array, index: number): void {
    this.count++;
    const { header, problem } = readImageHeader(bytes);
    const broken = problem ?? (header?.format === 'png' ? pngPixelProblem(bytes) : undefined);
    if (broken !== undefined || header === undefined) {
      this.problems++;
      this.firstProblem ??= { index, text: `expected ${broken?.expected ?? 'an image'}, got ${broken?.got ?? 'something else'}` };
      return;
    }
    this.#addHeader(header, bytes.length);
  }

  #addHeader(header: ImageHeader, bytes: number): void {
    count(this.formats, header.format);
    count(this.channels, header.channels);
    count(this.bitDepths, header.bitDepth);
    this.width.add(header.width);
    this.height.add(header.height);
    this.pixels.add(header.width * header.height);
    this.bytes.add(bytes);
    this.decodedBytes.add(header.decodedBytes);
    this.metadataBytes.add(header.metadataBytes);
    this.maxFrames = Math.max(this.maxFrames, header.frames);
    this.maxScans = Math.max(this.maxScans, header.scans);
    this.maxRatio = Math.max(this.maxRatio, header.decodedBytes / bytes);
    if (header.trailingBytes > 0) this.trailing++;
    if (header.badChecksum !== undefined) this.badChecksums++;
  }
}

function count<T>(counts: Map<T, number>, value: T): void {
  counts.set(value, (counts.get(value) ?? 0) + 1);
}
