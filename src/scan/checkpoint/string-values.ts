// The strings of a bundle entry: varint lengths, the masked checksum of the lengths, the bytes (tensor_bundle.cc,
// WriteStringTensor). It makes no string and reserves nothing by what a length claims: places only.
import { extendCrc32c, maskCrc32c } from '../../model/index.ts';

export interface StringPlaces {
  readonly starts: readonly number[];
  readonly lengths: readonly number[];
  /** CRC-32C that the whole entry should have, not masked. */
  readonly crc: number;
}

/** What is wrong, and whether TensorFlow reserves memory by it. */
export interface StringFault {
  readonly fault: string;
  readonly claimedBytes?: bigint;
}

/** Where the `count` strings in `bytes` lie. */
export function stringPlaces(bytes: Buffer, count: number): StringPlaces | StringFault {
  // Each length takes a byte: a larger count is refused before anything grows with it.
  if (count + 4 > bytes.length) return { fault: 'there are fewer bytes than strings' };
  const lengths: number[] = [];
  const word = Buffer.alloc(8);
  let at = 0;
  let crc = 0;
  let total = 0;
  for (let index = 0; index < count; index++) {
    let length = 0n;
    let shift = 0n;
    for (;;) {
      if (at >= bytes.length || shift > 63n) return { fault: 'the lengths of its strings do not end' };
      const byte = bytes[at++];
      length |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
      shift += 7n;
    }
    if (length > BigInt(bytes.length)) {
      return { fault: `string ${index} claims ${length} bytes of the ${bytes.length} that there are`, claimedBytes: length };
    }
    word.writeBigUInt64LE(length);
    crc = extendCrc32c(crc, word.subarray(0, 4));
    lengths.push(Number(length));
    total += Number(length);
  }
  if (at + 4 + total !== bytes.length) {
    return { fault: `its strings take ${at + 4 + total} bytes together, the entry has ${bytes.length}` };
  }
  const stored = bytes.readUInt32LE(at);
  if (stored !== maskCrc32c(crc)) return { fault: 'the checksum of the lengths of its strings is wrong' };
  crc = extendCrc32c(crc, bytes.subarray(at, at + 4));
  at += 4;
  crc = extendCrc32c(crc, bytes.subarray(at));
  const starts: number[] = [];
  for (const length of lengths) {
    starts.push(at);
    at += length;
  }
  return { starts, lengths, crc };
}
