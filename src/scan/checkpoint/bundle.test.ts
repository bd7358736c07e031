import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bundleFolder,
  bytesField,
  floats,
  folderOf,
  headerProto,
  numberField,
  shapeProto,
  stringValues,
  type Variable,
} from '../../../tests/support/checkpoint-builder.ts';
import { recordingContext } from '../../../tests/support/recording-context.ts';
import { type CheckpointFolder, scanBundle } from './index.ts';

function scan(folder: CheckpointFolder) {
  const context = recordingContext();
  const facts = scanBundle(folder, 'ckpt-1', context);
  return {
    facts,
    parts: context.parts,
    findings: context.findings,
    said: context.findings.map((finding) => `${finding.severity} ${finding.ruleId}`),
  };
}

const four = floats(1, 2, 3, 4);
const lie = (entry: Variable['lie']): CheckpointFolder => bundleFolder([{ name: 'v', bytes: four, lie: entry }]);
const hello = stringValues(['hello', '']);
const stringLie = (values: { bytes: Buffer; crc: number }, shape: number[]): Variable => ({
  name: 's',
  bytes: values.bytes,
  lie: { dtype: 7, shape, crc: values.crc },
});

describe('scanBundle()', () => {
  it('says nothing about what TensorFlow writes, and gives its tensors', () => {
    const folder = bundleFolder([
      { name: 'a', bytes: four },
      stringLie(hello, [2]),
      { name: 'z', bytes: Buffer.alloc(0), lie: { shape: [0] } },
    ]);
    const { facts, findings, parts } = scan(folder);
    expect(findings).toEqual([]);
    expect(parts).toEqual([]);
    expect(facts?.tensors.get('a')).toMatchObject({ dtype: 1, shape: [4], sizeBytes: 16, shard: 0, offset: 0 });
    expect(facts?.variables.size).toBe(3);
  });

  it('passes over a prefix that is not there', () => expect(scan(folderOf({})).facts).toBeUndefined());

  it.each<[string, Variable['lie'], string, RegExp]>([
    ['a size that is not that of the shape', { shape: [5] }, 'high malformed/checkpoint-entry', /16 bytes.*takes 20/],
    ['a shape that overflows', { shape: [2n ** 40n, 2n ** 40n] }, 'critical malformed/checkpoint-entry', /aborts/],
    [
      'a shape that overflows before a zero',
      { shape: [2n ** 40n, 2n ** 40n, 0] },
      'critical malformed/checkpoint-entry',
      /aborts/,
    ],
    ['a negative dimension', { shape: [-4] }, 'critical malformed/checkpoint-entry', /negative/],
    ['too many dimensions', { shape: new Array(300).fill(1), size: 4 }, 'critical malformed/checkpoint-entry', /300 dim/],
    ['an unknown rank', { shapeBytes: numberField(3, 1) }, 'high malformed/checkpoint-entry', /unknown rank/],
    ['an unknown type', { dtype: 77 }, 'critical malformed/checkpoint-entry', /data type 77/],
    ['a handle', { dtype: 20 }, 'high malformed/checkpoint-entry', /DT_RESOURCE/],
    ['an offset before the file', { offset: -8n }, 'high malformed/checkpoint-entry', /offset -8/],
    ['an offset behind the file', { offset: 1000 }, 'high malformed/checkpoint-entry', /offset 1000/],
    ['an offset that overflows', { offset: 2n ** 63n - 1n }, 'high malformed/checkpoint-entry', /offset 9223372036854775807/],
    ['a data file that cannot be', { shard: 7 }, 'high malformed/checkpoint-entry', /shard 7 of 1/],
    ['a negative data file', { shard: -1 }, 'high malformed/checkpoint-entry', /shard -1 of 1/],
    [
      'more memory than there is',
      { shape: [2n ** 40n], size: 2n ** 42n },
      'high memory/checkpoint-tensor',
      /4398046511104 bytes/,
    ],
    ['a part outside', { slices: [[[3, 5]]] }, 'high malformed/checkpoint-entry', /part "3,5"/],
    ['a part that is missing', { slices: [[[0, 4]]] }, 'high malformed/checkpoint-entry', /1 parts, of which 0/],
  ])('finds %s', (_, entry, expected, message) => {
    const { findings, said, parts } = scan(lie(entry));
    expect(said[0]).toBe(expected);
    expect(findings.map((finding) => finding.message).join()).toMatch(message);
    expect(findings.map((finding) => finding.message).join()).toContain('"v"');
    if (entry?.slices === undefined) expect(parts).toHaveLength(1);
  });

  it('finds values that were changed', () => {
    const { said, parts } = scan(lie({ crc: 5 }));
    expect(said).toEqual(['medium malformed/checkpoint-checksum']);
    expect(parts).toEqual([]);
  });

  it('finds two variables at the same place', () => {
    const { findings, said } = scan(
      bundleFolder([
        { name: 'v', bytes: four },
        { name: 'w', bytes: Buffer.alloc(0), lie: { shape: [4], offset: 0, size: 16, crc: 0 } },
      ]),
    );
    expect(said).toContain('medium malformed/checkpoint-overlap');
    expect(findings[0].message).toMatch(/"v" and "w".*from 0 to 16/);
  });

  it('finds a data file that is missing', () => {
    const { findings, said, parts } = scan(bundleFolder([{ name: 'v', bytes: four }], { withoutData: true }));
    expect(said).toEqual(['medium malformed/checkpoint-data']);
    expect(findings[0].message).toContain('ckpt-1.data-00000-of-00001');
    expect(parts).toHaveLength(1);
  });

  it.each([
    ['a string that claims gigabytes', stringLie(stringValues(['a'], [2n ** 34n]), []), 'critical'],
    ['a string that claims too much', stringLie(stringValues(['a'], [200n]), []), 'high'],
    ['strings that do not fill the entry', stringLie(stringValues(['abcdef'], [2n]), []), 'high'],
    ['a length that does not end', { name: 's', bytes: Buffer.alloc(9, 0xff), lie: { dtype: 7, shape: [2] } }, 'high'],
    ['fewer strings than the shape has', stringLie(hello, [3]), 'high'],
  ])('finds %s', (_, variable, severity) => {
    expect(scan(bundleFolder([variable])).said).toEqual([`${severity} malformed/checkpoint-string`]);
  });

  it('finds a wrong checksum of strings', () => {
    expect(scan(bundleFolder([stringLie({ ...hello, crc: 1 }, [2])])).said).toEqual(['medium malformed/checkpoint-checksum']);
  });

  it('refuses a shape of more strings than bytes before it counts them', () => {
    const { said } = scan(
      bundleFolder([{ name: 's', bytes: hello.bytes, lie: { dtype: 7, shape: [2 ** 36], size: 2n ** 36n + 10n } }]),
    );
    expect(said).toContain('high memory/checkpoint-tensor');
  });

  it('says what lies behind the variables: a program, some bytes, or a little padding', () => {
    const elf = Buffer.alloc(200);
    Buffer.from('7f454c4602010100000000000000000003003e0001000000', 'hex').copy(elf);
    const hidden = scan(bundleFolder([{ name: 'v', bytes: four }], { trailer: elf }));
    expect(hidden.said).toEqual(['high payload/uncovered-bytes']);
    expect(hidden.findings[0].message).toMatch(/ELF/);
    expect(scan(bundleFolder([{ name: 'v', bytes: four }], { trailer: Buffer.from('secret') })).said).toEqual([
      'low payload/uncovered-bytes',
    ]);
    expect(scan(bundleFolder([{ name: 'v', bytes: four }], { trailer: Buffer.alloc(48) })).said).toEqual([]);
  });

  it('says that a data file is not one of the checkpoint', () => {
    const folder = bundleFolder([{ name: 'v', bytes: four }], {
      extraFiles: { 'ckpt-1.data-00001-of-00002': Buffer.from('#!/bin/sh\nrm -rf\n') },
    });
    expect(scan(folder).said).toEqual(['low payload/unused-data-file', 'high payload/uncovered-bytes']);
  });

  it.each([
    ['no data files', headerProto(0)],
    ['billions of data files', headerProto(2 ** 31 - 1)],
    ['a later version', Buffer.concat([numberField(1, 1), bytesField(3, numberField(2, 9))])],
  ])('says that an index with %s cannot be restored', (_, header) => {
    const { facts, said, parts } = scan(bundleFolder([{ name: 'v', bytes: four }], { header }));
    expect(facts).toBeUndefined();
    expect(said).toEqual(['medium malformed/checkpoint-index']);
    expect(parts).toHaveLength(1);
  });

  it('does not judge big-endian values', () => {
    const header = Buffer.concat([numberField(1, 1), numberField(2, 1)]);
    const { facts, said, parts } = scan(bundleFolder([{ name: 'v', bytes: four, lie: { crc: 9 } }], { header }));
    expect([facts?.tensors.size, said, parts.length]).toEqual([0, [], 1]);
  });

  it('says of many bad entries how many there are', () => {
    const many = Array.from({ length: 50 }, (_, index) => ({ name: `v${index}`, bytes: four, lie: { crc: 1 } }));
    const { findings } = scan(bundleFolder(many));
    expect(findings).toHaveLength(11);
    expect(findings.at(-1)?.message).toMatch(/^40 more/);
  });

  it('takes the parts of a variable together', () => {
    const key = Buffer.concat([Buffer.from([0]), Buffer.from('p'), Buffer.from('0001010180820000', 'hex')]);
    const { facts, said } = scan(
      bundleFolder([
        { name: 'p', bytes: Buffer.alloc(0), lie: { shape: [4], size: 0, slices: [[[0, 4]]] } },
        { name: key, bytes: four },
      ]),
    );
    expect(said).toEqual([]);
    expect([...(facts?.tensors.keys() ?? [])]).toEqual(['p slice 1']);
    expect(facts?.variables.get('p')?.shape).toEqual([4]);
  });

  it('never fails on damaged bundles, and never calls them clean without their tensors', () => {
    const whole = bundleFolder([{ name: 'a', bytes: four }, stringLie(hello, [2])]);
    const index = whole.open('ckpt-1.index');
    const bytes = Buffer.from(index?.read(0, index.sizeBytes) ?? []);
    const data = whole.open('ckpt-1.data-00000-of-00001');
    const dataBytes = Buffer.from(data?.read(0, data.sizeBytes) ?? []);
    const edits = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(edits, fc.nat(bytes.length), fc.nat(dataBytes.length), (changes, length, dataLength) => {
        const damaged = Buffer.from(bytes);
        for (const [at, byte] of changes) damaged[at] = byte;
        const cut = length % 3 === 0 ? damaged.subarray(0, length) : damaged;
        const { facts, parts } = scan(
          folderOf({ 'ckpt-1.index': cut, 'ckpt-1.data-00000-of-00001': dataBytes.subarray(0, dataLength) }),
        );
        if (facts === undefined) expect(parts).toHaveLength(1);
      }),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (random) => {
        expect(scan(folderOf({ 'ckpt-1.index': Buffer.from(random) })).parts).toHaveLength(1);
      }),
      { numRuns: 100 },
    );
  });

  it('never fails on any entry', () => {
    const entry = fc.record({
      dtype: fc.integer({ min: -1, max: 120 }),
      shape: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), { maxLength: 5 }),
      shard: fc.integer({ min: -2, max: 3 }),
      offset: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      size: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      crc: fc.nat(2 ** 32 - 1),
    });
    fc.assert(
      fc.property(entry, (value) => void scan(lie(value))),
      { numRuns: 300 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => void scan(lie({ shapeBytes: Buffer.from(bytes) }))),
      { numRuns: 200 },
    );
    expect(shapeProto([2])).toHaveLength(4);
  });
});
