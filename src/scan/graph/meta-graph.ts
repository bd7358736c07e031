// What a MetaGraph says besides its graph: tags, signatures, saver, assets, collections.

import { isAirlockError } from '../../core/index.ts';
import type { Saver, SignatureEntry, TensorRef } from './graph-types.ts';
import type { Notes } from './notes.ts';
import { type ObjectGraph, readObjectGraph } from './object-graph.ts';
import { type Span, WireMessage } from './wire-message.ts';

export interface MetaGraphParts {
  readonly tags: readonly string[];
  readonly tensorflowVersion: string;
  /** Operations that the writer used and its reader may lack. */
  readonly strippedOps: readonly string[];
  /** Function to its name in Python. */
  readonly functionAliases: ReadonlyMap<string, string>;
  readonly graph: readonly Span[];
  readonly saver: Saver | undefined;
  readonly collections: ReadonlyMap<string, readonly Buffer[]>;
  readonly signatures: readonly SignatureEntry[];
  readonly assetFiles: readonly { readonly filename: string; readonly tensorName: string }[];
  /** Undefined when there is none, which makes Python load it as a graph of TensorFlow 1. */
  readonly objects: ObjectGraph | undefined;
}

function shapeOf(info: WireMessage, what: string): readonly number[] | undefined {
  const shape = info.message(3, `the shape of ${what}`);
  if (shape === undefined || shape.number(3) !== 0) return undefined;
  return shape.messages(2, `a size of ${what}`).map((dim) => dim.number(1));
}

const sparseParts = [1, 2, 3];

/** One for each tensor that it is made of. */
function tensorRefs(alias: string, info: WireMessage, what: string, depth = 0): readonly TensorRef[] {
  const dtype = info.number(2);
  const shape = shapeOf(info, what);
  const refs: TensorRef[] = [];
  if (info.has(1)) refs.push({ alias, name: info.string(1), dtype, shape, encoding: 'name' });
  const sparse = info.message(4, what);
  for (const part of sparse === undefined ? [] : sparseParts) {
    const name = sparse?.string(part) ?? '';
    // Indices and shape of a sparse tensor are int64, whatever its values are.
    if (name !== '') refs.push({ alias, name, dtype: part === 1 ? dtype : 9, shape: undefined, encoding: 'sparse' });
  }
  const composite = info.message(5, what);
  if (composite !== undefined && depth < 10) {
    for (const part of composite.messages(2, what)) {
      for (const ref of tensorRefs(alias, part, what, depth + 1)) refs.push({ ...ref, encoding: 'composite' });
    }
  }
  if (refs.length === 0) refs.push({ alias, name: '', dtype, shape, encoding: 'none' });
  return refs;
}

const maxDefaults = 100;

function readSignatures(meta: WireMessage): readonly SignatureEntry[] {
  const tensors = (map: ReadonlyMap<string, WireMessage>, what: string) =>
    [...map].flatMap(([alias, info]) => tensorRefs(alias, info, `${what} ${alias.slice(0, 100)}`));
  return [...meta.map(5, 'signature')].map(([name, signature]) => ({
    name,
    methodName: signature.string(3),
    inputs: tensors(signature.map(1, 'input of a signature'), 'input'),
    outputs: tensors(signature.map(2, 'output of a signature'), 'output'),
    defaults: new Map(
      [...signature.map(4, 'default of a signature')].map(([alias, tensor]) => [
        alias,
        tensor
          .buffers(8)
          .slice(0, maxDefaults)
          .map((value) => value.toString('utf8')),
      ]),
    ),
  }));
}

function readCollections(meta: WireMessage): ReadonlyMap<string, readonly Buffer[]> {
  const collections = new Map<string, readonly Buffer[]>();
  for (const [name, one] of meta.map(4, 'collection')) {
    const values: Buffer[] = [];
    for (const number of [1, 2, 5]) {
      for (const list of one.messages(number, `the collection ${name.slice(0, 100)}`)) {
        // A list of any messages holds type_url and value. One by one: a spread of 300,000 arguments would overflow the stack.
        if (number !== 5) for (const value of list.buffers(1)) values.push(value);
        else
          for (const any of list.messages(1, 'a message of a collection')) for (const value of any.buffers(2)) values.push(value);
      }
    }
    collections.set(name, values);
  }
  return collections;
}

function assetFile(asset: WireMessage): MetaGraphParts['assetFiles'][number] {
  return { filename: asset.string(2), tensorName: asset.message(1, 'the tensor of an asset file')?.string(1) ?? '' };
}

/**
 * Assets as TensorFlow 1 lists them. Both loaders of 2.21 take them when the MetaGraph has no list of its own, and fail on anything else in the
 * collection (tensorflow/cc/saved_model/loader_util.cc, tensorflow/python/saved_model/loader_impl.py).
 */
function oldAssetFiles(collections: MetaGraphParts['collections'], file: string, notes: Notes): MetaGraphParts['assetFiles'] {
  const assets: MetaGraphParts['assetFiles'][number][] = [];
  for (const bytes of collections.get('saved_model_assets') ?? []) {
    try {
      assets.push(assetFile(new WireMessage(bytes, file, [{ start: 0, end: bytes.length }], notes, 'an asset file')));
    } catch (thrown) {
      if (!isAirlockError(thrown)) throw thrown;
      notes.add('the collection saved_model_assets has something that is no asset file');
    }
  }
  return assets;
}

/** `spans`: the pieces of one MetaGraphDef. */
export function readMetaGraph(bytes: Buffer, file: string, spans: readonly Span[], notes: Notes): MetaGraphParts {
  const meta = new WireMessage(bytes, file, spans, notes, 'the MetaGraph');
  const info = meta.message(1, 'meta_info_def');
  const saver = meta.message(3, 'saver_def');
  const graph = meta.spans(2);
  if (graph.length > 1) notes.add(`the graph of a MetaGraph comes in ${graph.length} pieces, which are merged`);
  const objects = meta.message(7, 'the object graph');
  const aliases = info?.messages(8, 'an alias of a function') ?? [];
  const collections = readCollections(meta);
  const own = meta.messages(6, 'an asset file');
  return {
    tags: info?.strings(4) ?? [],
    tensorflowVersion: info?.string(5) ?? '',
    strippedOps:
      info
        ?.message(2, 'stripped_op_list')
        ?.messages(1, 'a stripped operation')
        .map((op) => op.string(1)) ?? [],
    functionAliases: new Map(aliases.map((alias) => [alias.string(1), alias.string(2)])),
    graph,
    saver:
      saver === undefined
        ? undefined
        : { filenameTensor: saver.string(1), saveTensor: saver.string(2), restoreOp: saver.string(3) },
    collections,
    signatures: readSignatures(meta),
    assetFiles: own.length > 0 ? own.map(assetFile) : oldAssetFiles(collections, file, notes),
    objects: objects === undefined ? undefined : readObjectGraph(objects),
  };
}
