// The frames between the server and a worker: a fixed header, a small description of each tensor, then raw little-endian bytes.
// Both sides build and read frames here. A frame that comes from a worker is hostile: every length is checked against the limits
// before anything is allocated, and nothing here calls native code.
//
//   header, 32 bytes   magic u32 · kind u16 · tensor count u16 · id u32 · meta bytes u32 · body bytes u64 · argument u32 · timeout ms u32
//   meta               RUN, RESULT: per tensor  index u16 · dtype u8 · rank u8 · reserved u32 · bytes u64 · rank × size u64
//                      PREPARE, PREPARED, LOAD, READY, ERROR: UTF-8 JSON
//                      FILE: the UTF-8 name of one of the model's files (file-frame.ts)
//                      RUN_TRACED: as RUN; TRACE: nothing
//   body               RUN, RESULT: the tensors' bytes, one after another, in the order of meta
//                      a string tensor is its elements' lengths as u32, then their bytes
//                      FILE: the next bytes of that file
//                      TRACE: TensorFlow's RunMetadata as it wrote it, before the RESULT of a RUN_TRACED; empty when it would be larger than maxTraceBytes
//
// Numbers are little-endian: every machine that TensorFlow's wheels run on is.
import { AirlockError } from '../core/index.ts';
import { dtypeOfCode, dtypes } from './dtype.ts';
import { byteCount, elementCount, type StringTensor, type Tensor } from './tensor.ts';

export const frameKinds = {
  load: 1,
  ready: 2,
  run: 3,
  result: 4,
  error: 5,
  prepare: 6,
  prepared: 7,
  file: 8,
  runTraced: 9,
  trace: 10,
} as const;
export type FrameKind = (typeof frameKinds)[keyof typeof frameKinds];

export const frameHeaderBytes = 32;
/** The largest meta part: 64 KiB of descriptions, or 4 MiB of JSON in LOAD (the signatures of a model). */
export const maxMetaBytes = 4 * 1024 * 1024;
/**
 * The most bytes of a TRACE frame's body. TensorFlow writes about 350 for each time that a node ran, so this is room for 45,000; the server reads them in one
 * go, which takes it a tenth of a second.
 */
export const maxTraceBytes = 16 * 1024 * 1024;
/** TensorFlow's own limit is 254 dimensions; no kernel takes more than a handful. */
export const maxRank = 32;

const magic = 0x316b6c61; // "alk1"
const tensorHeadBytes = 16;

export interface FrameHeader {
  readonly kind: FrameKind;
  readonly tensorCount: number;
  readonly id: number;
  readonly metaBytes: number;
  readonly bodyBytes: number;
  /** RUN: number of the signature. */
  readonly argument: number;
  /** RUN: milliseconds that TensorFlow may take; 0 for no limit of its own. */
  readonly timeoutMs: number;
}

/** The description of one tensor in a frame: its number in the signature's inputs or outputs, type, shape and size. */
export interface TensorHead {
  readonly index: number;
  readonly dtypeCode: number;
  readonly shape: readonly number[];
  readonly bodyBytes: number;
}

function violation(detail: string): AirlockError {
  return new AirlockError('WORKER_PROTOCOL_VIOLATION', { detail });
}

const kinds: ReadonlySet<number> = new Set(Object.values(frameKinds));

/** Writes a header into `target` at `offset`; 32 bytes. */
export function writeFrameHeader(target: Buffer, offset: number, header: FrameHeader): void {
  target.writeUInt32LE(magic, offset);
  target.writeUInt16LE(header.kind, offset + 4);
  target.writeUInt16LE(header.tensorCount, offset + 6);
  target.writeUInt32LE(header.id, offset + 8);
  target.writeUInt32LE(header.metaBytes, offset + 12);
  target.writeUInt32LE(header.bodyBytes % 0x1_0000_0000, offset + 16);
  target.writeUInt32LE(Math.floor(header.bodyBytes / 0x1_0000_0000), offset + 20);
  target.writeUInt32LE(header.argument, offset + 24);
  target.writeUInt32LE(header.timeoutMs, offset + 28);
}

/**
 * Reads the header at `offset`; the caller has made sure of 32 bytes.
 * @throws WORKER_PROTOCOL_VIOLATION when the magic, the kind or a length is wrong.
 */
