// Warm-up requests are files of a model: what is one is read as TensorFlow reads it, and whatever else is there never throws.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { maskedCrc32c } from '../model/index.ts';
import type { ModelVersion } from '../serving/index.ts';
import { valueFromTensor } from '../tensor/index.ts';
import { parseTensorProto } from './tensor-proto.ts';
import { parsePredictionLog, readRecords, warmupRequests } from './warmup-requests.ts';

const bytes = (number: number, content: Uint8Array) =>
  new BinaryWriter().tag(number, WireType.LengthDelimited).bytes(content).finish();
const text = (number: number, content: string) => bytes(number, Buffer.from(content));
const varint = (number: number, value: number) => new BinaryWriter().tag(number, WireType.Varint).int64(BigInt(value)).finish();
const shape = (...sizes: number[]) => bytes(2, Buffer.concat(sizes.map((size) => bytes(2, varint(1, size)))));
const proto = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));
const floats = (...values: number[]) => bytes(5, new Uint8Array(new Float32Array(values).buffer));
const read = (message: Uint8Array) => {
  const tensor = parseTensorProto(message);
  return (
    tensor &&
    Array.from(valueFromTensor(tensor).data as Iterable<unknown>, (one) => (Buffer.isBuffer(one) ? one.toString() : one))
  );
};

function log(signature: string, inputs: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const spec = bytes(1, Buffer.concat([text(1, 'm'), ...(signature === '' ? [] : [text(3, signature)])]));
  const entries = Object.entries(inputs).map(([name, tensor]) => bytes(2, Buffer.concat([text(1, name), bytes(2, tensor)])));
  return bytes(6, bytes(1, Buffer.concat([spec, ...entries])));
}

function record(content: Uint8Array): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(content.length));
  head.writeUInt32LE(maskedCrc32c(head.subarray(0, 8)), 8);
  const tail = Buffer.alloc(4);
  tail.writeUInt32LE(maskedCrc32c(content));
  return Buffer.concat([head, content, tail]);
}

describe('parseTensorProto()', () => {
  it('reads values one by one, packed, as content, and repeats the last', () => {
    expect(read(proto(varint(1, 1), shape(3), floats(1, 2.5, -3)))).toEqual([1, 2.5, -3]);
    expect(read(proto(varint(1, 1), shape(3), floats(7)))).toEqual([7, 7, 7]);
    expect(read(proto(varint(1, 1), shape(2)))).toEqual([0, 0]);
    expect(read(proto(varint(1, 3), shape(2), varint(7, 5), varint(7, -6)))).toEqual([5, -6]);
    expect(read(proto(varint(1, 9), shape(), varint(10, -1)))).toEqual([-1n]);
    expect(read(proto(varint(1, 7), shape(2), text(8, 'a'), text(8, 'bc')))).toEqual(['a', 'bc']);
    expect(read(proto(varint(1, 2), shape(1), bytes(4, new Uint8Array(new Float64Array([0.1]).buffer))))).toEqual([0.1]);
  });

  it('reads a million values in a few times their memory', () => {
    const count = 1_000_000;
    const flags = proto(varint(1, 10), shape(count), bytes(11, new Uint8Array(count).fill(1)));
    const strings = proto(varint(1, 7), shape(count), new Uint8Array(Buffer.alloc(2 * count, Buffer.from([0x42, 0]))));
    const before = process.memoryUsage().rss;
    const startedMs = performance.now();
    expect(parseTensorProto(flags)?.bytes).toHaveLength(count);
    expect(parseTensorProto(strings)?.bytes).toHaveLength(0);
    // An object for each was 2.5 s and 400 MiB.
    expect(performance.now() - startedMs).toBeLessThan(2_000);
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024);
  });

  it.each([
    ['more values than elements', proto(varint(1, 1), shape(1), floats(1, 2))],
    ['values of another type', proto(varint(1, 1), shape(1), varint(7, 1))],
    ['content of another size', proto(varint(1, 1), shape(2), bytes(4, new Uint8Array(4)))],
    ['a dimension below 0', proto(varint(1, 1), shape(-1))],
    ['more elements than any request has', proto(varint(1, 1), shape(2 ** 20, 2 ** 20), floats(1))],
    ['a long string for many elements', proto(varint(1, 7), shape(1_000_000), text(8, 'x'.repeat(1000)))],
    ['no type', proto(shape(1), floats(1))],
    ['a type that is not served', proto(varint(1, 20), shape(1))],
  ])('refuses %s', (_name, message) => {
    expect(parseTensorProto(message)).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (content) => void parseTensorProto(content)));
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (content) => void parseTensorProto(proto(varint(1, 1), shape(2), content))),
    );
  });
});

