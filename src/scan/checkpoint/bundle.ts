// One bundle, the format of TensorFlow 2's checkpoints, of SavedModels' variables and of TensorFlow 1's since 0.12: an index and
// data files. It judges that they are whole, consistent, and hold nothing but variables; what is in the variables is the business
// of ../weights.
import { isAirlockError } from '../../core/index.ts';
import { extendCrc32c, maskCrc32c } from '../../model/index.ts';
import type { ScanContext, Source } from '../scan-context.ts';
import { type BundleFacts, type BundleTensor, type CheckpointFolder, dataFileName, objectGraphKey } from './bundle-types.ts';
import { judgeGap, judgeOverlaps } from './coverage.ts';
import { encodedTypes } from './data-types.ts';
import { elementCount } from './entry-checks.ts';
import { judgeObjectGraph } from './object-graph.ts';
import { type BundleIndex, type IndexEntry, readBundleIndex } from './read-index.ts';
import { Speaker } from './say.ts';
import { stringPlaces } from './string-values.ts';

/**
 * A checksum is compared for entries up to this size, and of a bundle up to the sum: all of 1 GB would take as long as hashing
 * it.
 */
const maxChecksumBytes = 16 * 1024 ** 2;
const maxChecksumSumBytes = 64 * 1024 ** 2;
/** Strings of a bundle that are looked at: object graphs and vocabularies have a few megabytes. */
const maxStringBytes = 256 * 1024 ** 2;

interface Values {
  readonly objectGraph: Buffer | undefined;
  readonly checkedBytes: number;
}

const nothingRead: Values = { objectGraph: undefined, checkedBytes: 0 };

/** Reads small entries and strings: checksums, lengths. */
function readValues(index: BundleIndex, context: ScanContext, speaker: Speaker): Values {
  let objectGraph: Buffer | undefined;
  let checkedBytes = 0;
  let stringBytes = 0;
  for (const entry of index.entries) {
    const source = index.shards.get(Number(entry.shard));
    if (!entry.isReadable || source === undefined) continue;
    const size = Number(entry.size);
    if (entry.dtype === encodedTypes.string) {
      // All of them together: a thousand variables may share their bytes.
      stringBytes += size;
      const graph = readStrings(entry, stringBytes, source, context, speaker);
      if (entry.name === objectGraphKey) objectGraph = graph;
    } else if (
      entry.dtype !== encodedTypes.variant &&
      size > 0 &&
      size <= maxChecksumBytes &&
      checkedBytes + size <= maxChecksumSumBytes
    ) {
      checkedBytes += size;
      const crc = extendCrc32c(0, source.read(Number(entry.offset), size));
      if (maskCrc32c(crc) !== entry.crc) sayChecksum(entry, source, speaker);
    }
  }
  return { objectGraph, checkedBytes };
}

function sayChecksum(entry: IndexEntry, source: Source, speaker: Speaker): void {
  const message = `The values of variable "${entry.name}" of the checkpoint do not match their checksum: TensorFlow refuses to restore it`;
  speaker.say({
    ruleId: 'malformed/checkpoint-checksum',
    path: entry.name,
    file: source.name,
    offset: Number(entry.offset),
    message,
  });
}

/** Judges the strings of an entry. @returns the first of them when it is sound. */
function readStrings(
  entry: IndexEntry,
  stringBytes: number,
  source: Source,
  context: ScanContext,
  speaker: Speaker,
): Buffer | undefined {
  const size = Number(entry.size);
  if (stringBytes > maxStringBytes) {
    context.unreadable(source.name, `the strings of variable "${entry.name}" are too many to be looked at`);
    return undefined;
  }
  const bytes = source.read(Number(entry.offset), size);
  const places = stringPlaces(bytes, Number(elementCount(entry.shape ?? []) ?? 0n));
  if ('fault' in places) {
    const effect =
      places.claimedBytes === undefined
        ? 'restoring it fails'
        : 'TensorFlow reserves that much memory before it reads, and crashes from 4 GiB on';
    const message = `The strings of variable "${entry.name}" of the checkpoint are malformed: ${places.fault}; ${effect}`;
    const severity = places.claimedBytes !== undefined && places.claimedBytes >= 2n ** 32n ? 'critical' : 'high';
    speaker.say({ ruleId: 'malformed/checkpoint-string', severity, path: entry.name, file: source.name, message });
    return undefined;
  }
  if (maskCrc32c(places.crc) !== entry.crc) sayChecksum(entry, source, speaker);
  return places.starts.length === 0 ? undefined : bytes.subarray(places.starts[0], places.starts[0] + places.lengths[0]);
}

