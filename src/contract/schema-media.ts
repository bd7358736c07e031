// The rules of encoded images and WAV audio in a contract file, with defaults that are closed.
import { z } from 'zod';
import { countInterval, finiteNumber, interval, strict, wholeNumber, withDefault } from './fields.ts';

const maxBytes = 2 ** 31 - 1;
const mebibyte = 1024 * 1024;
const formats = () =>
  z
    .array(z.enum(['png', 'jpeg', 'gif', 'bmp', 'webp']))
    .max(5)
    .readonly();
const choices = (max: number) => z.array(wholeNumber(1, max)).min(1).max(32).readonly().exactOptional();

/** TensorFlow's SECURITY.md lists PNG, GIF and BMP as safe for input that nobody trusts, JPEG and WebP not: hence the default of `formats`. */
export const imageRules = strict({
  formats: formats().default(['png', 'gif', 'bmp']).describe('Handed to the graph as they are.'),
  reencode: formats().default([]).describe('Decoded in a process of their own and handed over as PNG.'),
  width: countInterval(1, maxBytes).exactOptional().describe('Width in pixels.'),
  height: countInterval(1, maxBytes).exactOptional().describe('Height in pixels.'),
  maxPixels: wholeNumber(1, Number.MAX_SAFE_INTEGER).exactOptional().describe('Width × height.'),
  channels: choices(4).describe('Allowed numbers of channels.'),
  bitDepth: choices(64).describe('Allowed bits per sample.'),
  maxFrames: wholeNumber(1, 1_000_000).exactOptional().describe('Frames of an animation.'),
  maxDecodedBytes: withDefault(wholeNumber(1, Number.MAX_SAFE_INTEGER), 64 * mebibyte).describe(
    'Width × height × channels × bytes per sample × frames, by the header.',
  ),
  maxRatio: withDefault(finiteNumber(1, 1e9), 200).describe('Decoded bytes by the header over encoded bytes.'),
  inflatedSize: withDefault(z.enum(['check', 'ignore']), 'check').describe(
    'PNG: pixel data inflates to what the header declares.',
  ),
  trailingData: withDefault(z.enum(['reject', 'allow']), 'reject').describe('Bytes after the end of the image.'),
  maxMetadataBytes: withDefault(wholeNumber(0, maxBytes), 65_536).describe('EXIF, ICC, XMP, text: encoded and inflated bytes.'),
  maxScans: withDefault(wholeNumber(1, 1_000), 20).describe('Scans of a progressive JPEG.'),
  checksums: withDefault(z.enum(['check', 'ignore']), 'check').describe('Checksums of the blocks.'),
}).meta({ id: 'ImageRules', description: 'Each string is an encoded image.' });

/** Only WAV. */
export const audioRules = strict({
  sampleRate: choices(10_000_000).describe('Allowed samples per second.'),
  channels: choices(256).describe('Allowed numbers of channels.'),
  bitDepth: choices(64).describe('Allowed bits per sample.'),
  codings: z
    .array(z.enum(['pcm', 'float', 'alaw', 'mulaw']))
    .min(1)
    .max(4)
    .readonly()
    .exactOptional()
    .describe('Codings of the samples.'),
  durationSeconds: interval(0, 1e9).exactOptional().describe('Duration.'),
  maxMetadataBytes: withDefault(wholeNumber(0, maxBytes), 65_536).describe('Bytes that are not samples.'),
}).meta({ id: 'AudioRules', description: 'Each string is a WAV file; every other container is refused.' });
