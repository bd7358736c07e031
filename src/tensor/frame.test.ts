// The frames between server and worker: what one side writes the other reads, and no bytes at all make the reader do worse than
// refuse. Memory for a body is the caller's to take, so hostile lengths must be refused by the header alone.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAirlockError } from '../core/index.ts';
import { type DType, dtypes } from './dtype.ts';
import {
  bodyBytesOf,
  decodeTensor,
  encodeJsonFrame,
  encodeTensorFrame,
  frameHeaderBytes,
  frameKinds,
  maxMetaBytes,
  maxRank,
  readFrameHeader,
  readTensorHeads,
  type TensorHead,
  writeFrameHeader,
  writeTensorHead,
} from './frame.ts';
import { elementCount, type Tensor } from './tensor.ts';

const limit = 2 ** 32;
const violation = expect.objectContaining({ code: 'WORKER_PROTOCOL_VIOLATION' });

const shapes = fc.array(fc.nat(4), { maxLength: 5 });
const numericTypes = (Object.keys(dtypes) as DType[]).filter((dtype) => dtype !== 'DT_STRING');

const numericTensors: fc.Arbitrary<Tensor> = fc.tuple(fc.constantFrom(...numericTypes), shapes).chain(([dtype, shape]) => {
  const byteLength = elementCount(shape) * dtypes[dtype].itemBytes;
  return fc.uint8Array({ minLength: byteLength, maxLength: byteLength }).map((bytes) => ({ dtype, shape, bytes }) as Tensor);
});

const stringTensors: fc.Arbitrary<Tensor> = shapes.chain((shape) => {
  const elements = elementCount(shape);
  return fc.array(fc.uint8Array({ maxLength: 30 }), { minLength: elements, maxLength: elements }).map((parts) => {
    const offsets = new Uint32Array(elements + 1);
    parts.forEach((part, i) => {
      offsets[i + 1] = offsets[i] + part.length;
    });
    return { dtype: 'DT_STRING', shape, bytes: new Uint8Array(Buffer.concat(parts)), offsets };
  });
});

const tensors = fc.oneof(numericTensors, stringTensors);

function decodeAll(frame: Buffer): { tensors: Tensor[]; heads: TensorHead[] } {
  const header = readFrameHeader(frame, 0, limit);
  const bodyAt = frameHeaderBytes + header.metaBytes;
  const heads = readTensorHeads(frame.subarray(frameHeaderBytes, bodyAt), header);
  let at = bodyAt;
  const decoded = heads.map((head) => {
    const body = frame.subarray(at, at + head.bodyBytes);
    at += head.bodyBytes;
    return decodeTensor(head, body);
  });
  expect(at).toBe(frame.length);
  return { tensors: decoded, heads };
}

const plain = (tensor: Tensor) => ({ ...tensor, bytes: [...tensor.bytes] });

