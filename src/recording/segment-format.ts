// The plain form of a segment of recorded requests: what is encrypted before it reaches a disk, and what a rehearsal reads back. Tensors only: there is no place in
// it for an address, a header or a name of a client. Whoever can write the store may have made what is read here, so every length is checked before it is believed.
//
//   segment   "ALKREC1\n" · meta bytes u32 · meta (UTF-8 JSON) · records until the end
//   record    bytes of the rest u32 · signature name · inputs u16 · a name for each input · a RUN frame (src/tensor/frame.ts)
//   name      bytes u16 · UTF-8
import { z } from 'zod';
import { AirlockError } from '../core/index.ts';
import {
  decodeTensor,
  encodeTensorFrame,
  frameHeaderBytes,
  frameKinds,
  readFrameHeader,
  readTensorHeads,
  type Tensor,
} from '../tensor/index.ts';

/** One accepted request. */
export interface RecordedRequest {
  readonly signature: string;
  /** By the name of the input. */
  readonly inputs: ReadonlyMap<string, Tensor>;
}

export interface SegmentMeta {
  readonly model: string;
  /** Version of the model, in decimal digits. */
  readonly version: string;
  /** When its first request was recorded, as `Date.toISOString` writes it. */
  readonly at: string;
}

/** The largest request that is recorded, and the size from which on a segment is full. */
export const maxRequestBytes = 1024 * 1024;
/** A full segment, one more request, and its meta. */
export const maxSegmentBytes = 2 * maxRequestBytes + 64 * 1024;

const magic = Buffer.from('ALKREC1\n', 'latin1');
const maxMetaBytes = 16 * 1024;
const maxInputs = 1_024;

const metaSchema = z.strictObject({
  model: z.string().min(1).max(1_024),
  version: z.string().regex(/^\d{1,19}$/),
  at: z.iso.datetime({ precision: 3 }),
}) satisfies z.ZodType<SegmentMeta>;

function invalid(detail: string, cause?: unknown): AirlockError {
  return new AirlockError('RECORDING_INVALID', { detail, cause });
}

/** What a segment begins with. */
export function encodeSegmentHead(meta: SegmentMeta): Buffer {
  const json = Buffer.from(JSON.stringify(meta), 'utf8');
  const head = Buffer.alloc(magic.length + 4);
  magic.copy(head);
  head.writeUInt32LE(json.length, magic.length);
  return Buffer.concat([head, json]);
}

function name(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length > 0xffff) throw invalid('a name of more than 65535 bytes');
  const head = Buffer.alloc(2);
  head.writeUInt16LE(bytes.length);
  return Buffer.concat([head, bytes]);
}

/** A record of one request; copies the tensors' bytes. @throws RECORDING_INVALID for names that have no room. */
export function encodeRecord({ signature, inputs }: RecordedRequest): Buffer {
  const names = [...inputs.keys()];
  const count = Buffer.alloc(2);
  count.writeUInt16LE(names.length);
  const frame = encodeTensorFrame(
    { kind: frameKinds.run, id: 0 },
    [...inputs.values()].map((tensor, index) => ({ index, tensor })),
  );
  const body = Buffer.concat([name(signature), count, ...names.map(name), ...frame]);
  const head = Buffer.alloc(4);
  head.writeUInt32LE(body.length);
  return Buffer.concat([head, body]);
}

/** Reads forward through bytes that somebody else may have written. */
class Reader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.at;
  }

  take(bytes: number): Buffer {
    if (bytes > this.left) throw invalid(`it ends ${bytes - this.left} bytes too early`);
    this.at += bytes;
    return this.#bytes.subarray(this.at - bytes, this.at);
  }

  name(): string {
    const text = this.take(this.take(2).readUInt16LE());
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(text);
  }
}

/** @throws RECORDING_INVALID for whatever `encodeSegmentHead` and `encodeRecord` do not write. */
export function decodeSegment(bytes: Uint8Array): { readonly meta: SegmentMeta; readonly requests: readonly RecordedRequest[] } {
  if (bytes.length > maxSegmentBytes) throw invalid(`a segment of more than ${maxSegmentBytes} bytes`);
  const reader = new Reader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  try {
    if (!reader.take(magic.length).equals(magic)) throw invalid('it does not begin as a segment does');
    const metaBytes = reader.take(4).readUInt32LE();
    if (metaBytes > maxMetaBytes) throw invalid(`${metaBytes} bytes of meta`);
    const meta = metaSchema.parse(JSON.parse(reader.take(metaBytes).toString('utf8')));
    const requests: RecordedRequest[] = [];
    while (reader.left > 0) requests.push(decodeRecord(reader.take(reader.take(4).readUInt32LE())));
    return { meta, requests };
  } catch (thrown) {
    const error = AirlockError.from(thrown);
    throw error.code === 'RECORDING_INVALID' ? error : invalid('a part of it is not well formed', thrown);
  }
}

function decodeRecord(bytes: Buffer): RecordedRequest {
  const reader = new Reader(bytes);
  const signature = reader.name();
  const count = reader.take(2).readUInt16LE();
  if (count > maxInputs) throw invalid(`${count} inputs`);
  const names = Array.from({ length: count }, () => reader.name());
  if (new Set(names).size !== count) throw invalid('an input twice');
  const header = readFrameHeader(reader.take(frameHeaderBytes), 0, maxSegmentBytes);
  if (header.kind !== frameKinds.run || header.tensorCount !== count) throw invalid('a frame that is no request');
  const heads = readTensorHeads(reader.take(header.metaBytes), header);
  const inputs = new Map<string, Tensor>();
  for (const [position, head] of heads.entries()) {
    if (head.index !== position) throw invalid('inputs out of order');
    // Workers take tensors whose bytes begin at a multiple of 8; a view of the segment begins anywhere.
    inputs.set(names[position], decodeTensor(head, new Uint8Array(reader.take(head.bodyBytes))));
  }
  if (reader.left > 0) throw invalid('a record with bytes behind its end');
  return { signature, inputs };
}
