// What lies behind the flatbuffer of a TFLite model: buffers that the model claims there, a zip with files that go with its metadata, and
// anything else, which is no part of the model. It finds the zip by its end, as zip readers do, and hands it on as a file of its own.
import type { Source } from '../scan-context.ts';
import { memorySource } from '../source/index.ts';
import type { ByteRange } from './table.ts';
import type { TfliteModel } from './tflite-model.ts';

const endSignature = Buffer.from([0x50, 0x4b, 5, 6]);
const entrySignature = 0x02014b50;
const maxComment = 65_535;
/** A zip behind a model holds labels and vocabularies. What is larger is handed on as it is. */
const maxZipBytes = 64 * 1024 * 1024;
const maxEntries = 65_535;

export interface AppendedZip {
  readonly offset: number;
  readonly source: Source;
}

/** What follows the flatbuffer and no buffer claims, without zeros at its beginning and end; at most 1024 ranges. */
export function unclaimedRanges(model: TfliteModel, endOffset: number): readonly ByteRange[] {
  const claimed: ByteRange[] = [
    ...model.buffers.flatMap((buffer) => (buffer.isOutside && buffer.range !== undefined ? [buffer.range] : [])),
    ...model.subgraphs.flatMap((subgraph) => subgraph.operators.flatMap((operator) => operator.customOptions ?? [])),
  ].sort((a, b) => a.offset - b.offset);
  const ranges: ByteRange[] = [];
  let at = endOffset;
  for (const range of [...claimed, { offset: model.bytes.sizeBytes, sizeBytes: 0 }]) {
    if (range.offset > at && ranges.length < 1024) ranges.push({ offset: at, sizeBytes: range.offset - at });
    at = Math.max(at, range.offset + range.sizeBytes);
  }
  return ranges.filter((range) => range.offset + range.sizeBytes <= model.bytes.sizeBytes);
}

/**
 * Finds a zip whose end is the end of the file. Python's `zipfile`, which writes these, counts offsets from the beginning of the whole file;
 * they are changed here to count from the beginning of the zip.
 * @param from the first byte that the zip may have.
 */
export function findAppendedZip(model: TfliteModel, from: number): AppendedZip | undefined {
  const { bytes } = model;
  const tailBytes = Math.min(maxComment + 22, bytes.sizeBytes - from);
  if (tailBytes < 22) return undefined;
  const tailAt = bytes.sizeBytes - tailBytes;
  const found = bytes.bytes(tailAt, tailBytes).lastIndexOf(endSignature);
  if (found < 0 || found + 22 > tailBytes) return undefined;
  const endAt = tailAt + found;
  const directoryBytes = bytes.u32(endAt + 12);
  const declaredAt = bytes.u32(endAt + 16);
  const directoryAt = endAt - directoryBytes;
  // What was written before the file was put in front of it, or counted from another beginning.
  const shift = directoryAt - declaredAt;
  if (directoryAt < from) return undefined;
  const entries: number[] = [];
  let start = directoryAt;
  for (let at = directoryAt; at + 46 <= endAt && entries.length < maxEntries && bytes.u32(at) === entrySignature; ) {
    entries.push(at);
    const local = bytes.u32(at + 42) + shift;
    if (local >= from) start = Math.min(start, local);
    at += 46 + bytes.u16(at + 28) + bytes.u16(at + 30) + bytes.u16(at + 32);
  }
  const sizeBytes = bytes.sizeBytes - start;
  const slice = bytes.bytes(start, Math.min(sizeBytes, maxZipBytes));
  if (sizeBytes > maxZipBytes) {
    return {
      offset: start,
      source: { name: bytes.name, sizeBytes, read: (offset, length) => bytes.bytes(start + offset, length) },
    };
  }
  const copy = Buffer.from(slice);
  const change = shift - start;
  for (const at of entries) copy.writeUInt32LE((bytes.u32(at + 42) + change) >>> 0, at - start + 42);
  copy.writeUInt32LE((declaredAt + change) >>> 0, endAt - start + 16);
  return { offset: start, source: memorySource(bytes.name, copy) };
}
