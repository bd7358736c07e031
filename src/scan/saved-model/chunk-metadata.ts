// The last record of a chunked SavedModel: which chunk goes where (tensorflow/tools/proto_splitter/chunk.proto).
import { AirlockError } from '../../core/index.ts';

/** A chunk's place: a number of a field, the index of an element or the key of a map after it. */
export interface PathStep {
  readonly field: number;
  readonly index?: number;
  readonly key?: Buffer;
}

export interface ChunkedMessage {
  readonly chunk: number | undefined;
  readonly fields: readonly { readonly path: readonly PathStep[]; readonly message: ChunkedMessage }[];
}

export interface ChunkMetadata {
  readonly chunks: readonly { readonly isBytes: boolean; readonly sizeBytes: number; readonly offset: number }[];
  readonly message: ChunkedMessage;
}

export interface WireField {
  readonly number: number;
  readonly wireType: number;
  /** Where the tag begins, and the content. */
  readonly start: number;
  readonly contentStart: number;
  readonly end: number;
  /** Of a varint. */
  readonly value: number;
}

const maxDepth = 30;

function damaged(name: string, text: string): AirlockError {
  return new AirlockError('MODEL_INVALID', { message: `${name} is damaged: ${text}` });
}

/** The fields of a message, checked against its end. @throws MODEL_INVALID */
export function* wireFields(bytes: Buffer, name: string): Generator<WireField> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (let length = 0; length < 10; length++) {
      if (at >= bytes.length) throw damaged(name, 'a message ends too early');
      const byte = bytes[at++];
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw damaged(name, 'a number is too long');
  };
  while (at < bytes.length) {
    const start = at;
    const tag = varint();
    const number = Math.floor(tag / 8);
    const wireType = tag % 8;
    if (number < 1 || number > 0x1fff_ffff || ![0, 1, 2, 5].includes(wireType)) throw damaged(name, 'a field is not valid');
    let value = 0;
    let contentStart = at;
    if (wireType === 0) value = varint();
    else {
      const length = wireType === 2 ? varint() : wireType === 1 ? 8 : 4;
      contentStart = at;
      at += length;
    }
    if (at > bytes.length) throw damaged(name, 'a message ends too early');
    yield { number, wireType, start, contentStart, end: at, value };
  }
}

/** The parts of a message that are messages or bytes, and its numbers, by field. */
function parts(bytes: Buffer, name: string): { buffers: Map<number, Buffer[]>; numbers: Map<number, number> } {
  const buffers = new Map<number, Buffer[]>();
  const numbers = new Map<number, number>();
  for (const { number, wireType, contentStart, end, value } of wireFields(bytes, name)) {
    if (wireType === 0) numbers.set(number, value);
    else if (wireType === 2) {
      const known = buffers.get(number) ?? [];
      buffers.set(number, known);
      known.push(bytes.subarray(contentStart, end));
    }
  }
  return { buffers, numbers };
}

function readPath(tags: readonly Buffer[], name: string): PathStep[] {
  const path: PathStep[] = [];
  for (const tag of tags) {
    const { buffers, numbers } = parts(tag, name);
    const field = numbers.get(1);
    const index = numbers.get(3);
    const mapKey = buffers.get(2)?.at(-1);
    if (field !== undefined) {
      path.push({ field });
      continue;
    }
    const last = path.pop();
    if (last === undefined || last.index !== undefined || last.key !== undefined) throw damaged(name, 'a place is not valid');
    if (mapKey === undefined) {
      path.push({ ...last, index: index ?? 0 });
      continue;
    }
    const key = parts(mapKey, name);
    const text = key.buffers.get(1)?.at(-1);
    // A key that is no string has the same encoding in an entry as here, but another field number; only strings occur in a SavedModel.
    if (text === undefined && key.numbers.size > 0) throw damaged(name, 'a map has a key that is no string');
    path.push({ ...last, key: text ?? Buffer.alloc(0) });
  }
  return path;
}

function readMessage(bytes: Buffer, name: string, depth: number): ChunkedMessage {
  if (depth > maxDepth) throw damaged(name, 'its chunks are nested too deep');
  const { buffers, numbers } = parts(bytes, name);
  const fields = (buffers.get(2) ?? []).map((field) => {
    const inner = parts(field, name).buffers;
    return {
      path: readPath(inner.get(1) ?? [], name),
      message: readMessage(Buffer.concat(inner.get(3) ?? []), name, depth + 1),
    };
  });
  return { chunk: numbers.get(1), fields };
}

/** @throws MODEL_INVALID when the record is no ChunkMetadata. */
export function readChunkMetadata(record: Buffer, name: string): ChunkMetadata {
  const { buffers } = parts(record, name);
  const message = buffers.get(3);
  if (message === undefined) throw damaged(name, 'it does not say how its chunks belong together');
  return {
    chunks: (buffers.get(2) ?? []).map((chunk) => {
      const { numbers } = parts(chunk, name);
      return { isBytes: numbers.get(1) === 2, sizeBytes: numbers.get(2) ?? 0, offset: numbers.get(3) ?? 0 };
    }),
    message: readMessage(Buffer.concat(message), name, 0),
  };
}
