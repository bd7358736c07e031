// Tells a SavedModel, a MetaGraph and a GraphDef apart. All three are protobuf messages without a magic, a reader skips fields that it does
// not know or that have another wire type, and so bytes can be two of them at once: then both are said. Only heads are read, but all of
// them at the top level, because junk in front costs an attacker nothing.
import type { Source } from '../scan-context.ts';
import type { Format } from './formats.ts';
import { type Field, WireHeads } from './wire-heads.ts';

/** Nodes that are looked into until one of them looks like a node. */
const maxCandidates = 20_000;
/** The same for functions, which alone are no program: a graph that runs has nodes. */
const maxFunctions = 1000;

const isText = (text: string): boolean => /^[\x20-\x7e\x80-\xff]+$/.test(text);

/** A NodeDef: a name and an operation, both text, and nothing but text before them. */
function isNode(heads: WireHeads, node: Field): boolean {
  const fields = heads.first(node.start, node.end);
  const op = fields?.get(2);
  const name = fields?.get(1);
  if (fields === undefined || op?.wireType !== 2) return false;
  if (name !== undefined && name.wireType !== 2) return false;
  return isText(heads.text(op, 200)) && (name === undefined || isText(heads.text(name, 200)) || name.end === name.start);
}

/** A FunctionDefLibrary with a function: its first field is an OpDef, which has a name. */
function hasFunction(heads: WireHeads, library: Field): boolean {
  let candidates = 0;
  for (const field of heads.fields(library.start, library.end)) {
    if (field.number !== 1 || field.wireType !== 2) continue;
    if (++candidates > maxFunctions) return false;
    const signature = heads.first(field.start, field.end)?.get(1);
    if (signature?.wireType !== 2) continue;
    const name = heads.first(signature.start, signature.end)?.get(1);
    if (name?.wireType === 2 && isText(heads.text(name, 200))) return true;
  }
  return false;
}

function hasNodes(heads: WireHeads, start: number, end: number): boolean {
  let candidates = 0;
  for (const field of heads.fields(start, end)) {
    if (field.wireType !== 2) continue;
    if (field.number === 1 && candidates++ < maxCandidates && isNode(heads, field)) return true;
    if (field.number === 2 && candidates++ < maxCandidates && hasFunction(heads, field)) return true;
  }
  return false;
}

/** How sure: 2 with operations inside, 1 by shape, 0 not at all. */
type Strength = 0 | 1 | 2;

function metaGraphStrength(heads: WireHeads, start: number, end: number): Strength {
  let isShaped = false;
  for (const field of heads.fields(start, end)) {
    if (field.wireType !== 2) continue;
    if (field.number === 2 && hasNodes(heads, field.start, field.end)) return 2;
    if (field.number === 1) {
      // MetaInfoDef: tags in 4, the version of TensorFlow in 5.
      const info = heads.first(field.start, field.end, 4096);
      const version = info?.get(5);
      const tag = info?.get(4);
      const isVersion = version?.wireType === 2 && /^[0-9]+\./.test(heads.text(version, 16));
      if (isVersion || (tag?.wireType === 2 && isText(heads.text(tag, 100)) && info?.get(3)?.wireType !== 0)) isShaped = true;
    }
    // SaverDef: names of tensors in 1 to 3.
    if (field.number === 3 && heads.first(field.start, field.end)?.get(3)?.wireType === 2) isShaped = true;
  }
  return isShaped ? 1 : 0;
}

function isKerasMetadata(heads: WireHeads, node: Field): boolean {
  const fields = heads.first(node.start, node.end);
  const identifier = fields?.get(4);
  const metadata = fields?.get(5);
  if (identifier?.wireType !== 2 || metadata?.wireType !== 2) return false;
  return heads.text(identifier, 4) === '_tf_' && heads.text(metadata, 1) === '{';
}

