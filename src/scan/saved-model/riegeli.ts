// Reads the records of a Riegeli file, in which chunked SavedModels are stored (google/riegeli, doc/riegeli_records_file_format.md). Simple
// chunks without compression or with Brotli, as TensorFlow writes them; others are refused. The checksums (HighwayHash) are not compared:
// they find damage and no attack, and what they cover is judged as it is.
import { brotliDecompressSync } from 'node:zlib';
import { AirlockError } from '../../core/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';

const blockBytes = 65_536;
const blockHeaderBytes = 24;
const usableBytes = blockBytes - blockHeaderBytes;
const chunkHeaderBytes = 40;
const maxRecords = 1_000_000;

const chunkTypes = { signature: 0x73, metadata: 0x6d, padding: 0x70, simple: 0x72, transposed: 0x74 } as const;
const compressions: ReadonlyMap<number, string> = new Map([
  [0x7a, 'Zstandard'],
  [0x73, 'Snappy'],
]);

function invalid(source: Source, text: string): AirlockError {
  return new AirlockError('MODEL_INVALID', { message: `${source.name} is damaged or not supported: ${text}` });
}

/** `length` bytes of chunks from `position`, without the headers that interrupt them every 64 KiB. */
function readInterrupted(source: Source, position: number, length: number): Buffer {
  if (length > source.sizeBytes) throw invalid(source, 'a chunk is longer than the file');
  const parts: Buffer[] = [];
  let at = position;
  for (let missing = length; missing > 0; ) {
    if (at % blockBytes === 0) at += blockHeaderBytes;
    const count = Math.min(missing, blockBytes - (at % blockBytes));
    parts.push(source.read(at, count));
    at += count;
    missing -= count;
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts, length);
}

function chunkEnd(start: number, dataBytes: number, records: number): number {
  const size = chunkHeaderBytes + dataBytes;
  const headers = Math.floor((size + ((start + usableBytes - 1) % blockBytes)) / usableBytes);
  const end = start + size + headers * blockHeaderBytes;
  const least = start + records;
  const remaining = blockBytes - 1 - ((least + blockBytes - 1) % blockBytes);
  return Math.max(end, least + Math.max(0, remaining - (usableBytes - 1)));
}

function varint(source: Source, bytes: Buffer, start: number): { value: number; end: number } {
  let value = 0;
  let scale = 1;
  for (let at = start; at < bytes.length && at < start + 8; at++) {
    value += (bytes[at] & 0x7f) * scale;
    if (bytes[at] < 0x80) return { value, end: at + 1 };
    scale *= 128;
  }
  throw invalid(source, 'a number does not end');
}

function decompress(source: Source, type: number, bytes: Buffer, maxBytes: number, context: ScanContext): Buffer {
  if (type === 0) return bytes;
  if (type !== 0x62) throw invalid(source, `it is compressed with ${compressions.get(type) ?? `method ${type}`}`);
  const { value, end } = varint(source, bytes, 0);
  if (value > maxBytes) throw invalid(source, 'a chunk grows past its announced size');
  context.takeExpanded(value, source.name);
  try {
    const result = brotliDecompressSync(bytes.subarray(end), { maxOutputLength: Math.max(value, 1) });
    if (result.length === value) return result;
  } catch {
    // The library's message says nothing more.
  }
  throw invalid(source, 'a chunk cannot be decompressed');
}

function simpleRecords(source: Source, data: Buffer, count: number, decodedBytes: number, context: ScanContext): Buffer[] {
  if (data.length < 2) throw invalid(source, 'a chunk is cut short');
  const type = data[0];
  const { value: sizesBytes, end } = varint(source, data, 1);
  if (end + sizesBytes > data.length) throw invalid(source, 'the sizes of a chunk are cut short');
  const sizes = decompress(source, type, data.subarray(end, end + sizesBytes), count * 10, context);
  const values = decompress(source, type, data.subarray(end + sizesBytes), decodedBytes, context);
  if (values.length !== decodedBytes) throw invalid(source, 'a chunk has another size than announced');
  const records: Buffer[] = [];
  let sizeAt = 0;
  let at = 0;
  while (records.length < count) {
    const size = varint(source, sizes, sizeAt);
    sizeAt = size.end;
    if (at + size.value > values.length) throw invalid(source, 'a record is cut short');
    records.push(values.subarray(at, at + size.value));
    at += size.value;
  }
  return records;
}

/**
 * All records by their position (the beginning of their chunk plus their number in it), in order.
 * @throws MODEL_INVALID when the file is damaged or uses what is not read here, MODEL_INCOMPLETE when it is cut short.
 */
export function readRiegeli(source: Source, context: ScanContext): ReadonlyMap<number, Buffer> {
  const records = new Map<number, Buffer>();
  for (let start = 0; start < source.sizeBytes; ) {
    const header = readInterrupted(source, start, chunkHeaderBytes);
    const [dataBytes, decodedBytes] = [header.readBigUInt64LE(8), header.readBigUInt64LE(32)];
    const type = header[24];
    const count = Number(header.readUIntLE(25, 6)) + header[31] * 2 ** 48;
    if (dataBytes > BigInt(source.sizeBytes)) throw invalid(source, 'a chunk is longer than the file');
    if (decodedBytes > BigInt(context.limits.maxGraphBytes) || records.size + count > maxRecords) {
      throw invalid(source, 'a chunk is too large');
    }
    if (type === chunkTypes.simple) {
      const data = readInterrupted(source, start, chunkHeaderBytes + Number(dataBytes)).subarray(chunkHeaderBytes);
      for (const [index, record] of simpleRecords(source, data, count, Number(decodedBytes), context).entries()) {
        records.set(start + index, record);
      }
    } else if (type === chunkTypes.transposed) throw invalid(source, 'it has transposed chunks');
    else if (type !== chunkTypes.signature && type !== chunkTypes.metadata && type !== chunkTypes.padding) {
      throw invalid(source, 'a chunk is of an unknown type');
    }
    start = chunkEnd(start, Number(dataBytes), count);
  }
  return records;
}
