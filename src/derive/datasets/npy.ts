// An .npy file as a data set of one column, named after the file; a record is a slice along the first dimension.

import { ByteQueue } from './byte-queue.ts';
import { datasetError } from './dataset-error.ts';
import type { Dataset, DatasetLimits, RecordBatch } from './dataset-types.ts';
import { npyDataOffset, npyPreludeBytes, readNpyHeader } from './npy-header.ts';
import { NpyRows } from './npy-rows.ts';
import type { SourceFile } from './source-file.ts';

/** @throws DATASET_INVALID for what is no array of numbers, booleans or strings, and when the size does not fit the header. */
export async function openNpy(file: SourceFile, limits: DatasetLimits): Promise<Dataset> {
  const prelude = await file.bytesAt(0, Math.min(npyPreludeBytes, file.size));
  const headBytes = npyDataOffset(prelude);
  const header = readNpyHeader(await file.bytesAt(0, Math.min(headBytes, file.size)));
  const name = file.name.replace(/\.npy$/i, '');
  const rows = new NpyRows(name, header, limits);
  if (header.dataOffset + rows.dataBytes !== file.size)
    throw datasetError({}, `${rows.dataBytes} bytes of data, as the header says`, `${file.size - header.dataOffset} bytes`);
  return {
    kind: 'npy',
    name: file.name,
    totalBytes: file.size,
    columns: [name],
    writableByOthers: file.writableByOthers,
    records: () => readNpy(file, header.dataOffset, rows),
    sha256: () => file.sha256(),
    close: () => file.close(),
  };
}

async function* readNpy(file: SourceFile, dataOffset: number, rows: NpyRows): AsyncGenerator<RecordBatch, void, undefined> {
  const queue = new ByteQueue(file.pieces());
  try {
    await queue.take(dataOffset);
    for (let done = 0; done < rows.rows; ) {
      const count = Math.min(rows.rowsPerBatch, rows.rows - done);
      const bytes = await queue.take(rows.bytesOf(count));
      const column = rows.column(bytes, count, done + 1);
      yield { firstRecord: done + 1, rows: count, columns: new Map([[rows.name, column]]) };
      done += count;
    }
    // The digest is complete only when the last piece has been read.
    await queue.atEnd();
  } finally {
    await queue.close();
  }
}