describe('parsePredictionLog()', () => {
  const x = proto(varint(1, 1), shape(1), floats(1));

  it('reads the signature and the inputs of a predict request', () => {
    const read = parsePredictionLog(log('named', { x, other: x }));
    expect(read?.signature).toBe('named');
    expect([...(read?.inputs.keys() ?? [])]).toEqual(['x', 'other']);
    expect(parsePredictionLog(log('', { x }))?.signature).toBe('serving_default');
  });

  it('gives nothing for other logs, and never throws', () => {
    expect(parsePredictionLog(bytes(2, new Uint8Array(3)))).toBeUndefined();
    expect(parsePredictionLog(log('named', { x: bytes(2, new Uint8Array(1)) }))).toBeUndefined();
    fc.assert(fc.property(fc.uint8Array({ maxLength: 80 }), (content) => void parsePredictionLog(content)));
  });
});

describe('readRecords()', () => {
  it('reads records up to the first that is cut or damaged', () => {
    const whole = Buffer.concat([record(Buffer.from('one')), record(Buffer.from('two'))]);
    expect(readRecords(whole)).toEqual({ records: [Buffer.from('one'), Buffer.from('two')], isWhole: true });
    expect(readRecords(whole.subarray(0, -1))).toMatchObject({ records: [Buffer.from('one')], isWhole: false });
    const damaged = Buffer.from(whole);
    damaged[12] ^= 1;
    expect(readRecords(damaged)).toEqual({ records: [], isWhole: false });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (content) => void readRecords(Buffer.from(content))));
  });
});

describe('warmupRequests()', () => {
  it('is not filled by a few bytes that stand for many elements', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'airlock-warmup-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    mkdirSync(join(folder, 'assets.extra'));
    const many = log('', { x: proto(varint(1, 10), shape(60 * 1024 * 1024), varint(11, 1)) });
    const few = log('', { x: proto(varint(1, 10), shape(1), varint(11, 1)) });
    const file = Buffer.concat([...Array.from({ length: 12 }, () => record(many)), record(few)]);
    expect(file.length).toBeLessThan(1_000);
    writeFileSync(join(folder, 'assets.extra/tf_serving_warmup_requests'), file);
    const signature = { name: 'serving_default', inputs: [{ alias: 'x', dtype: 'DT_BOOL', shape: [-1] }], outputs: [] };
    const version = { signature: () => signature } as unknown as ModelVersion;
    const { requests, notes } = await warmupRequests(folder, version, 'strict', 500);
    expect(requests.map(({ tensors }) => tensors[0].bytes.length)).toEqual([...Array(4).fill(60 * 1024 * 1024), 1]);
    expect(notes).toEqual(['8 warm-up requests are no predict requests of this model, or too large']);
  });

  it('takes no request of many inputs that are large together', () => {
    const large = proto(varint(1, 10), shape(2 ** 25), varint(11, 1));
    expect(parsePredictionLog(log('', { a: large, b: large }))?.inputs.size).toBe(2);
    expect(parsePredictionLog(log('', { a: large, b: large, c: large }))).toBeUndefined();
  });
});