export function readFrameHeader(source: Buffer, offset: number, maxBodyBytes: number): FrameHeader {
  if (source.readUInt32LE(offset) !== magic) throw violation('the frame does not begin with the magic number');
  const kind = source.readUInt16LE(offset + 4);
  if (!kinds.has(kind)) throw violation(`frame kind ${kind}`);
  const metaBytes = source.readUInt32LE(offset + 12);
  if (metaBytes > maxMetaBytes) throw violation(`${metaBytes} bytes of frame description`);
  const bodyBytes = source.readUInt32LE(offset + 16) + source.readUInt32LE(offset + 20) * 0x1_0000_0000;
  if (bodyBytes > maxBodyBytes) throw violation(`${bodyBytes} bytes of frame body, more than ${maxBodyBytes}`);
  return {
    kind: kind as FrameKind,
    tensorCount: source.readUInt16LE(offset + 6),
    id: source.readUInt32LE(offset + 8),
    metaBytes,
    bodyBytes,
    argument: source.readUInt32LE(offset + 24),
    timeoutMs: source.readUInt32LE(offset + 28),
  };
}

/** The bytes that a tensor takes in a frame's body. */
export function bodyBytesOf(tensor: Tensor): number {
  return tensor.dtype === 'DT_STRING' ? (tensor.offsets.length - 1) * 4 + tensor.bytes.byteLength : tensor.bytes.byteLength;
}

export interface OutgoingTensor {
  readonly index: number;
  readonly tensor: Tensor;
}

export interface TensorFrameOptions {
  readonly kind: FrameKind;
  readonly id: number;
  readonly argument?: number;
  readonly timeoutMs?: number;
}

/** A RUN or RESULT frame as the pieces to write in order: header with descriptions first, then the tensors' own bytes, not copied. */
export function encodeTensorFrame(options: TensorFrameOptions, tensors: readonly OutgoingTensor[]): Uint8Array[] {
  let metaBytes = 0;
  let bodyBytes = 0;
  for (const { tensor } of tensors) {
    metaBytes += tensorHeadBytes + tensor.shape.length * 8;
    bodyBytes += bodyBytesOf(tensor);
  }
  const head = Buffer.allocUnsafe(frameHeaderBytes + metaBytes);
  writeFrameHeader(head, 0, {
    kind: options.kind,
    tensorCount: tensors.length,
    id: options.id,
    metaBytes,
    bodyBytes,
    argument: options.argument ?? 0,
    timeoutMs: options.timeoutMs ?? 0,
  });
  const pieces: Uint8Array[] = [head];
  let at = frameHeaderBytes;
  for (const { index, tensor } of tensors) {
    at = writeTensorHead(head, at, {
      index,
      dtypeCode: dtypes[tensor.dtype].code,
      shape: tensor.shape,
      bodyBytes: bodyBytesOf(tensor),
    });
    if (tensor.dtype === 'DT_STRING') pieces.push(stringLengths(tensor));
    if (tensor.bytes.byteLength > 0) pieces.push(tensor.bytes);
  }
  return pieces;
}

function stringLengths(tensor: StringTensor): Uint8Array {
  const lengths = new Uint32Array(tensor.offsets.length - 1);
  for (let i = 0; i < lengths.length; i++) lengths[i] = tensor.offsets[i + 1] - tensor.offsets[i];
  return new Uint8Array(lengths.buffer);
}

/** Writes one description at `at` and gives the place after it. */
export function writeTensorHead(target: Buffer, at: number, head: TensorHead): number {
  target.writeUInt16LE(head.index, at);
  target.writeUInt8(head.dtypeCode, at + 2);
  target.writeUInt8(head.shape.length, at + 3);
  target.writeUInt32LE(0, at + 4);
  target.writeUInt32LE(head.bodyBytes % 0x1_0000_0000, at + 8);
  target.writeUInt32LE(Math.floor(head.bodyBytes / 0x1_0000_0000), at + 12);
  let end = at + tensorHeadBytes;
  for (const size of head.shape) {
    target.writeUInt32LE(size % 0x1_0000_0000, end);
    target.writeUInt32LE(Math.floor(size / 0x1_0000_0000), end + 4);
    end += 8;
  }
  return end;
}

