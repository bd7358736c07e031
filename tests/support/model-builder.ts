// Writes small SavedModels and checkpoint indexes for tests, so that no test depends on files from elsewhere.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { shardName } from '../../src/model/bundle.ts';
import { maskedCrc32c } from '../../src/model/crc32c.ts';
import { MetaGraphDefSchema, SavedModelSchema } from '../../src/model/gen/tensorflow/saved_model_pb.ts';
import { BundleEntryProtoSchema, BundleHeaderProtoSchema } from '../../src/model/gen/tensorflow/tensor_bundle_pb.ts';
import { DataType } from '../../src/model/gen/tensorflow/types_pb.ts';

export type MetaGraphInit = MessageInitShape<typeof MetaGraphDefSchema>;

/** `serving_default`: x → y, float32, any length. */
export const servingDefault = {
  key: 'serving_default',
  value: {
    inputs: [tensorEntry('x', 'x:0')],
    outputs: [tensorEntry('y', 'y:0')],
    methodName: 'tensorflow/serving/predict',
  },
};

export function tensorEntry(key: string, name: string, dtype: DataType = DataType.DT_FLOAT, sizes: readonly bigint[] = [-1n]) {
  return {
    key,
    value: { encoding: { case: 'name' as const, value: name }, dtype, tensorShape: { dim: sizes.map((size) => ({ size })) } },
  };
}

export function savedModelBytes(...metaGraphs: MetaGraphInit[]): Buffer {
  const message = create(SavedModelSchema, {
    savedModelSchemaVersion: 1n,
    metaGraphs: metaGraphs.map((graph) => create(MetaGraphDefSchema, graph)),
  });
  return Buffer.from(toBinary(SavedModelSchema, message));
}

export function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}

export interface TableItem {
  readonly key: Buffer;
  readonly value: Buffer;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** The content of one block, with shared prefixes and a restart every `interval` entries. */
export function blockOf(items: readonly TableItem[], interval = 16): Buffer {
  const parts: Buffer[] = [];
  const restarts: number[] = items.length === 0 ? [0] : [];
  let length = 0;
  for (const [index, { key, value }] of items.entries()) {
    let shared = 0;
    if (index % interval === 0) restarts.push(length);
    else while (shared < key.length && key[shared] === items[index - 1].key[shared]) shared++;
    const entry = Buffer.concat([varint(shared), varint(key.length - shared), varint(value.length), key.subarray(shared), value]);
    parts.push(entry);
    length += entry.length;
  }
  return Buffer.concat([...parts, ...restarts.map(uint32), uint32(restarts.length)]);
}

export function sealed(content: Buffer, compression = 0): Buffer {
  const covered = Buffer.concat([content, Buffer.from([compression])]);
  return Buffer.concat([covered, uint32(maskedCrc32c(covered))]);
}

/** A whole table of these data blocks; `handles` replaces the true list of their places. */
export function tableOf(blocks: readonly (readonly TableItem[])[], handles?: readonly (readonly [number, number])[]): Buffer {
  const parts: Buffer[] = [];
  const places: (readonly [number, number])[] = [];
  let length = 0;
  const append = (content: Buffer): readonly [number, number] => {
    const place = [length, content.length] as const;
    const bytes = sealed(content);
    parts.push(bytes);
    length += bytes.length;
    return place;
  };
  for (const items of blocks) places.push(append(blockOf(items)));
  const meta = append(blockOf([]));
  const index = (handles ?? places).map(([offset, bytes], number) => ({
    key: Buffer.from([number >> 8, number & 255]),
    value: Buffer.concat([varint(offset), varint(bytes)]),
  }));
  const indexPlace = append(blockOf(index, 1));
  const handlesBytes = Buffer.concat([...meta, ...indexPlace].map((value) => varint(value)));
  const footer = Buffer.concat([handlesBytes, Buffer.alloc(40 - handlesBytes.length), Buffer.from('57fb808b247547db', 'hex')]);
  return Buffer.concat([...parts, footer]);
}

export interface BundleEntry {
  readonly key: string;
  readonly shardId?: number;
  readonly offset: number | bigint;
  readonly size: number | bigint;
}

export function bundleItems(entries: readonly BundleEntry[], numShards = 1): TableItem[] {
  const header = {
    key: Buffer.alloc(0),
    value: Buffer.from(toBinary(BundleHeaderProtoSchema, create(BundleHeaderProtoSchema, { numShards }))),
  };
  const items = entries.map(({ key, shardId = 0, offset, size }) => {
    const message = create(BundleEntryProtoSchema, { shardId, offset: BigInt(offset), size: BigInt(size) });
    return { key: Buffer.from(key), value: Buffer.from(toBinary(BundleEntryProtoSchema, message)) };
  });
  return [header, ...items.sort((a, b) => a.key.compare(b.key))];
}

export interface ModelFiles {
  readonly [name: string]: Buffer | string;
}

/** The files of a model with one variable of 8 bytes in each of `shards` data files, and one asset. */
export function modelFiles(shards = 1): ModelFiles {
  const entries = Array.from({ length: shards }, (_, shardId) => ({ key: `v${shardId}`, shardId, offset: 0, size: 8 }));
  const files: Record<string, Buffer | string> = {
    'saved_model.pb': savedModelBytes({
      metaInfoDef: { tags: ['serve'], tensorflowVersion: '2.21.0' },
      saverDef: { restoreOpName: 'restore' },
      signatureDef: [servingDefault],
      assetFileDef: [{ filename: 'words.txt' }],
    }),
    'assets/words.txt': 'one\ntwo\n',
    'variables/variables.index': tableOf([bundleItems(entries, shards)]),
  };
  for (let shard = 0; shard < shards; shard++) files[shardName(shard, shards)] = Buffer.alloc(8, shard);
  return files;
}

export function writeFiles(directory: string, files: ModelFiles): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), content);
  }
}
