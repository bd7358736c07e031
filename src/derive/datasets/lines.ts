// Lines of a stream of bytes, without their line break. A line longer than the limit is refused while it arrives.
import { datasetError } from './dataset-error.ts';

/** @throws DATASET_INVALID with the line's number, which counts empty lines too. */
export async function* linesOf(source: AsyncIterable<Uint8Array>, maxLineBytes: number): AsyncGenerator<Buffer, void, undefined> {
  let parts: Uint8Array[] = [];
  let held = 0;
  let line = 1;
  for await (const piece of source) {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    let start = 0;
    for (;;) {
      const end = bytes.indexOf(0x0a, start);
      const size = held + (end < 0 ? bytes.length : end) - start;
      if (size > maxLineBytes) throw datasetError({ record: line }, `a line of at most ${maxLineBytes} bytes`, 'a longer one');
      if (end < 0) break;
      const tail = bytes.subarray(start, end);
      yield parts.length === 0 ? tail : Buffer.concat([...parts, tail]);
      parts = [];
      held = 0;
      line++;
      start = end + 1;
    }
    if (start < bytes.length) {
      parts.push(bytes.subarray(start));
      held += bytes.length - start;
    }
  }
  if (held > 0) yield Buffer.concat(parts);
}
