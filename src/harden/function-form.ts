// Hardens a MetaGraph whose signatures call functions, as TensorFlow 2 writes them. The main graph alone would not do: tf.saved_model.load
// never looks at it. Every function that a caller can reach from outside on the way of an input is given a trampoline.
import { AirlockError, printable } from '../core/index.ts';
import { DataType, type FunctionDef, type GraphDef, type WholeMetaGraph } from '../model/index.ts';
import {
  type ArgumentPlace,
  calledFunction,
  FunctionIndex,
  indexUses,
  plainReference,
  type Use,
  visitFunctionNames,
} from './function-references.ts';
import { checksKey, isEmpty, type TensorChecks } from './graph-checks.ts';
import type { SignaturePlan } from './signature-plans.ts';
import { implementationSuffix, makeTrampoline, type TrampolineOptions } from './trampoline.ts';
import type { UndoRecord } from './undo-record.ts';

/** What the report says of the functions of one MetaGraph. */
export interface FormResult {
  /** Functions that check their inputs now. */
  readonly covered: readonly string[];
  /** Functions that tf.saved_model.load offers and that check nothing, each with the reason. */
  readonly uncovered: readonly { readonly name: string; readonly reason: string }[];
}

interface Wanted {
  readonly inputs: Map<number, TensorChecks>;
  readonly outputs: Map<number, TensorChecks>;
}

/** The checks that signatures ask of functions. */
class FunctionPlans {
  readonly plans = new Map<string, Wanted>();
  /** Functions that two signatures want to check differently. */
  readonly conflicts = new Set<string>();

  want(side: 'inputs' | 'outputs', { functionName, index }: ArgumentPlace, checks: TensorChecks, isOutermost: boolean): void {
    let plan = this.plans.get(functionName);
    if (plan === undefined) {
      plan = { inputs: new Map(), outputs: new Map() };
      this.plans.set(functionName, plan);
    }
    const known = plan[side].get(index);
    if (known === undefined) plan[side].set(index, checks);
    else if (checksKey(known) !== checksKey(checks)) {
      if (isOutermost) {
        throw new AirlockError('MODEL_NOT_HARDENABLE', {
          message: `Two signatures of the model call the function ${printable(functionName)}, and their rules differ`,
        });
      }
      this.conflicts.add(functionName);
    }
  }
}

/** True when the MetaGraph offers functions; otherwise all there is is its main graph. */
export function hasFunctionForm({ objectGraphDef }: WholeMetaGraph): boolean {
  return (objectGraphDef?.concreteFunctions.length ?? 0) > 0;
}

/**
 * Changes `metaGraph`; what cannot be seen in it afterwards is added to `undo`.
 * @throws MODEL_NOT_HARDENABLE when an input goes elsewhere than into a function
 */
export function hardenFunctions(
  metaGraph: WholeMetaGraph,
  plans: readonly SignaturePlan[],
  options: TrampolineOptions,
  undo: UndoRecord,
): FormResult {
  const graph = metaGraph.graphDef;
  if (graph?.library === undefined)
    throw new AirlockError('MODEL_INVALID', { message: 'The model has an object graph and no functions' });
  const exposed = new Set(metaGraph.objectGraphDef?.concreteFunctions.map(({ key }) => key));
  const wanted = planFunctions(graph, plans, exposed);
  for (const name of wanted.conflicts) wanted.plans.delete(name);
  const covered = [...wanted.plans.keys()].sort();
  addTrampolines(graph, covered, wanted, options, undo);
  keepUncompiled(metaGraph, new Set(covered), undo);
  // The others get variables only, which no caller feeds.
  const takesValues = new Set(
    graph.library.function
      .filter(({ signature }) => signature?.inputArg.some(({ type }) => type !== DataType.DT_RESOURCE))
      .map(({ signature }) => signature?.name),
  );
  const uncovered = [...exposed]
    .filter((name) => !wanted.plans.has(name) && !/_traced_(?:save|restore)_/.test(name) && takesValues.has(name))
    .sort()
    .map((name) => ({ name, reason: reasonFor(name, wanted) }));
  return { covered, uncovered };
}

function reasonFor(name: string, { conflicts }: FunctionPlans): string {
  return conflicts.has(name)
    ? 'two signatures lead to it with different rules'
    : 'no input of a signature in the contract leads to it unchanged';
}

