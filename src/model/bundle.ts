// Is a checkpoint whole? TensorFlow finds out only when it reads a variable, and a worker then dies or serves garbage late; here the
// index is compared with the data files before anything is loaded. The values themselves are not read.
import { damagedFile } from '../core/index.ts';
import { BundleEntryProtoSchema, BundleHeaderProtoSchema } from './gen/tensorflow/tensor_bundle_pb.ts';
import { fileError, listModelFolder, modelFileBytes, readModelFile } from './model-files.ts';
import { decodeMessage } from './protobuf-decode.ts';
import { readSortedTable } from './sorted-table.ts';

const indexName = 'variables/variables.index';
/** A variable takes about 100 bytes before compression. */
const maxIndexBytes = 16 * 1024 ** 2;
const maxEntries = 1_000_000;
const maxShards = 10_000;
const maxFolderEntries = maxShards + 100;

/** What a checkpoint's index demands: the number of data files, and how long each must be at least, in bytes, by its number. */
export interface BundleIndex {
  readonly shardCount: number;
  readonly neededBytes: ReadonlyMap<number, number>;
}

/**
 * Reads a checkpoint's index.
 * @throws MODEL_INCOMPLETE when its end is missing; MODEL_INVALID when it is damaged, has more than a million entries, or more than
 * 10,000 data files.
 */
export function parseBundleIndex(bytes: Buffer): BundleIndex {
  const damaged = (text: string) => damagedFile(indexName, text);
  const neededBytes = new Map<number, number>();
  let shardCount = 0;
  let entries = 0;
  for (const { key, value } of readSortedTable(indexName, bytes)) {
    if (key.length === 0) {
      shardCount = decodeMessage(BundleHeaderProtoSchema, value, indexName).numShards;
      if (shardCount < 1 || shardCount > maxShards) throw damaged(`it has ${shardCount} data files`);
      continue;
    }
    // The empty key sorts first, so a table without a header shows at its first entry.
    if (shardCount === 0) throw damaged('its header is missing');
    if (++entries > maxEntries) throw damaged('it has too many entries');
    const { shardId, offset, size } = decodeMessage(BundleEntryProtoSchema, value, indexName);
    if (shardId < 0 || shardId >= shardCount) throw damaged('an entry names a data file that does not exist');
    const end = offset + size;
    if (offset < 0n || size < 0n || end > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged('an entry has no valid place');
    neededBytes.set(shardId, Math.max(neededBytes.get(shardId) ?? 0, Number(end)));
  }
  if (shardCount === 0) throw damaged('its header is missing');
  return { shardCount, neededBytes };
}

/** `variables/variables.data-00000-of-00001`. */
export function shardName(shard: number, shardCount: number): string {
  const digits = (value: number) => String(value).padStart(5, '0');
  return `variables/variables.data-${digits(shard)}-of-${digits(shardCount)}`;
}

/**
 * Makes sure that the checkpoint of the SavedModel in `directory` is whole. `isNeeded` says whether the model restores variables:
 * TensorFlow loads such a model without its checkpoint too and then answers with errors, so its absence is refused here; a model
 * that restores nothing may have no `variables` folder or an empty one.
 * @throws MODEL_INCOMPLETE naming the file that is missing or short; MODEL_INVALID when the index is damaged or a file is a link.
 */
export async function assertCheckpointComplete(directory: string, isNeeded: boolean): Promise<void> {
  const index = await readModelFile(directory, indexName, maxIndexBytes);
  if (index === undefined) {
    const names = await listModelFolder(directory, 'variables', maxFolderEntries);
    if (!isNeeded && (names ?? []).length === 0) return;
    throw fileError('MODEL_INCOMPLETE', directory, indexName, 'is missing');
  }
  const { shardCount, neededBytes } = parseBundleIndex(index);
  for (let shard = 0; shard < shardCount; shard++) {
    const name = shardName(shard, shardCount);
    const bytes = await modelFileBytes(directory, name);
    if (bytes === undefined) throw fileError('MODEL_INCOMPLETE', directory, name, 'is missing');
    const needed = neededBytes.get(shard) ?? 0;
    if (bytes < needed) {
      throw fileError('MODEL_INCOMPLETE', directory, name, `has ${bytes} bytes of the ${needed} that the checkpoint needs`);
    }
  }
}
