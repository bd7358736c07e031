// TFRecord's framing (tensorflow/core/lib/io/record_writer.cc): length, its checksum, data, its checksum. A length is believed only after
// its checksum fits and it is inside the limit; nothing is allocated before.
import { maskedCrc32c } from '../../model/index.ts';
import { ByteQueue } from './byte-queue.ts';
import { datasetError } from './dataset-error.ts';

const headBytes = 12;
const tailBytes = 4;

/** Each record's bytes. @throws DATASET_INVALID with the record's number for damage, and past `maxRecordBytes`. */
export async function* tfrecordFrames(
  source: AsyncIterable<Uint8Array>,
  maxRecordBytes: number,
): AsyncGenerator<Buffer, void, undefined> {
  const queue = new ByteQueue(source);
  try {
    for (let record = 1; !(await queue.atEnd()); record++) {
      const head = await queue.take(headBytes);
      if (head.length < headBytes) throw cut(record);
      if (head.readUInt32LE(8) !== maskedCrc32c(head.subarray(0, 8)))
        throw datasetError({ record }, 'a length with the right checksum', 'another checksum');
      const length = head.readUInt32LE(4) * 2 ** 32 + head.readUInt32LE(0);
      if (length > maxRecordBytes) throw datasetError({ record }, `at most ${maxRecordBytes} bytes`, `${length} bytes`);
      const data = await queue.take(length);
      const tail = await queue.take(tailBytes);
      if (data.length < length || tail.length < tailBytes) throw cut(record);
      if (tail.readUInt32LE(0) !== maskedCrc32c(data))
        throw datasetError({ record }, 'data with the right checksum', 'another checksum');
      yield data;
    }
  } finally {
    await queue.close();
  }
}

function cut(record: number) {
  return datasetError({ record }, 'a whole record', 'the end of the file');
}
