// What is asked of the decoder for one job, and whether an answer is what was asked for. Both are read from headers, by the parsers that
// read a client's images: an answer may come from whoever took the decoder over.
import { type ImageHeader, type ImageJob, pngPixelProblem, readBmpLayout, readImageHeader } from '../../contract/index.ts';
import { AirlockError, violationError } from '../../core/index.ts';
import { type BmpPixels, type DecodeRequest, maxMessageBytes } from '../../decoder/index.ts';

/** That an image is at fault, in which place, and in what words. */
export function undecodable({ path }: ImageJob, got: string, detail?: string): AirlockError {
  const { message, violations } = violationError('IMAGE_UNDECODABLE', {
    path,
    rule: 'image.structure',
    expected: 'an image that can be decoded',
    got,
  });
  return new AirlockError('IMAGE_UNDECODABLE', { message, violations, ...(detail === undefined ? {} : { detail }) });
}

/** What the decoder is to make of an image. @throws IMAGE_UNDECODABLE when its header is not the job's, or it is too large to be made anew. */
export function decodeRequest(job: ImageJob, bytes: Uint8Array): DecodeRequest {
  const { header } = readImageHeader(bytes);
  // The job came of the same bytes.
  if (header === undefined || header.width !== job.width || header.height !== job.height) throw undecodable(job, 'another one');
  if (header.bitDepth !== 8 && header.format === 'jpeg') throw undecodable(job, `${header.bitDepth} bits per sample`);
  const request: DecodeRequest = {
    format: header.format,
    width: header.width,
    height: header.height,
    channels: resultChannels(header),
    resultWidth: Math.min(job.resultWidth, header.width),
    resultHeight: Math.min(job.resultHeight, header.height),
    imageBytes: bytes.length,
    ...(header.format === 'bmp' ? { bmp: bmpPixels(bytes) } : {}),
  };
  if (bytes.length > maxMessageBytes) throw undecodable(job, `${bytes.length} bytes`);
  if (maxResultBytes(request) > maxMessageBytes) throw undecodable(job, 'one that is too large to be made anew');
  return request;
}

function resultChannels(header: ImageHeader): DecodeRequest['channels'] {
  const channels = header.channelsAnew ?? header.channels;
  return channels === 1 || channels === 2 || channels === 4 ? channels : 3;
}

function bmpPixels(bytes: Uint8Array): BmpPixels {
  const layout = readBmpLayout(bytes);
  if ('expected' in layout) throw new AirlockError('INTERNAL');
  const { bitsPerPixel, isTopDown, palette, pixelsStart, rowBytes } = layout;
  const { start, entries } = palette;
  return {
    bitsPerPixel,
    isTopDown,
    paletteStart: start,
    paletteEntries: entries,
    pixelsStart,
    rowBytes,
  };
}

/** The largest PNG without metadata: DEFLATE adds a few bytes to each block at worst, a PNG a few to each chunk. */
export function maxResultBytes({ resultWidth, resultHeight, channels }: DecodeRequest): number {
  const pixelBytes = resultHeight * (resultWidth * channels + 1);
  return pixelBytes + Math.ceil(pixelBytes / 64) + 4096;
}

/** Metadata that a result may have: what libvips says of resolution, and nothing that could carry anything. */
const maxResultMetadataBytes = 64;

/** What is wrong with an answer; undefined when it is what was asked for. */
export function resultFault(image: Buffer, { resultWidth, resultHeight, channels }: DecodeRequest): string | undefined {
  const { header, problem } = readImageHeader(image);
  if (header === undefined) return `an image that is none: ${problem.got}`;
  const { format, width, height, bitDepth, frames, metadataBytes, trailingBytes, badChecksum } = header;
  if (format !== 'png' || bitDepth !== 8 || frames !== 1 || header.channels !== channels)
    return `${format} with ${header.channels} channels`;
  if (width !== resultWidth || height !== resultHeight) return `${width} × ${height} pixels`;
  if (metadataBytes > maxResultMetadataBytes || trailingBytes > 0)
    return `${metadataBytes + trailingBytes} bytes besides the pixels`;
  if (badChecksum !== undefined) return 'a wrong checksum';
  const pixels = pngPixelProblem(image);
  return pixels && `pixel data of ${pixels.got} bytes`;
}
