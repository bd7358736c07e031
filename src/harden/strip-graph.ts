// Takes out of a MetaGraph what hardening put in. It believes nothing: a model that only pretends to be hardened is refused, and nothing
// below `airlock/` may be left over.
import {
  contractNodeName,
  type FunctionDef,
  type FunctionSpec_JitCompile,
  type NodeDef,
  type WholeMetaGraph,
  type WholeSavedModel,
} from '../model/index.ts';
import { visitFunctionNames } from './function-references.ts';
import { reservedPrefix } from './graph-scope.ts';
import { implementationSuffix } from './trampoline.ts';
import { notOurs, parseUndo, type UndoRecord, undoNodeName } from './undo-record.ts';

/**
 * Changes `model` into what it was before it was hardened; false when it was not.
 * @throws MODEL_NOT_HARDENABLE when the model has names of ours that hardening does not write
 */
export function stripModelGraphs(model: WholeSavedModel): boolean {
  let isHardened = false;
  for (const metaGraph of model.metaGraphs) {
    if (stripMetaGraph(metaGraph)) isHardened = true;
    refuseReserved(metaGraph);
  }
  return isHardened;
}

function stripMetaGraph(metaGraph: WholeMetaGraph): boolean {
  const graph = metaGraph.graphDef;
  if (graph === undefined || !graph.node.some(({ name }) => name === contractNodeName)) return false;
  const undo = parseUndo(graph.node.find(({ name }) => name === undoNodeName));
  if (graph.library !== undefined) graph.library.function = withoutTrampolines(graph.library.function);
  const toOriginal = (named: { name: string }): void => {
    if (named.name.endsWith(implementationSuffix)) named.name = named.name.slice(0, -implementationSuffix.length);
  };
  for (const { nodeDef } of graph.library?.function ?? []) for (const { attr } of nodeDef) visitFunctionNames(attr, toOriginal);
  graph.node = graph.node.filter(({ name }) => !name.startsWith(reservedPrefix));
  const inputs = new Map(undo.inputs);
  for (const node of graph.node) {
    visitFunctionNames(node.attr, toOriginal);
    node.input = node.input.map((input) => inputs.get(input) ?? input);
  }
  restoreCalls(graph.node, undo);
  restoreObjects(metaGraph, undo);
  restoreOutputs(metaGraph, undo);
  return true;
}

function withoutTrampolines(functions: readonly FunctionDef[]): FunctionDef[] {
  const renamed = new Set<string>();
  for (const { signature } of functions) {
    if (signature?.name.endsWith(implementationSuffix)) renamed.add(signature.name.slice(0, -implementationSuffix.length));
  }
  const kept: FunctionDef[] = [];
  for (const definition of functions) {
    const { signature, nodeDef } = definition;
    if (signature !== undefined && renamed.has(signature.name)) {
      if (!nodeDef.every(({ name }) => name.startsWith(reservedPrefix)))
        throw notOurs('a function that is called by its second name');
      renamed.delete(signature.name);
      continue;
    }
    kept.push(definition);
  }
  if (renamed.size > 0) throw notOurs('a function without the one that checks for it');
  for (const { signature } of kept) {
    if (signature?.name.endsWith(implementationSuffix)) signature.name = signature.name.slice(0, -implementationSuffix.length);
  }
  return kept;
}

function restoreCalls(nodes: readonly NodeDef[], { calls }: UndoRecord): void {
  const wanted = new Set(calls);
  for (const node of nodes) {
    if (!wanted.delete(node.name)) continue;
    if (node.op !== 'StatefulPartitionedCall') throw notOurs('a call that is none');
    node.op = 'PartitionedCall';
  }
  if (wanted.size > 0) throw notOurs('a call that is not there');
}

function restoreObjects({ objectGraphDef }: WholeMetaGraph, { jit }: UndoRecord): void {
  for (const [index, value] of jit) {
    const kind = objectGraphDef?.nodes.at(index)?.kind;
    if (index < 0 || kind?.case !== 'function' || kind.value.functionSpec === undefined)
      throw notOurs('an object that is no function');
    kind.value.functionSpec.jitCompile = value as FunctionSpec_JitCompile;
  }
}

function restoreOutputs({ signatureDef }: WholeMetaGraph, { outputs }: UndoRecord): void {
  for (const [signature, alias, tensor] of outputs) {
    const info = signatureDef.find(({ key }) => key === signature)?.value?.outputs.find(({ key }) => key === alias)?.value;
    if (info?.encoding.case !== 'name') throw notOurs('an output that is not there');
    info.encoding = { case: 'name', value: tensor };
  }
}

const isReserved = (text: string): boolean => text.startsWith(reservedPrefix) || text.startsWith(`^${reservedPrefix}`);

/** @throws MODEL_NOT_HARDENABLE when a node, an input, a function or an output has a name that is kept for us */
function refuseReserved({ graphDef, signatureDef }: WholeMetaGraph): void {
  const functions = graphDef?.library?.function ?? [];
  const refuseName = ({ name }: { readonly name: string }): void => {
    if (name.endsWith(implementationSuffix) || isReserved(name)) throw notOurs('a function');
  };
  for (const nodes of [graphDef?.node ?? [], ...functions.map(({ nodeDef }) => nodeDef)]) {
    for (const { name, input, attr } of nodes) {
      if (isReserved(name)) throw notOurs('a node');
      if (input.some(isReserved)) throw notOurs('the input of a node');
      visitFunctionNames(attr, refuseName);
    }
  }
  for (const { signature, ret, controlRet } of functions) {
    if (signature !== undefined) refuseName(signature);
    if ([...ret, ...controlRet].some(({ key, value }) => isReserved(value) || isReserved(key)))
      throw notOurs('the output of a function');
  }
  for (const { value } of signatureDef) {
    for (const { value: info } of [...(value?.inputs ?? []), ...(value?.outputs ?? [])]) {
      if (info?.encoding.case === 'name' && isReserved(info.encoding.value)) throw notOurs('a tensor of a signature');
    }
  }
}