/** Data files of this prefix that the index does not count: left over, or a hiding place. */
function judgeUnusedFiles(folder: CheckpointFolder, prefix: string, index: BundleIndex, speaker: Speaker): void {
  const expected = new Set(Array.from({ length: index.shardCount }, (_, shard) => dataFileName(prefix, shard, index.shardCount)));
  for (const name of folder.names) {
    if (!name.startsWith(`${prefix}.data-`) || expected.has(name)) continue;
    const source = folder.open(name);
    if (source === undefined) continue;
    const message = `${source.name} is no data file of this checkpoint, which has ${index.shardCount}`;
    speaker.say({ ruleId: 'payload/unused-data-file', trigger: 'none', file: source.name, message });
    judgeGap(source, { start: 0, end: source.sizeBytes }, speaker);
  }
}

function judgeDataFiles(index: BundleIndex, speaker: Speaker): void {
  const byShard = new Map<number, IndexEntry[]>();
  for (const entry of index.entries) {
    if (!entry.isReadable) continue;
    const own = byShard.get(Number(entry.shard));
    if (own === undefined) byShard.set(Number(entry.shard), [entry]);
    else own.push(entry);
  }
  for (const [shard, file] of index.shards) {
    for (const gap of judgeOverlaps(byShard.get(shard) ?? [], file.sizeBytes, speaker)) judgeGap(file, gap, speaker);
  }
}

function tensorOf(entry: IndexEntry): BundleTensor {
  return {
    dtype: entry.dtype,
    shape: (entry.shape ?? []).map(Number),
    sizeBytes: Number(entry.size),
    shard: Number(entry.shard),
    offset: Number(entry.offset),
    crc: entry.crc,
    isSlice: entry.isSlice,
  };
}

function factsOf(index: BundleIndex, objectGraph: Buffer | undefined): BundleFacts {
  const tensors = new Map<string, BundleTensor>();
  const variables = new Map<string, { dtype: number; shape: readonly number[] }>();
  const sliceCounts = new Map<string, number>();
  for (const entry of index.entries) {
    const slice = (sliceCounts.get(entry.name) ?? 0) + 1;
    if (entry.isSlice) sliceCounts.set(entry.name, slice);
    else if (entry.shape !== undefined) variables.set(entry.name, { dtype: entry.dtype, shape: entry.shape.map(Number) });
    if (entry.isReadable && !index.isBigEndian)
      tensors.set(entry.isSlice ? `${entry.name} slice ${slice}` : entry.name, tensorOf(entry));
  }
  return { tensors, variables, shards: index.shards, objectGraph };
}

/**
 * Scans the bundle with this prefix: `variables/variables`, `ckpt-1`.
 * @returns undefined when there is no index, or none that can be read; that is then reported and said to be unreadable.
 */
export function scanBundle(folder: CheckpointFolder, prefix: string, context: ScanContext): BundleFacts | undefined {
  const source = folder.open(`${prefix}.index`);
  if (source === undefined) return undefined;
  const speaker = new Speaker(context, source.name);
  context.use({ kind: 'component', name: 'checkpoint_reader', trigger: 'load', location: { file: source.name } });
  try {
    const index = readBundleIndex(folder, prefix, source, context, speaker);
    if (index.entries.some((entry) => !entry.isReadable && entry.slices.length === 0)) {
      context.unreadable(source.name, 'some of its variables cannot be read');
    }
    judgeDataFiles(index, speaker);
    judgeUnusedFiles(folder, prefix, index, speaker);
    if (index.isBigEndian) context.unreadable(source.name, 'its values are big-endian, which this scan does not read');
    const { objectGraph, checkedBytes } = index.isBigEndian ? nothingRead : readValues(index, context, speaker);
    const facts = factsOf(index, objectGraph);
    if (objectGraph !== undefined)
      judgeObjectGraph(objectGraph, new Set(index.entries.map(({ name }) => name)), source.name, speaker);
    const dataBytes = [...index.shards.values()].reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    context.artifact({
      file: source.name,
      format: 'checkpoint',
      bytes: source.sizeBytes + dataBytes,
      facts: { tensors: facts.variables.size, dataFiles: index.shards.size, checksumsComparedBytes: checkedBytes },
    });
    return facts;
  } catch (thrown) {
    if (!isAirlockError(thrown)) throw thrown;
    const message = `The checkpoint ${source.name} cannot be restored: ${thrown.message}`;
    speaker.say({ ruleId: 'malformed/checkpoint-index', message });
    context.unreadable(source.name, thrown.message);
    return undefined;
  } finally {
    speaker.finish();
  }
}