/**
 * Reads the descriptions of a RUN or RESULT frame and checks that they fill meta and body exactly.
 * @throws WORKER_PROTOCOL_VIOLATION on an unknown type, a size that does not follow from the shape, or a sum that is off.
 */
export function readTensorHeads(meta: Buffer, header: FrameHeader): TensorHead[] {
  const heads: TensorHead[] = [];
  let at = 0;
  let total = 0;
  for (let i = 0; i < header.tensorCount; i++) {
    if (at + tensorHeadBytes > meta.length) throw violation('the frame description is too short');
    const dtypeCode = meta.readUInt8(at + 2);
    const rank = meta.readUInt8(at + 3);
    const bodyBytes = meta.readUInt32LE(at + 8) + meta.readUInt32LE(at + 12) * 0x1_0000_0000;
    if (rank > maxRank || at + tensorHeadBytes + rank * 8 > meta.length) throw violation(`rank ${rank}`);
    const shape: number[] = [];
    for (let d = 0; d < rank; d++) {
      const place = at + tensorHeadBytes + d * 8;
      shape.push(meta.readUInt32LE(place) + meta.readUInt32LE(place + 4) * 0x1_0000_0000);
    }
    checkSize(dtypeCode, shape, bodyBytes);
    heads.push({ index: meta.readUInt16LE(at), dtypeCode, shape, bodyBytes });
    at += tensorHeadBytes + rank * 8;
    total += bodyBytes;
  }
  if (at !== meta.length) throw violation('the frame description is too long');
  if (total !== header.bodyBytes) throw violation('the tensors do not fill the frame');
  return heads;
}

function checkSize(dtypeCode: number, shape: readonly number[], bodyBytes: number): void {
  const dtype = dtypeOfCode(dtypeCode);
  if (dtype === undefined) throw violation(`data type ${dtypeCode}`);
  if (dtype === 'DT_STRING') {
    const elements = elementCount(shape);
    // Not a number fails the comparison too.
    if (!(elements * 4 <= bodyBytes)) throw violation('a string tensor is shorter than its lengths');
  } else if (byteCount(dtype, shape) !== bodyBytes) {
    throw violation('a tensor has more or fewer bytes than its shape needs');
  }
}

/**
 * The tensor that `head` describes, over `body` (its bytes alone, not copied).
 * @throws WORKER_PROTOCOL_VIOLATION when a string tensor's lengths do not add up.
 */
export function decodeTensor(head: TensorHead, body: Uint8Array): Tensor {
  const dtype = dtypeOfCode(head.dtypeCode);
  if (dtype === undefined) throw violation(`data type ${head.dtypeCode}`);
  if (dtype !== 'DT_STRING') return { dtype, shape: head.shape, bytes: body };
  const elements = elementCount(head.shape);
  const lengths = Buffer.from(body.buffer, body.byteOffset, elements * 4);
  const offsets = new Uint32Array(elements + 1);
  let end = 0;
  for (let i = 0; i < elements; i++) {
    end += lengths.readUInt32LE(i * 4);
    // Checked before the store: a Uint32Array would wrap silently.
    if (end > body.byteLength) throw violation('a string ends after its tensor');
    offsets[i + 1] = end;
  }
  if (elements * 4 + end !== body.byteLength) throw violation('the strings do not fill their tensor');
  return { dtype, shape: head.shape, bytes: body.subarray(elements * 4), offsets };
}

/** A PREPARE, PREPARED, LOAD, READY or ERROR frame: a header and UTF-8 JSON. */
export function encodeJsonFrame(kind: FrameKind, id: number, value: unknown): Buffer {
  const json = Buffer.from(JSON.stringify(value), 'utf8');
  if (json.length > maxMetaBytes) throw violation(`${json.length} bytes of frame description`);
  const frame = Buffer.allocUnsafe(frameHeaderBytes + json.length);
  writeFrameHeader(frame, 0, { kind, tensorCount: 0, id, metaBytes: json.length, bodyBytes: 0, argument: 0, timeoutMs: 0 });
  json.copy(frame, frameHeaderBytes);
  return frame;
}
