// What lies behind the flatbuffer of a TFLite model: buffers that the model claims there, a zip with files that go with its metadata, and
// anything else, which is no part of the model. The zip itself is read by who reads archives: a file that is a model and an archive at once is
// scanned as both.

import type { ByteRange } from './table.ts';
import type { TfliteModel } from './tflite-model.ts';

const endSignature = Buffer.from([0x50, 0x4b, 5, 6]);
const entrySignature = 0x02014b50;
const endBytes = 22;
const maxComment = 65_535;
const maxEntries = 65_535;
const maxRanges = 1024;

/** What follows the flatbuffer and no buffer claims; at most 1024 ranges. */
export function unclaimedRanges(model: TfliteModel, endOffset: number): readonly ByteRange[] {
  const claimed: ByteRange[] = [
    ...model.buffers.flatMap((buffer) => (buffer.isOutside && buffer.range !== undefined ? [buffer.range] : [])),
    ...model.subgraphs.flatMap((subgraph) => subgraph.operators.flatMap((operator) => operator.customOptions ?? [])),
  ].sort((a, b) => a.offset - b.offset);
  const ranges: ByteRange[] = [];
  let at = endOffset;
  for (const range of [...claimed, { offset: model.bytes.sizeBytes, sizeBytes: 0 }]) {
    if (range.offset > at && ranges.length < maxRanges) ranges.push({ offset: at, sizeBytes: range.offset - at });
    at = Math.max(at, range.offset + range.sizeBytes);
  }
  return ranges.filter((range) => range.offset + range.sizeBytes <= model.bytes.sizeBytes);
}

/**
 * Where the first member of a zip begins whose end is the end of the file. Python's `zipfile`, which appends these, counts offsets from the
 * beginning of the whole file; a zip that was written by itself counts from its own.
 * @param from the first byte that the zip may have.
 */
export function appendedZipOffset(model: TfliteModel, from: number): number | undefined {
  const { bytes } = model;
  const tailBytes = Math.min(maxComment + endBytes, bytes.sizeBytes - from);
  if (tailBytes < endBytes) return undefined;
  const tailAt = bytes.sizeBytes - tailBytes;
  const found = bytes.bytes(tailAt, tailBytes).lastIndexOf(endSignature);
  if (found < 0 || found + endBytes > tailBytes) return undefined;
  const endAt = tailAt + found;
  const directoryAt = endAt - bytes.u32(endAt + 12);
  if (directoryAt < from) return undefined;
  const shift = directoryAt - bytes.u32(endAt + 16);
  let start = directoryAt;
  let at = directoryAt;
  for (let entries = 0; entries < maxEntries && at + 46 <= endAt && bytes.u32(at) === entrySignature; entries++) {
    const local = bytes.u32(at + 42) + shift;
    if (local >= from) start = Math.min(start, local);
    at += 46 + bytes.u16(at + 28) + bytes.u16(at + 30) + bytes.u16(at + 32);
  }
  return start;
}
