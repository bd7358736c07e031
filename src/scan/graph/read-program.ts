// The doors of this folder: a program of the bytes of a SavedModel, MetaGraph or GraphDef. It runs nothing, follows no path that the model names, and
// holds the file's bytes for as long as the program is used.
import { AirlockError, bytesType, varintType, WireReader } from '../../core/index.ts';
import type { ScanContext } from '../scan-context.ts';
import { readNested, readProgram } from './build-program.ts';
import { graphLimits } from './graph-limits.ts';
import type { NestedProgram, NodeRef, Program } from './graph-types.ts';
import { type MetaGraphParts, readMetaGraph } from './meta-graph.ts';
import { Notes } from './notes.ts';
import type { ProgramSource } from './program-reach.ts';
import type { Span } from './wire-message.ts';

/**
 * The graph in `bytes`, which the node `holder` of `program` makes at run time out of constants (base64, joined strings) and runs.
 * Undefined when it is no graph that can be read; then the context was told.
 */
export function readComputedGraph(
  bytes: Buffer,
  holder: NodeRef,
  program: Program,
  context: ScanContext,
): NestedProgram | undefined {
  return readNested(program, holder, bytes, { start: 0, end: bytes.length }, true, 0, context);
}

function refuseSize(bytes: Buffer, file: string, context: ScanContext): void {
  if (bytes.length <= Math.min(context.limits.maxGraphBytes, 2 ** 31 - 1)) return;
  throw new AirlockError('MODEL_INVALID', { message: `${file} has more than ${context.limits.maxGraphBytes} bytes` });
}

function readPart(
  bytes: Buffer,
  file: string,
  kind: Program['kind'],
  spans: readonly Span[],
  metaGraphCount: number,
  context: ScanContext,
): Program {
  const notes = new Notes();
  const parts = readMetaGraph(bytes, file, spans, notes);
  return readProgram({ bytes, file, kind, graph: parts.graph, parts, metaGraphCount, notes, outer: undefined }, context);
}

const schemaVersionField = 1;
const knownSchemaVersion = 1n;

/** What decoders keep or pass over without a word, so that a file can be two things at once. Padding of zeros hides nothing. */
function noteOddFields(bytes: Buffer, file: string, notes: Notes): void {
  const reader = new WireReader(bytes, file);
  while (reader.next()) {
    const { field, wireType, start, end } = reader;
    if (field === schemaVersionField && wireType === varintType) {
      if (reader.varint() > knownSchemaVersion)
        notes.add(`saved_model_schema_version is ${reader.varint()}, and TensorFlow writes 1`);
    } else if (field > 2 && bytes.subarray(start, end).some((byte) => byte !== 0)) {
      notes.add(
        `${end - start} bytes lie in field ${field} of the SavedModel, which no TensorFlow reads:`,
        shown(bytes, start, end),
      );
    }
  }
}

function shown(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('latin1', start, Math.min(end, start + 40));
}

/** Loaders choose by tags: of two that have the same ones, it depends on the loader which one runs (loader.cc takes the first). */
function noteEqualTags(all: readonly { readonly parts: MetaGraphParts; readonly notes: Notes }[]): void {
  const seen = new Set<string>();
  for (const { parts, notes } of all) {
    const tags = [...new Set(parts.tags)].sort().join(',');
    if (seen.has(tags)) notes.add('two MetaGraphs have the same tags:', tags);
    seen.add(tags);
  }
}

/**
 * The programs of a saved_model.pb, one for each MetaGraph. `file` is named as `Location.file` is. The bytes are kept and must not change.
 * @throws MODEL_INVALID when it is damaged, has no MetaGraph or more than 100, or passes a limit (5,000,000 nodes, 100,000 functions, 100,000
 * inputs of a node, 2,000,000 calls). Parts that cannot be judged (an attribute, a graph in a string) are told to the context.
 */
export function readSavedModelPrograms(bytes: Buffer, file: string, context: ScanContext): Program[] {
  refuseSize(bytes, file, context);
  const spans: Span[] = [];
  const reader = new WireReader(bytes, file);
  while (reader.next()) {
    if (reader.field === 2 && reader.wireType === bytesType) spans.push({ start: reader.start, end: reader.end });
    if (spans.length > graphLimits.maxMetaGraphs)
      throw reader.damaged(`it has more than ${graphLimits.maxMetaGraphs} MetaGraphs`);
  }
  if (spans.length === 0) throw new AirlockError('MODEL_INVALID', { message: `${file} has no MetaGraph` });
  const parts = spans.map((span) => {
    const notes = new Notes();
    return { notes, parts: readMetaGraph(bytes, file, [span], notes) };
  });
  noteOddFields(bytes, file, parts[0].notes);
  noteEqualTags(parts);
  return parts.map(({ parts: one, notes }) => {
    const source = {
      bytes,
      file,
      kind: 'saved-model',
      graph: one.graph,
      parts: one,
      metaGraphCount: spans.length,
      notes,
    } as const;
    return readProgram({ ...source, outer: undefined }, context);
  });
}

/** The program of a MetaGraphDef, which TensorFlow 1 writes beside a checkpoint (`model.ckpt.meta`). @throws As `readSavedModelPrograms`. */
export function readMetaGraphProgram(bytes: Buffer, file: string, context: ScanContext): Program {
  refuseSize(bytes, file, context);
  return readPart(bytes, file, 'meta-graph', [{ start: 0, end: bytes.length }], 1, context);
}

/** The program of a bare GraphDef: a frozen graph. @throws As `readSavedModelPrograms`. */
export function readGraphDefProgram(bytes: Buffer, file: string, context: ScanContext): Program {
  refuseSize(bytes, file, context);
  const graph = [{ start: 0, end: bytes.length }];
  const source: ProgramSource = {
    bytes,
    file,
    kind: 'graph-def',
    graph,
    parts: undefined,
    metaGraphCount: 0,
    notes: new Notes(),
    outer: undefined,
  };
  return readProgram(source, context);
}
