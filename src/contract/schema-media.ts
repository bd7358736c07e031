// The rules of encoded images and WAV audio in a contract file, with defaults that are closed.
import { z } from 'zod';
import { countInterval, finiteNumber, interval, strict, wholeNumber, withDefault } from './fields.ts';
import { defaultAudioRules, defaultImageRules, safeImageFormats } from './image-defaults.ts';

const maxBytes = 2 ** 31 - 1;
const defaults = defaultImageRules;
const formats = () =>
  z
    .array(z.enum(['png', 'jpeg', 'gif', 'bmp', 'webp']))
    .max(5)
    .readonly();
const choices = (max: number) => z.array(wholeNumber(1, max)).min(1).max(32).readonly().exactOptional();

export const imageRules = strict({
  formats: formats().default(safeImageFormats).describe('Handed to the graph as they are.'),
  reencode: formats().default([]).describe('Decoded in a process of their own and handed over as PNG.'),
  width: countInterval(1, maxBytes).exactOptional().describe('Width in pixels.'),
  height: countInterval(1, maxBytes).exactOptional().describe('Height in pixels.'),
  maxPixels: wholeNumber(1, Number.MAX_SAFE_INTEGER).exactOptional().describe('Width × height.'),
  channels: choices(4).describe('Allowed numbers of channels.'),
  bitDepth: choices(64).describe('Allowed bits per sample.'),
  maxFrames: wholeNumber(1, 1_000_000).exactOptional().describe('Frames of an animation.'),
  maxDecodedBytes: withDefault(wholeNumber(1, Number.MAX_SAFE_INTEGER), defaults.maxDecodedBytes).describe(
    'Width × height × channels × bytes per sample × frames, by the header.',
  ),
  maxRatio: withDefault(finiteNumber(1, 1e9), defaults.maxRatio).describe('Decoded bytes by the header over encoded bytes.'),
  inflatedSize: withDefault(z.enum(['check', 'ignore']), defaults.inflatedSize).describe(
    'PNG: pixel data inflates to what the header declares.',
  ),
  trailingData: withDefault(z.enum(['reject', 'allow']), defaults.trailingData).describe('Bytes after the end of the image.'),
  maxMetadataBytes: withDefault(wholeNumber(0, maxBytes), defaults.maxMetadataBytes).describe(
    'EXIF, ICC, XMP, text: encoded and inflated bytes.',
  ),
  maxScans: withDefault(wholeNumber(1, 1_000), defaults.maxScans).describe('Scans of a progressive JPEG.'),
  checksums: withDefault(z.enum(['check', 'ignore']), defaults.checksums).describe('Checksums of the blocks.'),
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
  maxMetadataBytes: withDefault(wholeNumber(0, maxBytes), defaultAudioRules.maxMetadataBytes).describe(
    'Bytes that are not samples.',
  ),
}).meta({ id: 'AudioRules', description: 'Each string is a WAV file; every other container is refused.' });
