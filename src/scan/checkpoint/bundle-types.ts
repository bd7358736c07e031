// What the scan knows of a bundle once its index was read.
import type { Source } from '../scan-context.ts';

/** The files of a checkpoint: a folder, or members of an archive. */
export interface CheckpointFolder {
  /** Relative, `/` between folders. */
  readonly names: readonly string[];
  open(name: string): Source | undefined;
}

export interface BundleTensor {
  readonly dtype: number;
  /** Only of tensors whose shape TensorFlow could hold. */
  readonly shape: readonly number[];
  readonly sizeBytes: number;
  readonly shard: number;
  readonly offset: number;
  /** Masked CRC-32C, as stored. */
  readonly crc: number;
  /** True when it is a part of a partitioned variable. */
  readonly isSlice: boolean;
}

export interface BundleFacts {
  /** By key; parts of a partitioned variable as `name slice 1`. Tensors whose values cannot be read are left out. */
  readonly tensors: ReadonlyMap<string, BundleTensor>;
  /** Type and shape of every variable that the index names, also of partitioned ones and of those without readable values. */
  readonly variables: ReadonlyMap<string, { readonly dtype: number; readonly shape: readonly number[] }>;
  /** Data files by their number; those that are missing are not in it. */
  readonly shards: ReadonlyMap<number, Source>;
  /** Bytes of `_CHECKPOINTABLE_OBJECT_GRAPH`. */
  readonly objectGraph: Buffer | undefined;
}

/** Where TensorFlow keeps the object graph of a checkpoint (trackable/base.py, OBJECT_GRAPH_PROTO_KEY). */
export const objectGraphKey = '_CHECKPOINTABLE_OBJECT_GRAPH';

/** `variables/variables.data-00000-of-00001`. */
export function dataFileName(prefix: string, shard: number, shardCount: number): string {
  const digits = (value: number) => String(value).padStart(5, '0');
  return `${prefix}.data-${digits(shard)}-of-${digits(shardCount)}`;
}