function planFunctions(graph: GraphDef, plans: readonly SignaturePlan[], exposed: ReadonlySet<string>): FunctionPlans {
  const index = new FunctionIndex(graph);
  const uses = indexUses(graph.node);
  const nodes = new Map(graph.node.map((node) => [node.name, node]));
  const wanted = new FunctionPlans();
  const want = (side: 'inputs' | 'outputs', path: readonly ArgumentPlace[], checks: TensorChecks): void => {
    for (const [depth, place] of path.entries()) {
      if (depth === 0 || exposed.has(place.functionName)) wanted.want(side, place, checks, depth === 0);
    }
  };
  for (const { name, inputs, outputs } of plans) {
    for (const { alias, tensorName, checks } of inputs) {
      if (checks === undefined || isEmpty(checks)) continue;
      const where = `The input "${printable(alias)}" of ${printable(name)}`;
      for (const place of callsOf(uses.get(plainReference(tensorName)) ?? [], where)) {
        if (index.get(place.functionName) === undefined) throw missing(place.functionName);
        want('inputs', index.argumentPath(place), checks);
      }
    }
    for (const { alias, tensorName, checks } of outputs) {
      if (checks === undefined || isEmpty(checks)) continue;
      const [nodeName, position] = tensorName.split(':');
      const node = nodes.get(nodeName);
      const called = node === undefined ? undefined : calledFunction(node);
      if (called !== undefined && index.get(called) === undefined) throw missing(called);
      if (called === undefined) {
        throw new AirlockError('MODEL_NOT_HARDENABLE', {
          message: `The output "${printable(alias)}" of ${printable(name)} does not come from a function`,
        });
      }
      want('outputs', index.outputPath({ functionName: called, index: Number(position ?? 0) }), checks);
    }
  }
  return wanted;
}

function callsOf(uses: readonly Use[], where: string): ArgumentPlace[] {
  if (uses.length === 0) throw new AirlockError('MODEL_NOT_HARDENABLE', { message: `${where} is used by nothing in the graph` });
  return uses.map(({ node, index }) => {
    const functionName = calledFunction(node);
    if (functionName !== undefined) return { functionName, index };
    throw new AirlockError('MODEL_NOT_HARDENABLE', {
      message: `${where} goes into the operation ${printable(node.op)}, where only a call of a function is expected`,
    });
  });
}

function missing(name: string): AirlockError {
  return new AirlockError('MODEL_INVALID', {
    message: `The model calls the function ${printable(name)}, which it does not have`,
  });
}

function addTrampolines(
  graph: GraphDef,
  names: readonly string[],
  wanted: FunctionPlans,
  options: TrampolineOptions,
  undo: UndoRecord,
): void {
  const functions = graph.library?.function ?? [];
  const byName = new Map(functions.map((definition) => [definition.signature?.name ?? '', definition]));
  const added: FunctionDef[] = [];
  for (const name of names) {
    const original = byName.get(name);
    const checks = wanted.plans.get(name);
    if (original === undefined || checks === undefined) throw missing(name);
    added.push(makeTrampoline(original, checks, options));
  }
  const isCovered = new Set(names);
  const toImplementation = (named: { name: string }): void => {
    if (isCovered.has(named.name)) named.name += implementationSuffix;
  };
  // Only who comes from outside is checked. A call from inside goes straight on: its values are the model's own, it may stand in a loop
  // that allows no stateful operation, and an input would be checked twice.
  for (const { nodeDef } of functions) for (const { attr } of nodeDef) visitFunctionNames(attr, toImplementation);
  for (const node of graph.node) {
    const called = calledFunction(node);
    if (called === undefined || !isCovered.has(called)) visitFunctionNames(node.attr, toImplementation);
    else if (node.op === 'PartitionedCall') {
      node.op = 'StatefulPartitionedCall';
      undo.calls.push(node.name);
    }
  }
  functions.push(...added);
}

/** tf.saved_model.load compiles a function again when its object says so, and XLA would delete the Asserts; the original stays compiled. */
function keepUncompiled({ objectGraphDef }: WholeMetaGraph, covered: ReadonlySet<string>, undo: UndoRecord): void {
  for (const [index, { kind }] of (objectGraphDef?.nodes ?? []).entries()) {
    if (kind.case !== 'function' || !kind.value.concreteFunctions.some((name) => covered.has(name))) continue;
    const spec = kind.value.functionSpec;
    if (spec === undefined || spec.jitCompile === 0) continue;
    undo.jit.push([index, spec.jitCompile]);
    spec.jitCompile = 0;
  }
}
