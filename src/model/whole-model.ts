// Reads and writes all of a SavedModel: graphs, functions, object graph. For the command line only, which looks at what a model is made
// of or builds checks into it; the server never holds a graph. It executes, resolves and follows nothing that the model says.
import { toBinary } from '@bufbuild/protobuf';
import { AirlockError, printable } from '../core/index.ts';
import { type AttrEntry, type NodeDef, type WholeSavedModel, WholeSavedModelSchema } from './gen/tensorflow/graph_pb.ts';
import { defaultGraphLimits, type GraphLimits } from './graph-limits.ts';
import { listModelFolder, readModelFile } from './model-files.ts';
import { decodeMessage } from './protobuf-decode.ts';
import { maxModelEntries } from './tree-snapshot.ts';

const fileName = 'saved_model.pb';

function invalid(message: string): AirlockError {
  return new AirlockError('MODEL_INVALID', { message });
}

/** TensorFlow's maps keep one of two equal keys without a word; whoever looks at the other one sees a different model. */
function refuseDuplicates(keys: Iterable<string>, what: string): void {
  const seen = new Set<string>();
  for (const key of keys) {
    if (seen.has(key)) throw invalid(`The model has ${what} "${printable(key)}" twice`);
    seen.add(key);
  }
}

const keysOf = (entries: readonly { readonly key: string }[]): string[] => entries.map(({ key }) => key);

function checkAttributes(entries: readonly AttrEntry[]): void {
  // An explicit stack: attributes hold functions that have attributes.
  const pending: (readonly AttrEntry[])[] = [entries];
  for (let attributes = pending.pop(); attributes !== undefined; attributes = pending.pop()) {
    if (attributes.length > 1) refuseDuplicates(keysOf(attributes), 'an attribute');
    for (const { value } of attributes) {
      if (value?.value.case === 'func') pending.push(value.value.value.attr);
      else if (value?.value.case === 'list') for (const { attr } of value.value.value.func) pending.push(attr);
    }
  }
}

function checkNodes(nodes: readonly NodeDef[], what: string): number {
  refuseDuplicates(
    nodes.map(({ name }) => name),
    `${what} with a node`,
  );
  for (const { attr } of nodes) checkAttributes(attr);
  return nodes.length;
}

function checkModel(model: WholeSavedModel, limits: GraphLimits): void {
  if (model.metaGraphs.length === 0) throw invalid('The SavedModel has no MetaGraph');
  if (model.metaGraphs.length > limits.maxMetaGraphs) throw invalid(`The model has more than ${limits.maxMetaGraphs} MetaGraphs`);
  let nodes = 0;
  for (const { graphDef, signatureDef, objectGraphDef } of model.metaGraphs) {
    refuseDuplicates(keysOf(signatureDef), 'the signature');
    for (const { value } of signatureDef) {
      refuseDuplicates(keysOf(value?.inputs ?? []), 'a signature with the input');
      refuseDuplicates(keysOf(value?.outputs ?? []), 'a signature with the output');
    }
    nodes += checkNodes(graphDef?.node ?? [], 'a graph');
    const functions = graphDef?.library?.function ?? [];
    refuseDuplicates(
      functions.map(({ signature }) => signature?.name ?? ''),
      'the function',
    );
    for (const { nodeDef, attr, ret, controlRet } of functions) {
      nodes += checkNodes(nodeDef, 'a function');
      checkAttributes(attr);
      refuseDuplicates(keysOf(ret), 'a function with the output');
      refuseDuplicates(keysOf(controlRet), 'a function with the control output');
    }
    refuseDuplicates(keysOf(objectGraphDef?.concreteFunctions ?? []), 'the concrete function');
  }
  if (nodes > limits.maxNodes) throw invalid(`The model has more than ${limits.maxNodes} nodes`);
}

/**
 * Reads the SavedModel in `directory` whole, with the fields that our .proto does not declare. Limits default to `defaultGraphLimits`
 * (2 GiB, 1,000,000 nodes, 6,000,000 messages, 100 levels of nesting).
 * @throws MODEL_FORMAT_UNSUPPORTED for chunked models and models in text form; MODEL_INVALID when there is no SavedModel, it is damaged,
 * says something twice or passes a limit; MODEL_INCOMPLETE when the file changes while it is read; MODEL_NOT_AVAILABLE when it cannot be.
 */
export async function readWholeModel(directory: string, limits: GraphLimits = defaultGraphLimits): Promise<WholeSavedModel> {
  const names = await listModelFolder(directory, '', maxModelEntries);
  if (names === undefined) throw new AirlockError('MODEL_INVALID', { message: 'There is no SavedModel here', detail: directory });
  if (names.includes('saved_model.cpb')) {
    throw new AirlockError('MODEL_FORMAT_UNSUPPORTED', {
      message: 'This is a chunked SavedModel (saved_model.cpb), which is not supported: save it again without chunking',
    });
  }
  if (names.includes('saved_model.pbtxt')) {
    throw new AirlockError('MODEL_FORMAT_UNSUPPORTED', {
      message: 'The model is in text form (saved_model.pbtxt), whose graph is not read: save it as saved_model.pb',
    });
  }
  const bytes = await readModelFile(directory, fileName, limits.maxFileBytes);
  if (bytes === undefined) throw invalid('There is no SavedModel here: saved_model.pb is missing');
  return parseWholeModel(bytes, limits);
}

/** As `readWholeModel`, for the bytes of a saved_model.pb. */
export function parseWholeModel(bytes: Buffer, limits: GraphLimits = defaultGraphLimits): WholeSavedModel {
  const model = decodeMessage(WholeSavedModelSchema, bytes, fileName, limits);
  checkModel(model, limits);
  return model;
}

/**
 * The bytes of a saved_model.pb. The same message always gives the same bytes: declared fields in the order of their numbers, then
 * the others in the order in which they were read. TensorFlow reads any order.
 * @throws MODEL_INVALID beyond 2 GiB, where protobuf ends.
 */
export function writeWholeModel(model: WholeSavedModel): Buffer {
  const bytes = toBinary(WholeSavedModelSchema, model, { writeUnknownFields: true });
  if (bytes.length > defaultGraphLimits.maxFileBytes) throw invalid('The model would have more than 2 GiB');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
