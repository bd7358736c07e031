// Opens a file or a folder as a data set. The format is told by the first bytes where they tell it, and by the name where they do not;
// it is never guessed from what the data looks like.
import { stat } from 'node:fs/promises';
import { AirlockError, printable } from '../../core/index.ts';
import { openCsv } from './csv.ts';
import { datasetError } from './dataset-error.ts';
import { type Dataset, type DatasetKind, type DatasetOptions, defaultDatasetLimits } from './dataset-types.ts';
import { openImageFolder } from './image-folder.ts';
import { openJsonl } from './jsonl.ts';
import { openNpy } from './npy.ts';
import { isNpy } from './npy-header.ts';
import { openNpz } from './npz.ts';
import { openParquet } from './parquet.ts';
import { SourceFile } from './source-file.ts';
import { openTfrecord } from './tfrecord.ts';

export const datasetKinds: readonly DatasetKind[] = ['csv', 'jsonl', 'parquet', 'npy', 'npz', 'tfrecord', 'images'];

/**
 * Opens `path`; whoever opens closes. Limits default to `defaultDatasetLimits`.
 * @throws DATASET_INVALID when it cannot be read or its format is not known.
 */
export async function openDataset(path: string, options: DatasetOptions = {}): Promise<Dataset> {
  const limits = { ...defaultDatasetLimits, ...options.limits };
  const info = await stat(path).catch((cause: unknown) => {
    throw new AirlockError('DATASET_INVALID', { message: 'The data set cannot be opened', detail: path, cause });
  });
  if (info.isDirectory()) {
    if (options.kind !== undefined && options.kind !== 'images') throw datasetError({}, `a file of ${options.kind}`, 'a folder');
    return openImageFolder(path, limits, options.onProgress);
  }
  const file = await SourceFile.open(path, limits.maxBytes, options.onProgress);
  try {
    const kind = options.kind ?? kindOf(await file.bytesAt(0, Math.min(8, file.size)), file.name);
    switch (kind) {
      case 'csv': {
        const separator = options.separator ?? (/\.tsv$/i.test(file.name) ? '\t' : ',');
        return await openCsv(file, { separator, missing: options.missing ?? [], limits });
      }
      case 'jsonl':
        return await openJsonl(file, limits);
      case 'npy':
        return await openNpy(file, limits);
      case 'npz':
        return await openNpz(file, limits);
      case 'parquet':
        return await openParquet(file, limits);
      case 'tfrecord':
        return await openTfrecord(file, limits);
      case 'images':
        throw datasetError({}, 'a folder of images', 'a file');
    }
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

function kindOf(start: Buffer, name: string): DatasetKind {
  if (isNpy(start)) return 'npy';
  if (start.toString('latin1', 0, 4) === 'PAR1') return 'parquet';
  if (start.toString('latin1', 0, 4) === 'PARE') throw datasetError({}, 'a Parquet file without encryption', 'an encrypted one');
  if (start.toString('latin1', 0, 4) === 'PK\x03\x04' || start.toString('latin1', 0, 4) === 'PK\x05\x06') return 'npz';
  const plain = name.replace(/\.gz$/i, '');
  if (/\.(csv|tsv)$/i.test(name)) return 'csv';
  if (/\.(jsonl|ndjson)$/i.test(plain)) return 'jsonl';
  if (/\.tfrecords?$/i.test(plain) || /\.tfrecords?-\d+-of-\d+$/i.test(plain)) return 'tfrecord';
  throw datasetError({}, `a name that tells the format, or --format ${datasetKinds.join(' | ')}`, printable(name));
}
