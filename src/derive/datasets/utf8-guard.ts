// Lets only valid UTF-8 through, however the stream is cut. A decoder that replaces what it cannot read would hand the profile text that
// is not in the data.
import { isUtf8 } from 'node:buffer';
import { datasetError } from './dataset-error.ts';

/** The same pieces, cut between characters. A byte order mark at the very start is left out. @throws DATASET_INVALID */
export async function* onlyUtf8(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  let rest: Buffer = Buffer.alloc(0);
  let offset = 0;
  for await (const piece of source) {
    let bytes = rest.length === 0 ? Buffer.from(piece.buffer, piece.byteOffset, piece.length) : Buffer.concat([rest, piece]);
    if (offset === 0) {
      // The mark may be cut as well.
      if (bytes.length < 3) {
        rest = bytes;
        continue;
      }
      if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
        bytes = bytes.subarray(3);
        offset = 3;
      }
    }
    const whole = bytes.length - openBytes(bytes);
    rest = Buffer.from(bytes.subarray(whole));
    if (whole === 0) continue;
    const text = bytes.subarray(0, whole);
    if (!isUtf8(text)) throw datasetError({}, 'UTF-8', `other bytes after offset ${offset}`);
    offset += whole;
    yield text;
  }
  if (rest.length === 0) return;
  if (!isUtf8(rest)) throw datasetError({}, 'UTF-8', 'a character that is cut at the end');
  yield rest;
}

/** How many bytes at the end belong to a character that is not whole; 0 to 3. */
function openBytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back];
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return length > back ? back : 0;
  }
  return 0;
}
