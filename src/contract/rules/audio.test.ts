// Every rule of WAV audio, inside and one step outside; and headers that lie.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as make from '../../../tests/security/images/make-images.ts';
import { readWavHeader } from '../audio/index.ts';
import type { AudioRules } from '../contract-types.ts';
import { type AudioRuleName, audioViolations } from './audio.ts';

const { wav, riff, riffChunk } = make;
const open: AudioRules = { maxMetadataBytes: 1e6 };
const brokenBy = (bytes: Buffer, rules: Partial<AudioRules>) =>
  audioViolations(bytes, { ...open, ...rules }).map(({ rule }) => rule);
const note = (length: number) => riffChunk('LIST', Buffer.alloc(length * 2));

const steps: Readonly<Record<AudioRuleName, (size: number) => [inside: Buffer, rules: Partial<AudioRules>, outside: Buffer]>> = {
  'audio.structure': (size) => [wav({ frames: size }), {}, wav({ frames: size }).subarray(0, -1)],
  'audio.sampleRate': (size) => [
    wav({ sampleRate: 8000 + size }),
    { sampleRate: [44_100, 8000 + size] },
    wav({ sampleRate: 8001 + size }),
  ],
  'audio.channels': (size) => [wav({ channels: size }), { channels: [size] }, wav({ channels: size + 1 })],
  'audio.bitDepth': () => [wav({ bits: 16 }), { bitDepth: [16] }, wav({ bits: 24 })],
  'audio.codings': () => [wav({ bits: 32 }), { codings: ['pcm'] }, wav({ bits: 32, tag: 3 })],
  'audio.durationSeconds': (size) => [
    wav({ frames: size }),
    { durationSeconds: { min: size / 16_000, max: size / 16_000 } },
    wav({ frames: size - 1 }),
  ],
  'audio.maxMetadataBytes': (size) => [
    wav({ before: note(size) }),
    { maxMetadataBytes: 8 + size * 2 },
    wav({ before: note(size + 1) }),
  ],
};

describe('each rule', () => {
  it.each(Object.keys(steps) as AudioRuleName[])('%s: passes inside, and breaks alone one step outside', (name) => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 200 }), (size) => {
        const [inside, rules, outside] = steps[name](size);
        expect(brokenBy(inside, rules)).toEqual([]);
        expect(brokenBy(outside, rules)).toEqual([name]);
      }),
      { numRuns: 30 },
    );
  });
});

const fmt = (bytes: Buffer) => bytes.subarray(12, 36);
const data = (length: number) => riffChunk('data', Buffer.alloc(length));

describe('readWavHeader', () => {
  it('reads every coding', () => {
    expect(readWavHeader(wav({ frames: 8000 })).header).toEqual({
      coding: 'pcm',
      channels: 1,
      sampleRate: 16_000,
      bitDepth: 16,
      durationSeconds: 0.5,
      sampleBytes: 16_000,
      metadataBytes: 0,
    });
    expect(readWavHeader(wav({ tag: 3, bits: 64 })).header?.coding).toBe('float');
    expect(readWavHeader(wav({ tag: 6, bits: 8 })).header?.coding).toBe('alaw');
    expect(readWavHeader(wav({ tag: 7, bits: 8, channels: 2, frames: 2 })).header?.coding).toBe('mulaw');
  });

  it('looks into the extensible format', () => {
    const plain = fmt(wav({ channels: 2, bits: 24, tag: 0xfffe })).subarray(8);
    const guid = Buffer.from('0100000000001000800000aa00389b71', 'hex');
    const extension = (code: Buffer, bits = 24) => Buffer.concat([Buffer.from([22, 0, bits, 0, 3, 0, 0, 0]), code]);
    const build = (end: Buffer) => riff('WAVE', [riffChunk('fmt ', Buffer.concat([plain, end])), data(12)]);
    expect(readWavHeader(build(extension(guid))).header).toMatchObject({ coding: 'pcm', channels: 2, bitDepth: 24 });
    expect(readWavHeader(build(extension(Buffer.alloc(16, 7)))).problem).toBeDefined();
    expect(readWavHeader(build(extension(guid, 20))).problem).toBeDefined();
    expect(readWavHeader(build(Buffer.alloc(2))).problem).toBeDefined();
  });

  it.each<[string, Buffer]>([
    ['big-endian', Buffer.from(wav()).fill('RIFX', 0, 4)],
    ['64-bit', Buffer.from(wav()).fill('RF64', 0, 4)],
    ['another container', Buffer.from('OggS\0\0\0\0\0\0\0\0')],
    ['another coding (ADPCM)', wav({ tag: 2, bits: 8 })],
    ['12 bits', wav({ bits: 12, frames: 2 })],
    ['no channels', wav({ channels: 0, frames: 0 })],
    ['no sample rate', wav({ sampleRate: 0 })],
    ['data of another length than the file', Buffer.from(wav()).fill(0xff, 40, 44)],
    ['half a sample', riff('WAVE', [fmt(wav()), data(3)])],
    ['data before the format', riff('WAVE', [data(2), fmt(wav())])],
    ['two formats', riff('WAVE', [fmt(wav()), fmt(wav({ channels: 9 })), data(2)])],
    ['two data chunks', riff('WAVE', [fmt(wav()), data(2), data(2)])],
    ['no data', riff('WAVE', [fmt(wav())])],
    ['bytes behind it', Buffer.concat([wav(), Buffer.from('PK')])],
    ['a byte rate that does not follow', Buffer.from(wav()).fill(1, 28, 29)],
    ['a frame size that does not follow', Buffer.from(wav()).fill(9, 32, 33)],
    ['a chunk head that is not whole', riff('WAVE', [fmt(wav()), data(2), Buffer.alloc(5)])],
  ])('refuses %s', (_name, bytes) => {
    expect(readWavHeader(bytes).problem).toBeDefined();
  });

  it('never throws, and ends', () => {
    const seeds = [wav(), wav({ before: note(30) }), wav({ tag: 0xfffe })];
    fc.assert(
      fc.property(
        fc.constantFrom(...seeds),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 5 }),
        fc.nat(400),
        (seed, hits, cut) => {
          const bytes = Buffer.from(seed.subarray(0, cut));
          for (const [place, value] of hits) if (bytes.length > 0) bytes[place % bytes.length] = value;
          const { header, problem } = readWavHeader(bytes);
          expect((header === undefined) !== (problem === undefined)).toBe(true);
          if (header !== undefined) expect(header.sampleBytes + header.metadataBytes).toBeLessThanOrEqual(bytes.length);
        },
      ),
      { numRuns: 2000 },
    );
    const many = wav({ before: Buffer.concat(new Array<Buffer>(60_000).fill(riffChunk('junk', Buffer.alloc(0)))) });
    const start = performance.now();
    expect(readWavHeader(many).header?.metadataBytes).toBe(480_000);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
