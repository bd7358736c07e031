// The mark that `airlock harden` leaves in a model: which contract is built into its graph. The server looks for it in hostile bytes, so
// it steps over the graph in the file and holds one small node at a time. The mark is no proof: whoever can edit the model can edit it.
import { AirlockError } from '../core/index.ts';
import {
  GraphDefSchema,
  type NodeDef,
  NodeDefSchema,
  WholeMetaGraphSchema,
  WholeSavedModelSchema,
} from './gen/tensorflow/graph_pb.ts';
import { listModelFolder, type ModelFile, openModelFile } from './model-files.ts';
import { decodeMessage } from './protobuf-decode.ts';
import { defaultSavedModelLimits } from './saved-model.ts';
import { type FilePart, fieldsOf } from './saved-model-binary.ts';
import { maxModelEntries } from './tree-snapshot.ts';

/** The name of the constant in the main graph that holds the mark, as one string of JSON. */
export const contractNodeName = 'airlock/contract';

/** Which contract is built into a model. */
export interface EmbeddedContract {
  /** Of the form; a reader that does not know it must not guess. */
  readonly version: 1;
  readonly id: string;
  readonly revision: number;
  /** SHA-256 of the contract's meaning, 64 lowercase hex digits. */
  readonly digest: string;
  /** Float outputs become NaN where a check fails and its assertion was taken out. */
  readonly poison: boolean;
}

/** The node is never larger: an id has at most 128 characters. */
const maxNodeBytes = 4096;
/** Nodes of one graph; a real one has thousands. */
const maxNodes = 2_000_000;
const maxOtherFields = 100_000;
const windowBytes = 64 * 1024;

const metaGraphsField = WholeSavedModelSchema.field.metaGraphs.number;
const graphField = WholeMetaGraphSchema.field.graphDef.number;
const nodeField = GraphDefSchema.field.node.number;

function invalid(): AirlockError {
  return new AirlockError('MODEL_INVALID', {
    message: `The model has a node ${contractNodeName} that is not what Airlock writes`,
  });
}

/** The JSON text of the mark. Keys in a fixed order, so that the same contract always gives the same bytes. */
export function formatEmbeddedContract({ version, id, revision, digest, poison }: EmbeddedContract): string {
  return JSON.stringify({ version, id, revision, digest, poison });
}

/** @throws MODEL_INVALID when the node is not a string constant that `formatEmbeddedContract` could have written. */
export function parseEmbeddedContract(node: NodeDef): EmbeddedContract {
  const value = node.attr.find(({ key }) => key === 'value')?.value?.value;
  if (node.op !== 'Const' || value?.case !== 'tensor' || value.value.stringVal.length !== 1) throw invalid();
  const text = Buffer.from(value.value.stringVal[0]).toString('utf8');
  let mark: unknown;
  try {
    mark = JSON.parse(text);
  } catch {
    throw invalid();
  }
  if (!isEmbeddedContract(mark) || formatEmbeddedContract(mark) !== text) throw invalid();
  return mark;
}

function isEmbeddedContract(value: unknown): value is EmbeddedContract {
  if (typeof value !== 'object' || value === null) return false;
  const { version, id, revision, digest, poison } = value as Record<string, unknown>;
  return (
    version === 1 &&
    typeof id === 'string' &&
    /^[A-Za-z0-9._-]{1,128}$/.test(id) &&
    Number.isSafeInteger(revision) &&
    typeof digest === 'string' &&
    /^[0-9a-f]{64}$/.test(digest) &&
    typeof poison === 'boolean'
  );
}

/** Reads small pieces that lie close together from one window, so that a graph of many small nodes costs few reads of the file. */
function throughWindow(file: ModelFile): (position: number, length: number) => Promise<Buffer> {
  let window: Buffer = Buffer.alloc(0);
  let start = 0;
  return async (position, length) => {
    if (position < start || position + length > start + window.length) {
      window = await file.read(position, Math.min(Math.max(windowBytes, length), file.sizeBytes - position));
      start = position;
    }
    return window.subarray(position - start, position - start + length);
  };
}

async function* contentOf(file: ModelFile, part: FilePart, wanted: number, maxFields: number): AsyncGenerator<FilePart> {
  for await (const inner of fieldsOf(file, part.contentStart, part.contentStart + part.contentBytes, maxFields)) {
    if (inner.number === wanted && inner.isMessage) yield inner;
  }
}

async function searchFile(file: ModelFile): Promise<EmbeddedContract | undefined> {
  const whole = { number: 0, start: 0, contentStart: 0, contentBytes: file.sizeBytes, isMessage: true };
  const read = throughWindow(file);
  let found: EmbeddedContract | undefined;
  for await (const metaGraph of contentOf(file, whole, metaGraphsField, maxOtherFields)) {
    for await (const graph of contentOf(file, metaGraph, graphField, maxOtherFields)) {
      for await (const part of contentOf(file, graph, nodeField, maxNodes)) {
        if (part.contentBytes > maxNodeBytes) continue;
        const bytes = await read(part.contentStart, part.contentBytes);
        if (!bytes.includes(contractNodeName)) continue;
        const node = decodeMessage(NodeDefSchema, bytes, file.name);
        if (node.name !== contractNodeName) continue;
        const mark = parseEmbeddedContract(node);
        if (found !== undefined && formatEmbeddedContract(found) !== formatEmbeddedContract(mark)) throw invalid();
        found = mark;
      }
    }
  }
  return found;
}

/**
 * Which contract is built into the model in `directory`, or undefined when it was not hardened (or has no saved_model.pb). Holds at most
 * 132 KiB of the file at a time and reads nothing of large nodes.
 * @throws MODEL_INVALID when the file is damaged, a graph has more than 2,000,000 nodes, the mark is not what Airlock writes, or two
 * graphs of the model have different ones; MODEL_INCOMPLETE when the file changes while it is read.
 */
export async function readEmbeddedContract(directory: string): Promise<EmbeddedContract | undefined> {
  const names = await listModelFolder(directory, '', maxModelEntries);
  if (names?.includes('saved_model.pb') !== true) return undefined;
  const file = await openModelFile(directory, 'saved_model.pb', defaultSavedModelLimits.maxFileBytes);
  if (file === undefined) return undefined;
  try {
    return await searchFile(file);
  } finally {
    await file.close();
  }
}
