// Reads the header of a WAV file and walks its chunks: RIFF/WAVE with PCM, float, A-law or mu-law samples. Decodes nothing, allocates
// nothing by what it says. Big-endian (RIFX) and 64-bit files (RF64, BW64) are refused by name, as is every other coding.
import type { AudioRules } from '../contract-types.ts';

export type AudioCoding = NonNullable<AudioRules['codings']>[number];

export interface WavHeader {
  readonly coding: AudioCoding;
  readonly channels: number;
  /** Samples per second of one channel. */
  readonly sampleRate: number;
  /** Bits of one sample. */
  readonly bitDepth: number;
  readonly durationSeconds: number;
  /** Of the data chunk. */
  readonly sampleBytes: number;
  /** Everything but the RIFF header, `fmt ` and `data`, with chunk headers. */
  readonly metadataBytes: number;
}

export type WavReading =
  | { readonly header: WavHeader; readonly problem?: undefined }
  | { readonly problem: { readonly expected: string; readonly got: string }; readonly header?: undefined };

const riffBytes = 12;
const chunkHeadBytes = 8;
const codings: Readonly<Record<number, AudioCoding>> = { 1: 'pcm', 3: 'float', 6: 'alaw', 7: 'mulaw' };
const extensible = 0xfffe;
/** The end of every GUID that stands for an old coding, `-0000-0010-8000-00aa00389b71`. */
const codingGuid = [0x00, 0x00, 0x00, 0x00, 0x10, 0x00, 0x80, 0x00, 0x00, 0xaa, 0x00, 0x38, 0x9b, 0x71];
const depths: Readonly<Record<AudioCoding, readonly number[]>> = { pcm: [8, 16, 24, 32], float: [32, 64], alaw: [8], mulaw: [8] };

function textAt(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

function problem(expected: string, got: string): { readonly problem: { readonly expected: string; readonly got: string } } {
  return { problem: { expected, got } };
}

type Format = Pick<WavHeader, 'coding' | 'channels' | 'sampleRate' | 'bitDepth'> & { readonly frameBytes: number };

/** What a file says of its sound, or why that cannot be known. Never throws; linear in the number of chunks. */
export function readWavHeader(bytes: Uint8Array): WavReading {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < riffBytes) return problem('a WAV file', `${bytes.length} bytes`);
  const kind = textAt(bytes, 0);
  if (kind === 'RIFX' || kind === 'RF64' || kind === 'BW64') return problem('a little-endian WAV file below 4 GiB', kind);
  if (kind !== 'RIFF' || textAt(bytes, 8) !== 'WAVE') return problem('a WAV file', 'another format');
  const end = chunkHeadBytes + view.getUint32(4, true);
  if (end !== bytes.length) return problem(`${end} bytes, as its header says`, `${bytes.length}`);
  let format: Format | undefined;
  let sampleBytes: number | undefined;
  let metadataBytes = 0;
  for (let at = riffBytes; at < end; ) {
    const start = at + chunkHeadBytes;
    if (start > end) return problem('whole chunks', `${end - at} bytes at ${at}`);
    const length = view.getUint32(at + 4, true);
    // A chunk of an odd length is padded.
    const next = start + length + (length % 2);
    if (start + length > end) return problem('whole chunks', `${length} bytes at ${at}, where ${end - start} are`);
    const type = textAt(bytes, at);
    if (type === 'fmt ') {
      if (format !== undefined) return problem('one fmt chunk', 'two');
      const read = readFormat(view, start, length);
      if ('expected' in read) return { problem: read };
      format = read;
    } else if (type === 'data') {
      if (sampleBytes !== undefined) return problem('one data chunk', 'two');
      if (format === undefined) return problem('fmt before data', 'data first');
      if (length % format.frameBytes !== 0)
        return problem(`samples of ${format.frameBytes} bytes for all channels`, `${length} bytes of them`);
      sampleBytes = length;
    } else {
      metadataBytes += next - at;
    }
    // Many programs leave the last padding byte out.
    at = next;
  }
  if (format === undefined || sampleBytes === undefined) return problem('a fmt and a data chunk', 'one of them is missing');
  const { frameBytes, ...described } = format;
  const durationSeconds = sampleBytes / frameBytes / described.sampleRate;
  return { header: { ...described, durationSeconds, sampleBytes, metadataBytes } };
}

function readFormat(view: DataView, start: number, length: number): Format | { readonly expected: string; readonly got: string } {
  if (length < 16) return { expected: 'a fmt chunk of at least 16 bytes', got: `${length}` };
  const tag = view.getUint16(start, true);
  const bitDepth = view.getUint16(start + 14, true);
  const code = tag === extensible ? extensibleCode(view, start, length, bitDepth) : tag;
  const coding = code === undefined ? undefined : codings[code];
  if (coding === undefined) return { expected: 'pcm, float, alaw or mulaw', got: `format ${tag}` };
  const channels = view.getUint16(start + 2, true);
  const sampleRate = view.getUint32(start + 4, true);
  const frameBytes = view.getUint16(start + 12, true);
  if (!depths[coding].includes(bitDepth))
    return { expected: `${depths[coding].join(', ')} bits for ${coding}`, got: `${bitDepth}` };
  if (channels === 0 || sampleRate === 0) return { expected: 'channels and a sample rate', got: `${channels} and ${sampleRate}` };
  if (frameBytes !== (channels * bitDepth) / 8)
    return { expected: `${(channels * bitDepth) / 8} bytes per frame`, got: `${frameBytes}` };
  // Players trust this number where they should compute it.
  const byteRate = view.getUint32(start + 8, true);
  if (byteRate !== (sampleRate * frameBytes) % 2 ** 32)
    return { expected: `${sampleRate * frameBytes} bytes per second`, got: `${byteRate}` };
  return { coding, channels, sampleRate, bitDepth, frameBytes };
}

/** The coding of WAVE_FORMAT_EXTENSIBLE: in its GUID; undefined for others, and when not all bits of a sample are used. */
function extensibleCode(view: DataView, start: number, length: number, bitDepth: number): number | undefined {
  if (length < 40 || view.getUint16(start + 16, true) < 22) return undefined;
  if (view.getUint16(start + 18, true) !== bitDepth) return undefined;
  return codingGuid.every((byte, index) => view.getUint8(start + 26 + index) === byte)
    ? view.getUint16(start + 24, true)
    : undefined;
}
