// Reads the files of TFDV from disk, bounded before their bytes are in memory, with the digest that a contract names as the source.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { AirlockError, printable } from '../../core/index.ts';
import type { Schema } from './gen/tensorflow_metadata/schema_pb.ts';
import type { DatasetFeatureStatisticsList } from './gen/tensorflow_metadata/statistics_pb.ts';
import type { MetadataFile } from './import-schema.ts';
import { maxMetadataBytes, readTfdvSchema, readTfdvStatistics } from './read-metadata.ts';

async function readBounded(path: string): Promise<Buffer> {
  const shown = printable(basename(path));
  const unreadable = () => new AirlockError('DATASET_INVALID', { message: `${shown} cannot be read` });
  // A pipe would make the open wait for its other end.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(() => {
    throw unreadable();
  });
  try {
    const stat = await handle.stat();
    if (!stat.isFile()) throw new AirlockError('DATASET_INVALID', { message: `${shown} is no regular file` });
    if (stat.size > maxMetadataBytes)
      throw new AirlockError('DATASET_INVALID', { message: `${shown} is larger than ${maxMetadataBytes} bytes` });
    const bytes = Buffer.alloc(stat.size);
    let length = 0;
    while (length < bytes.length) {
      const { bytesRead } = await handle.read(bytes, length, bytes.length - length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return bytes.subarray(0, length);
  } finally {
    await handle.close();
  }
}

async function load<Message>(path: string, read: (bytes: Buffer, name: string) => Message): Promise<MetadataFile<Message>> {
  const bytes = await readBounded(path);
  const name = basename(path);
  return { message: read(bytes, name), name, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** @throws DATASET_INVALID when the file cannot be read, is over 64 MiB or is no Schema. */
export function loadTfdvSchema(path: string): Promise<MetadataFile<Schema>> {
  return load(path, readTfdvSchema);
}

/** @throws DATASET_INVALID when the file cannot be read, is over 64 MiB or holds no statistics. */
export function loadTfdvStatistics(path: string): Promise<MetadataFile<DatasetFeatureStatisticsList>> {
  return load(path, readTfdvStatistics);
}
