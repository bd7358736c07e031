// Writes Riegeli files and chunked SavedModels for tests. Checksums are left zero.
import { brotliCompressSync } from 'node:zlib';
import { field, message, varintField } from './graph-builder.ts';
import { varint } from './model-builder.ts';

const blockBytes = 65_536;

export interface RiegeliFile {
  readonly bytes: Buffer;
  /** Of each record, in order. */
  readonly positions: readonly number[];
}

/** Lays chunks out one after the other, interrupted by a header every 64 KiB. */
class Layout {
  readonly #parts: Buffer[] = [];
  length = 0;

  #put(part: Buffer): void {
    this.#parts.push(part);
    this.length += part.length;
  }

  chunk(bytes: Buffer, records: number): number {
    const start = this.length;
    for (let at = 0; at < bytes.length; ) {
      if (this.length % blockBytes === 0) this.#put(Buffer.alloc(24));
      const part = bytes.subarray(at, at + blockBytes - (this.length % blockBytes));
      this.#put(part);
      at += part.length;
    }
    if (this.length < start + records) this.#put(Buffer.alloc(start + records - this.length));
    return start;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

function chunkOf(type: string, data: Buffer, records = 0, decodedBytes = 0): Buffer {
  const header = Buffer.alloc(40);
  header.writeBigUInt64LE(BigInt(data.length), 8);
  header.write(type, 24, 'latin1');
  header.writeUIntLE(records, 25, 6);
  header.writeBigUInt64LE(BigInt(decodedBytes), 32);
  return Buffer.concat([header, data]);
}

/** Each list of records becomes a chunk. */
export function riegeliOf(chunks: readonly (readonly Uint8Array[])[], compression: 'none' | 'brotli' = 'brotli'): RiegeliFile {
  const layout = new Layout();
  const positions: number[] = [];
  const pack = (bytes: Buffer) =>
    compression === 'none' ? bytes : Buffer.concat([varint(bytes.length), brotliCompressSync(bytes)]);
  layout.chunk(chunkOf('s', Buffer.alloc(0)), 0);
  for (const records of chunks) {
    const sizes = pack(Buffer.concat(records.map(({ length }) => varint(length))));
    const values = Buffer.concat(records);
    const data = Buffer.concat([
      Buffer.from(compression === 'none' ? '\0' : 'b', 'latin1'),
      varint(sizes.length),
      sizes,
      pack(values),
    ]);
    const start = layout.chunk(chunkOf('r', data, records.length, values.length), records.length);
    for (let index = 0; index < records.length; index++) positions.push(start + index);
  }
  const bytes = layout.bytes;
  Buffer.from('83af70d10d884a3f', 'hex').copy(bytes, 0);
  return { bytes, positions };
}

export type Step = number | { readonly index: number } | { readonly key: string };

export interface ChunkInput {
  readonly bytes: Uint8Array;
  readonly isBytes?: boolean;
  /** Undefined for the base message. */
  readonly path?: readonly Step[];
}

const tagOf = (step: Step): Uint8Array => {
  if (typeof step === 'number') return field(1, varintField(1, step));
  return field(1, 'index' in step ? varintField(3, step.index) : field(2, field(1, step.key)));
};

/** A saved_model.cpb; the first chunk is the base. `change` may spoil the metadata. */
export function chunkedModel(chunks: readonly ChunkInput[], change: (metadata: Buffer) => Buffer = (same) => same): Buffer {
  const bodies = chunks.map(({ bytes }) => bytes);
  const { positions } = riegeliOf([bodies]);
  const infos = chunks.map(({ bytes, isBytes }, index) =>
    field(2, message(varintField(1, isBytes === true ? 2 : 1), varintField(2, bytes.length), varintField(3, positions[index]))),
  );
  const fields = chunks.flatMap(({ path }, index) =>
    path === undefined ? [] : [field(2, message(...path.map(tagOf), field(3, varintField(1, index))))],
  );
  const base = chunks[0]?.path === undefined ? [varintField(1, 0)] : [];
  const metadata = message(...infos, field(3, message(...base, ...fields)));
  return riegeliOf([bodies, [change(metadata)]]).bytes;
}
