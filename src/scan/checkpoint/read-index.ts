// Reads the index of a bundle into entries and judges each of them. Nothing of the data files is read here but their lengths.
import { AirlockError } from '../../core/index.ts';
import { readSortedTable } from '../../model/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { type BundleHeader, keyName, type RawEntry, readBundleEntry, readBundleHeader } from './bundle-entry.ts';
import { type CheckpointFolder, dataFileName } from './bundle-types.ts';
import { judgeEntryPlace, judgeEntryType, judgeSlices } from './entry-checks.ts';
import type { Speaker } from './say.ts';

/** A variable takes about 100 bytes: more than 100,000 of them is no checkpoint. */
export const maxIndexBytes: number = 256 * 1024 ** 2;
const maxEntries = 100_000;
const maxShards = 10_000;

export interface IndexEntry extends RawEntry {
  readonly name: string;
  readonly isSlice: boolean;
  /** False when its values have no place, or not one in a file that is there. */
  readonly isReadable: boolean;
}

export interface BundleIndex {
  readonly shardCount: number;
  readonly entries: readonly IndexEntry[];
  readonly shards: ReadonlyMap<number, Source>;
  /** TensorFlow turns the bytes of such values around; nothing here does. */
  readonly isBigEndian: boolean;
}

function checkHeader(header: BundleHeader, file: string): void {
  const { shardCount, minConsumer } = header;
  if (shardCount < 1n || shardCount > maxShards) {
    throw new AirlockError('MODEL_INVALID', { message: `${file} is damaged: it counts ${shardCount} shards (data files)` });
  }
  if (minConsumer > 1n) {
    throw new AirlockError('MODEL_INVALID', {
      message: `${file} asks for version ${minConsumer} of the format; there is only version 1`,
    });
  }
}

function openShards(folder: CheckpointFolder, prefix: string, shardCount: number, used: ReadonlySet<number>, speaker: Speaker) {
  const shards = new Map<number, Source>();
  for (let shard = 0; shard < shardCount; shard++) {
    const name = dataFileName(prefix, shard, shardCount);
    const source = folder.open(name);
    if (source !== undefined) shards.set(shard, source);
    else if (used.has(shard)) {
      speaker.say({
        ruleId: 'malformed/checkpoint-data',
        message: `Data file ${name} of the checkpoint is missing, restoring fails`,
      });
    }
  }
  return shards;
}

/** Parts that are promised must be there: TensorFlow looks each of them up when it restores the variable. */
function checkParts(entries: readonly IndexEntry[], speaker: Speaker): void {
  const parts = new Map<string, number>();
  for (const entry of entries) if (entry.isSlice) parts.set(entry.name, (parts.get(entry.name) ?? 0) + 1);
  for (const { name, isSlice, slices } of entries) {
    const found = parts.get(name) ?? 0;
    if (isSlice || slices.length === 0 || found >= slices.length) continue;
    const message = `Variable "${name}" of the checkpoint has ${slices.length} parts, of which ${found} are stored: restoring it fails`;
    speaker.say({ ruleId: 'malformed/checkpoint-entry', path: name, message });
  }
}

/**
 * @throws MODEL_INCOMPLETE or MODEL_INVALID when the index cannot be read: it is cut short, damaged, has more than 100,000
 * entries or 10,000 data files, or belongs to a later format.
 */
export function readBundleIndex(
  folder: CheckpointFolder,
  prefix: string,
  index: Source,
  context: ScanContext,
  speaker: Speaker,
): BundleIndex {
  if (index.sizeBytes > Math.min(maxIndexBytes, context.limits.maxGraphBytes)) {
    throw new AirlockError('MODEL_INVALID', { message: `${index.name} is too large for the index of a checkpoint` });
  }
  let header: BundleHeader | undefined;
  const raw: { name: string; isSlice: boolean; entry: RawEntry }[] = [];
  for (const { key, value } of readSortedTable(index.name, index.read(0, index.sizeBytes))) {
    if (key.length === 0) {
      header = readBundleHeader(value, index.name);
      checkHeader(header, index.name);
    } else if (header === undefined) {
      throw new AirlockError('MODEL_INVALID', { message: `${index.name} is damaged: its header is missing` });
    } else {
      raw.push({ ...keyName(key), entry: readBundleEntry(value, index.name) });
      if (raw.length > maxEntries) throw new AirlockError('MODEL_INVALID', { message: `${index.name} has too many entries` });
    }
  }
  if (header === undefined)
    throw new AirlockError('MODEL_INVALID', { message: `${index.name} is damaged: its header is missing` });
  const shardCount = Number(header.shardCount);
  const shards = openShards(folder, prefix, shardCount, new Set(raw.map(({ entry }) => Number(entry.shard))), speaker);
  const entries = raw.map(({ name, isSlice, entry }): IndexEntry => {
    return { ...entry, name, isSlice, isReadable: judgeEntry(name, entry, shardCount, shards, context, speaker) };
  });
  checkParts(entries, speaker);
  return { shardCount, entries, shards, isBigEndian: header.isBigEndian };
}

function judgeEntry(
  name: string,
  entry: RawEntry,
  shardCount: number,
  shards: ReadonlyMap<number, Source>,
  context: ScanContext,
  speaker: Speaker,
): boolean {
  if (!judgeEntryType(name, entry, speaker)) return false;
  if (entry.slices.length > 0) {
    judgeSlices(name, entry, speaker);
    return false;
  }
  if (entry.shard < 0n || entry.shard >= BigInt(shardCount)) {
    const message = `Variable "${name}" of the checkpoint lies in shard ${entry.shard} of ${shardCount} data files, which cannot exist`;
    speaker.say({ ruleId: 'malformed/checkpoint-entry', path: name, message });
    return false;
  }
  const file = shards.get(Number(entry.shard));
  const fileBytes = file === undefined ? undefined : BigInt(file.sizeBytes);
  return judgeEntryPlace(name, entry, { memoryBudgetBytes: context.limits.memoryBudgetBytes, fileBytes }, speaker);
}