describe('a tensor frame', () => {
  it('reads back as it was written', () => {
    const property = fc.property(
      fc.array(tensors, { maxLength: 5 }),
      fc.nat(0xffff_ffff),
      fc.nat(0xffff_ffff),
      (list, id, timeoutMs) => {
        const outgoing = list.map((tensor, index) => ({ index: 65_535 - index, tensor }));
        const frame = Buffer.concat(encodeTensorFrame({ kind: frameKinds.run, id, argument: 7, timeoutMs }, outgoing));
        const header = readFrameHeader(frame, 0, limit);
        expect(header).toMatchObject({ kind: frameKinds.run, id, timeoutMs, argument: 7, tensorCount: list.length });
        const { tensors: decoded, heads } = decodeAll(frame);
        expect(decoded.map(plain)).toEqual(list.map(plain));
        expect(heads.map(({ index }) => index)).toEqual(outgoing.map(({ index }) => index));
        expect(heads.map(({ bodyBytes }) => bodyBytes)).toEqual(list.map(bodyBytesOf));
      },
    );
    fc.assert(property);
  });

  it('does not copy the bytes of its tensors', () => {
    const bytes = new Uint8Array(8);
    const pieces = encodeTensorFrame({ kind: frameKinds.result, id: 1 }, [
      { index: 0, tensor: { dtype: 'DT_INT64', shape: [], bytes } },
    ]);
    expect(pieces[1]).toBe(bytes);
  });

  it('is read or refused, whatever byte of it is changed', () => {
    fc.assert(
      fc.property(fc.array(tensors, { maxLength: 3 }), fc.nat(), fc.nat(255), (list, place, value) => {
        const outgoing = list.map((tensor, index) => ({ index, tensor }));
        const frame = Buffer.concat(encodeTensorFrame({ kind: frameKinds.result, id: 1 }, outgoing));
        frame[place % frame.length] = value;
        try {
          const header = readFrameHeader(frame, 0, limit);
          const meta = frame.subarray(frameHeaderBytes, frameHeaderBytes + header.metaBytes);
          let at = frameHeaderBytes + header.metaBytes;
          for (const head of readTensorHeads(meta, header)) {
            const tensor = decodeTensor(head, new Uint8Array(frame.subarray(at, at + head.bodyBytes)));
            at += head.bodyBytes;
            expect(tensor.bytes.byteLength).toBeLessThanOrEqual(frame.length);
          }
        } catch (thrown) {
          expect(isAirlockError(thrown) && thrown.code === 'WORKER_PROTOCOL_VIOLATION', String(thrown)).toBe(true);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

function headerBytes(fields: Partial<Parameters<typeof writeFrameHeader>[2]>): Buffer {
  const bytes = Buffer.alloc(frameHeaderBytes);
  const zero = { kind: frameKinds.result, tensorCount: 0, id: 0, metaBytes: 0, bodyBytes: 0, argument: 0, timeoutMs: 0 };
  writeFrameHeader(bytes, 0, { ...zero, ...fields });
  return bytes;
}

describe('a hostile header', () => {
  it('is refused or read from any 32 bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        expect(() => readFrameHeader(Buffer.from(bytes), 0, limit)).toThrow(violation);
      }),
    );
  });

  it('is refused for its magic, kind and lengths', () => {
    const wrongMagic = headerBytes({});
    wrongMagic[0] ^= 1;
    const wrongKind = headerBytes({});
    wrongKind.writeUInt16LE(99, 4);
    const longBody = headerBytes({ bodyBytes: 1001 });
    const longMeta = headerBytes({ metaBytes: maxMetaBytes + 1 });
    const hugeBody = headerBytes({ bodyBytes: 0 });
    hugeBody.fill(0xff, 16, 24);
    for (const bytes of [wrongMagic, wrongKind, longBody, longMeta, hugeBody]) {
      expect(() => readFrameHeader(bytes, 0, 1000)).toThrow(violation);
    }
    expect(readFrameHeader(headerBytes({ bodyBytes: 1000 }), 0, 1000).bodyBytes).toBe(1000);
    expect(readFrameHeader(headerBytes({ bodyBytes: 2 ** 40 }), 0, 2 ** 41).bodyBytes).toBe(2 ** 40);
  });
});

function readHead(
  head: Partial<TensorHead>,
  changes: { cut?: number; tensorCount?: number; bodyBytes?: number } = {},
): TensorHead[] {
  const full = { index: 0, dtypeCode: 1, shape: [2], bodyBytes: 8, ...head };
  const meta = Buffer.alloc(16 + full.shape.length * 8 + Math.max(0, changes.cut ?? 0));
  writeTensorHead(meta, 0, full);
  const kept = (changes.cut ?? 0) < 0 ? meta.subarray(0, changes.cut) : meta;
  const bodyBytes = changes.bodyBytes ?? full.bodyBytes;
  const header = readFrameHeader(
    headerBytes({ tensorCount: changes.tensorCount ?? 1, metaBytes: kept.length, bodyBytes }),
    0,
    2 ** 50,
  );
  return readTensorHeads(kept, header);
}

describe('a hostile description', () => {
  const refused: [string, () => unknown][] = [
    ['more bytes than the shape', () => readHead({ bodyBytes: 12 })],
    ['fewer bytes than the shape', () => readHead({ bodyBytes: 4 })],
    ['a type that cannot be sent', () => readHead({ dtypeCode: 20 })],
    ['no type', () => readHead({ dtypeCode: 0 })],
    ['a product that overflows', () => readHead({ shape: [2 ** 31, 2 ** 31], bodyBytes: 0 })],
    ['a string tensor shorter than its lengths', () => readHead({ dtypeCode: 7, shape: [3], bodyBytes: 11 })],
    ['too many dimensions', () => readHead({ shape: new Array(maxRank + 1).fill(1), bodyBytes: 4 })],
    ['a cut description', () => readHead({}, { cut: -1 })],
    ['trailing bytes', () => readHead({}, { cut: 1 })],
    ['more tensors than are described', () => readHead({}, { tensorCount: 2 })],
    ['none where one is described', () => readHead({}, { tensorCount: 0 })],
    ['a body that is not filled', () => readHead({}, { bodyBytes: 9 })],
  ];
  it.each(refused)('is refused for %s', (_name, read) => expect(read).toThrow(violation));

  it('is read when it fits', () => {
    expect(readHead({})).toEqual([{ index: 0, dtypeCode: 1, shape: [2], bodyBytes: 8 }]);
  });

  it('is refused for strings whose lengths do not add up', () => {
    const head = { index: 0, dtypeCode: 7, shape: [2], bodyBytes: 10 };
    const body = (a: number, b: number, extra: number) =>
      new Uint8Array(Buffer.concat([Buffer.from(Uint32Array.of(a, b).buffer), Buffer.alloc(extra)]));
    expect(() => decodeTensor(head, body(1, 2, 2))).toThrow(violation);
    expect(() => decodeTensor(head, body(1, 0, 2))).toThrow(violation);
    // Two lengths whose sum wraps 32 bits.
    expect(() => decodeTensor(head, body(0xffff_ffff, 3, 2))).toThrow(violation);
    expect(decodeTensor(head, body(1, 1, 2))).toMatchObject({ shape: [2], offsets: Uint32Array.of(0, 1, 2) });
  });
});

describe('a JSON frame', () => {
  it('carries what it was given, up to a limit', () => {
    const frame = encodeJsonFrame(frameKinds.ready, 3, { text: 'ü' });
    const header = readFrameHeader(frame, 0, 0);
    expect(header).toMatchObject({ kind: frameKinds.ready, id: 3, tensorCount: 0, bodyBytes: 0 });
    expect(JSON.parse(frame.subarray(frameHeaderBytes).toString())).toEqual({ text: 'ü' });
    expect(header.metaBytes).toBe(frame.length - frameHeaderBytes);
    expect(() => encodeJsonFrame(frameKinds.load, 0, 'x'.repeat(maxMetaBytes))).toThrow(violation);
  });
});
