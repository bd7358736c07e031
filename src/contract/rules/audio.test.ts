// Every rule of WAV audio, inside and one step outside; and headers that lie.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as make from '../../../tests/security/images/make-images.ts';
import { readWavHeader } from '../audio/index.ts';
import type { AudioRules } from '../contract-types.ts';
import { Findings } from '../findings.ts';
import { type AudioRuleName, audioViolations, compileAudioRules } from './audio.ts';

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

describe('compileAudioRules', () => {
  it.each(['off', 'shadow', 'sample'] as const)(
    'refuses by every enforced rule what cannot be read, where that is %s',
    (mode) => {
      const audio: AudioRules = { maxMetadataBytes: 9, sampleRate: [16_000] };
      const rules = { dtype: 'DT_STRING', audio, onViolation: new Map(), modes: new Map(), derivedFrom: new Map() } as const;
      const bytes = Buffer.from('no sound');
      const refusedBy = (modeOf: (name: string) => 'enforce' | typeof mode) => {
        const check = compileAudioRules({
          rules,
          bind: (name) => {
            const bound = modeOf(name);
            return bound === 'off' ? undefined : { id: name, name, mode: bound, action: { kind: 'reject' } };
          },
        });
        const findings = new Findings({ limit: 9, draw: 0.5, sampleFraction: 0 });
        const tensor = { dtype: 'DT_STRING', shape: [1], bytes, offsets: Uint32Array.of(0, bytes.length) } as const;
        check?.(tensor, {
          path: () => 'x',
          findings,
          dims: new Map(),
          imageJobs: [],
          measure: { pixels: 0, patternWork: 0, patternMs: 0 },
        });
        return findings.kept.flatMap(({ outcome, rule }) => (outcome === 'reject' ? [rule.name] : []));
      };
      expect(refusedBy(() => 'enforce')).toEqual(['audio.structure']);
      const others = ['audio.sampleRate', 'audio.maxMetadataBytes'];
      expect(refusedBy((name) => (name === 'audio.structure' ? mode : 'enforce'))).toEqual(others);
      expect(refusedBy(() => mode)).toEqual([]);
    },
  );
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
    const unknown = { expected: 'pcm, float, alaw or mulaw', got: 'format 65534' };
    expect(readWavHeader(build(extension(Buffer.alloc(16, 7)))).problem).toEqual(unknown);
    // Each byte of the rest of the GUID counts.
    for (let at = 2; at < 16; at++) {
      const other = Buffer.from(guid).fill(guid[at] ^ 1, at, at + 1);
      expect(readWavHeader(build(extension(other))).problem).toEqual(unknown);
    }
    expect(readWavHeader(build(extension(guid, 20))).problem).toEqual(unknown);
    expect(readWavHeader(build(Buffer.alloc(2))).problem).toEqual(unknown);
    // An extension that says it is shorter than what follows.
    expect(readWavHeader(build(extension(guid).fill(21, 0, 1))).problem).toEqual(unknown);
  });

  it.each<[string, Buffer, expected: string, got: string]>([
    ['nothing', Buffer.alloc(0), 'a WAV file', '0 bytes'],
    ['eleven bytes', wav().subarray(0, 11), 'a WAV file', '11 bytes'],
    ['big-endian', Buffer.from(wav()).fill('RIFX', 0, 4), 'a little-endian WAV file below 4 GiB', 'RIFX'],
    ['64-bit', Buffer.from(wav()).fill('RF64', 0, 4), 'a little-endian WAV file below 4 GiB', 'RF64'],
    ['64-bit as broadcasters write it', Buffer.from(wav()).fill('BW64', 0, 4), 'a little-endian WAV file below 4 GiB', 'BW64'],
    ['another container', Buffer.from('OggS\0\0\0\0\0\0\0\0'), 'a WAV file', 'another format'],
    ['another container with the form of WAV', Buffer.from(wav()).fill('FORM', 0, 4), 'a WAV file', 'another format'],
    ['another form of RIFF', Buffer.from(wav()).fill('AVI ', 8, 12), 'a WAV file', 'another format'],
    ['another coding (ADPCM)', wav({ tag: 2, bits: 8 }), 'pcm, float, alaw or mulaw', 'format 2'],
    ['12 bits', wav({ bits: 12, frames: 2 }), '8, 16, 24, 32 bits for pcm', '12'],
    ['floats of 16 bits', wav({ tag: 3, bits: 16 }), '32, 64 bits for float', '16'],
    ['no channels', wav({ channels: 0, frames: 0 }), 'channels and a sample rate', '0 and 16000'],
    ['no sample rate', wav({ sampleRate: 0 }), 'channels and a sample rate', '1 and 0'],
    ['data of another length than the file', Buffer.from(wav()).fill(0xff, 40, 44), 'whole chunks', '4294967295 bytes at 36'],
    ['half a sample', riff('WAVE', [fmt(wav()), data(3)]), 'samples of 2 bytes for all channels', '3 bytes of them'],
    ['data before the format', riff('WAVE', [data(2), fmt(wav())]), 'fmt before data', 'data first'],
    ['two formats', riff('WAVE', [fmt(wav()), fmt(wav({ channels: 9 })), data(2)]), 'one fmt chunk', 'two'],
    ['two formats that say the same', riff('WAVE', [fmt(wav()), fmt(wav()), data(2)]), 'one fmt chunk', 'two'],
    ['two data chunks', riff('WAVE', [fmt(wav()), data(2), data(2)]), 'one data chunk', 'two'],
    ['no data', riff('WAVE', [fmt(wav())]), 'a fmt and a data chunk', 'one of them is missing'],
    ['nothing but a head', riff('WAVE', []), 'a fmt and a data chunk', 'one of them is missing'],
    [
      'a short format',
      riff('WAVE', [riffChunk('fmt ', fmt(wav()).subarray(8, 22)), data(2)]),
      'a fmt chunk of at least 16 bytes',
      '14',
    ],
    ['bytes behind it', Buffer.concat([wav(), Buffer.from('PK')]), 'bytes, as its header says', ''],
    ['a byte rate that does not follow', Buffer.from(wav()).fill(1, 28, 29), '32000 bytes per second', ''],
    ['a frame size that does not follow', Buffer.from(wav()).fill(9, 32, 33), '2 bytes per frame', '9'],
    ['a chunk head that is not whole', riff('WAVE', [fmt(wav()), data(2), Buffer.alloc(5)]), 'whole chunks', 'bytes at 46'],
  ])('refuses %s', (_name, bytes, expected, got) => {
    const { problem } = readWavHeader(bytes);
    expect(problem?.expected).toContain(expected);
    expect(problem?.got).toContain(got);
  });

  it('takes a chunk head at the very end, and an odd chunk with and without its padding', () => {
    const empty = riff('WAVE', [fmt(wav()), data(2), riffChunk('junk', Buffer.alloc(0))]);
    expect(readWavHeader(empty).header).toMatchObject({ sampleBytes: 2, metadataBytes: 8 });
    const odd = riff('WAVE', [fmt(wav()), riffChunk('junk', Buffer.alloc(3)), data(4)]);
    expect(readWavHeader(odd).header).toMatchObject({ sampleBytes: 4, metadataBytes: 12 });
    const bare = Buffer.from(riff('WAVE', [fmt(wav({ bits: 8 })), data(3)]).subarray(0, 12 + 24 + 8 + 3));
    bare.writeUInt32LE(bare.length - 8, 4);
    expect(readWavHeader(bare).header).toMatchObject({ sampleBytes: 3 });
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