/** What this may be, the likeliest first; empty when it is no message of TensorFlow. */
export function sniffProtobuf(source: Source): readonly Format[] {
  const heads = new WireHeads(source);
  const strengths: Record<'saved-model' | 'meta-graph' | 'graph-def', number> = {
    'saved-model': 0,
    'meta-graph': 0,
    'graph-def': 0,
  };
  const raise = (format: keyof typeof strengths, to: Strength) => {
    strengths[format] = Math.max(strengths[format], to);
  };
  const seen = new Map<number, Field>();
  const numbers = new Set<number>();
  let [nodes, libraries, graphs] = [0, 0, 0];
  let isKeras = false;
  let isMessage = false;
  const fields = heads.fields(0, source.sizeBytes);
  for (;;) {
    const next = fields.next();
    if (next.done === true) {
      isMessage = next.value;
      break;
    }
    const field = next.value;
    numbers.add(field.number);
    if (!seen.has(field.number)) seen.set(field.number, field);
    if (field.wireType !== 2) continue;
    if (field.number === 1 && strengths['graph-def'] < 2 && nodes++ < maxCandidates) {
      if (isNode(heads, field)) raise('graph-def', 2);
      else if (!isKeras && isKerasMetadata(heads, field)) isKeras = true;
    }
    if (field.number !== 2) continue;
    if (strengths['graph-def'] < 2 && libraries++ < maxCandidates && hasFunction(heads, field)) raise('graph-def', 2);
    if (strengths['saved-model'] < 2 && graphs++ < maxCandidates) {
      raise('saved-model', metaGraphStrength(heads, field.start, field.end));
    }
    if (strengths['meta-graph'] < 2 && graphs++ < maxCandidates && hasNodes(heads, field.start, field.end))
      raise('meta-graph', 2);
  }
  if (!isMessage) {
    // Cut short or damaged behind its beginning: what it was meant to be is still known, and its reader says what is wrong.
    const strong = Object.entries(strengths).filter(([, strength]) => strength === 2);
    return strong.map(([format]) => format as Format);
  }
  if (isKeras) return ['keras-metadata'];
  if (isOnnx(heads, seen)) return ['onnx'];
  if (isFingerprint(source, seen)) return ['fingerprint'];
  const strong = (Object.keys(strengths) as (keyof typeof strengths)[]).filter((format) => strengths[format] === 2);
  if (strong.length > 0) return strong;
  const version = seen.get(1);
  if (strengths['saved-model'] === 1 || isEmptySavedModel(heads, version, seen.get(2), numbers)) return ['saved-model'];
  if (metaGraphStrength(heads, 0, source.sizeBytes) > 0) return ['meta-graph'];
  if (isEmptyGraph(heads, seen, numbers)) return ['graph-def'];
  return [];
}

/** Schema version 1 and a MetaGraph without anything that names itself. */
function isEmptySavedModel(
  heads: WireHeads,
  version: Field | undefined,
  graph: Field | undefined,
  numbers: ReadonlySet<number>,
): boolean {
  if (version?.wireType !== 0 || [...numbers].some((number) => number > 2)) return false;
  return graph === undefined ? true : graph.wireType === 2 && heads.first(graph.start, graph.end) !== undefined;
}

/** No nodes: a version (4, with producer in 1) is all there is. */
function isEmptyGraph(heads: WireHeads, seen: ReadonlyMap<number, Field>, numbers: ReadonlySet<number>): boolean {
  const versions = seen.get(4);
  if (versions?.wireType !== 2 || [...numbers].some((number) => number > 5)) return false;
  return heads.first(versions.start, versions.end)?.get(1)?.wireType === 0;
}

function isOnnx(heads: WireHeads, seen: ReadonlyMap<number, Field>): boolean {
  const [version, graph, opsets] = [seen.get(1), seen.get(7), seen.get(8)];
  return (
    version?.wireType === 0 &&
    graph?.wireType === 2 &&
    opsets?.wireType === 2 &&
    heads.first(graph.start, graph.end) !== undefined
  );
}

function isFingerprint(source: Source, seen: ReadonlyMap<number, Field>): boolean {
  const hashes = [1, 2, 3, 4, 5].filter((number) => seen.get(number)?.wireType === 0);
  return source.sizeBytes <= 512 && hashes.length >= 2 && hashes.length === [1, 2, 3, 4, 5].filter((n) => seen.has(n)).length;
}
