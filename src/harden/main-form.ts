// Hardens a MetaGraph that is one graph, as TensorFlow 1 writes it: checks stand behind the tensors that are fed, and the outputs of a
// signature wait for all of its checks. Signatures may share tensors, and whoever calls one feeds the inputs of that one only.
import { AirlockError, printable } from '../core/index.ts';
import { DataType, type WholeMetaGraph } from '../model/index.ts';
import type { AxisSize } from './check-emitter.ts';
import { type EmittedTensor, emitChecks } from './emit-checks.ts';
import { type EmittedDims, emitDims, noDims } from './emit-layout.ts';
import type { FormResult } from './function-form.ts';
import { plainReference } from './function-references.ts';
import { typeNumberAttribute } from './graph-attributes.ts';
import { checksKey, type DimBounds, isEmpty, type TensorChecks } from './graph-checks.ts';
import { GraphScope } from './graph-scope.ts';
import { emitPoison } from './poison.ts';
import type { PlannedTensor, SignaturePlan } from './signature-plans.ts';
import { addGate, type TrampolineOptions } from './trampoline.ts';
import type { UndoRecord } from './undo-record.ts';

/** A tensor that is fed, with all that signatures ask of it. */
interface FedTensor {
  readonly reference: string;
  readonly type: DataType;
  readonly number: number;
  /** Names of the signatures that feed it, those that are not in the contract included. */
  readonly signatures: Set<string>;
  /** By what the checks are; one entry when all signatures ask for the same. */
  readonly emitted: Map<string, EmittedTensor>;
  unchecked: boolean;
}

const pseudoSignatures: ReadonlySet<string> = new Set(['__saved_model_init_op', '__saved_model_train_op']);

/** @throws MODEL_NOT_HARDENABLE when an input is not in the graph */
export function hardenMainGraph(
  metaGraph: WholeMetaGraph,
  plans: readonly SignaturePlan[],
  options: TrampolineOptions,
  undo: UndoRecord,
): FormResult {
  const graph = metaGraph.graphDef;
  if (graph === undefined) throw new AirlockError('MODEL_INVALID', { message: 'The model has no graph' });
  const scope = new GraphScope('graph');
  const nodeNames = new Set(graph.node.map(({ name }) => name));
  const fed = collectFed(metaGraph, plans);
  const bySignature = new Map<string, EmittedTensor[]>();
  for (const { name, inputs } of plans) {
    const emitted: EmittedTensor[] = [];
    for (const { alias, tensorName, checks } of inputs) {
      const reference = plainReference(tensorName);
      if (!nodeNames.has(reference.split(':')[0])) {
        throw new AirlockError('MODEL_NOT_HARDENABLE', {
          message: `The input "${printable(alias)}" of ${printable(name)} is not in the graph of the model`,
        });
      }
      const tensor = fed.get(reference);
      if (checks === undefined || isEmpty(checks) || tensor === undefined) continue;
      emitted.push(emitOnce(scope, tensor, checks, options, `tensor${tensor.number}`));
    }
    bySignature.set(name, emitted);
  }
  const dims = new Map<string, EmittedDims>();
  for (const [index, { name, inputs }] of plans.entries()) {
    const axes = (bySignature.get(name) ?? []).flatMap((emitted) => emitted.axes);
    dims.set(name, emitDims(scope, `signature${index}/dims`, axes, boundsOf(inputs)));
  }
  rewireConsumers(metaGraph, scope, fed, dims, undo);
  for (const [index, plan] of plans.entries()) {
    const inputs = { emitted: bySignature.get(plan.name) ?? [], dims: dims.get(plan.name) ?? noDims };
    holdOutputs(metaGraph, scope, plan, `signature${index}`, inputs, options, undo);
  }
  graph.node.push(...scope.nodes);
  return { covered: [], uncovered: [] };
}

function boundsOf(tensors: readonly PlannedTensor[]): Map<string, DimBounds> {
  return new Map(tensors.flatMap(({ checks }) => [...(checks?.dims ?? [])]));
}

function collectFed(metaGraph: WholeMetaGraph, plans: readonly SignaturePlan[]): Map<string, FedTensor> {
  const fed = new Map<string, FedTensor>();
  for (const { key: name, value } of metaGraph.signatureDef) {
    if (pseudoSignatures.has(name)) continue;
    const planned = new Map(plans.find((plan) => plan.name === name)?.inputs.map((input) => [input.alias, input.checks]));
    for (const { key: alias, value: info } of value?.inputs ?? []) {
      if (info?.encoding.case !== 'name') continue;
      const reference = plainReference(info.encoding.value);
      const known = fed.get(reference);
      const tensor: FedTensor = known ?? {
        reference,
        type: info.dtype,
        number: fed.size,
        signatures: new Set<string>(),
        emitted: new Map(),
        unchecked: false,
      };
      fed.set(reference, tensor);
      tensor.signatures.add(name);
      const checks = planned.get(alias);
      if (checks === undefined || isEmpty(checks)) tensor.unchecked = true;
    }
  }
  return fed;
}

function emitOnce(
  scope: GraphScope,
  tensor: FedTensor,
  checks: TensorChecks,
  options: TrampolineOptions,
  prefix: string,
): EmittedTensor {
  const key = checksKey(checks);
  let emitted = tensor.emitted.get(key);
  if (emitted === undefined) {
    emitted = emitChecks(scope, `${prefix}/${tensor.emitted.size}`, tensor.reference, checks, options);
    tensor.emitted.set(key, emitted);
  }
  return emitted;
}

/** What uses a fed tensor gets it after its checks, when every signature that feeds it asks for the same ones. */
function rewireConsumers(
  metaGraph: WholeMetaGraph,
  scope: GraphScope,
  fed: ReadonlyMap<string, FedTensor>,
  dims: ReadonlyMap<string, EmittedDims>,
  undo: UndoRecord,
): void {
  const replaced = new Map<string, string>();
  const agreed = [...fed.values()].filter((tensor) => tensor.emitted.size === 1 && !tensor.unchecked);
  for (const [index, tensor] of agreed.entries()) {
    const [emitted] = tensor.emitted.values();
    // Only checks of tensors that are fed whenever this one is: waiting for any other would ask a caller for more than the signature has.
    const companions = agreed.filter(({ signatures }) => [...tensor.signatures].every((name) => signatures.has(name)));
    const asserts = companions.flatMap((companion) => [...companion.emitted.values()].flatMap((emitted) => emitted.asserts));
    const [only, ...others] = tensor.signatures;
    if (others.length === 0) asserts.push(...(dims.get(only)?.asserts ?? []));
    const gate = addGate(scope, `fed${index}/gate`, asserts);
    const checked = scope.add(`fed${index}/checked`, 'Identity', [emitted.value, `^${gate}`], {
      T: typeNumberAttribute(tensor.type),
    });
    const spellings = tensor.reference.includes(':')
      ? [['', '']]
      : [
          ['', ''],
          [':0', ':0'],
        ];
    for (const [before, now] of spellings) {
      replaced.set(tensor.reference + before, checked + now);
      undo.inputs.push([checked + now, tensor.reference + before]);
    }
  }
  for (const node of metaGraph.graphDef?.node ?? []) {
    for (const [index, input] of node.input.entries()) {
      const checked = replaced.get(input);
      if (checked !== undefined) node.input[index] = checked;
    }
  }
}

function holdOutputs(
  metaGraph: WholeMetaGraph,
  scope: GraphScope,
  plan: SignaturePlan,
  prefix: string,
  inputs: { readonly emitted: readonly EmittedTensor[]; readonly dims: EmittedDims },
  options: TrampolineOptions,
  undo: UndoRecord,
): void {
  const asserts = [...inputs.emitted, inputs.dims].flatMap((emitted) => emitted.asserts);
  const conditions = [...inputs.emitted, inputs.dims].flatMap((emitted) => emitted.conditions);
  const axes: AxisSize[] = [];
  const held = plan.outputs.filter(({ type }) => type < 100 && type !== DataType.DT_RESOURCE && type !== DataType.DT_VARIANT);
  const values = held.map(({ tensorName, checks }, index) => {
    if (checks === undefined || isEmpty(checks)) return tensorName;
    const emitted = emitChecks(scope, `${prefix}/output${index}`, tensorName, checks, options);
    asserts.push(...emitted.asserts);
    conditions.push(...emitted.conditions);
    axes.push(...emitted.axes);
    return emitted.value;
  });
  const dims = emitDims(scope, `${prefix}/output_dims`, axes, boundsOf(held), inputs.dims);
  asserts.push(...dims.asserts);
  conditions.push(...dims.conditions);
  if (asserts.length === 0) return;
  const gate = addGate(scope, `${prefix}/gate`, asserts);
  const gated = values.map((value, index) =>
    scope.add(`${prefix}/held${index}`, 'Identity', [value, `^${gate}`], { T: typeNumberAttribute(held[index].type) }),
  );
  const types = held.map(({ type }) => type);
  const results = options.poison ? emitPoison(scope, `${prefix}/poison`, conditions, types, gated) : gated;
  const definition = metaGraph.signatureDef.find(({ key }) => key === plan.name)?.value;
  for (const [index, { alias, tensorName }] of held.entries())
    rename(definition?.outputs ?? [], alias, `${results[index]}:0`, undo, plan.name, tensorName);
}

type Outputs = NonNullable<WholeMetaGraph['signatureDef'][number]['value']>['outputs'];

function rename(
  outputs: Outputs,
  alias: string,
  to: string,
  undo: UndoRecord,
  signature: string,
  before: PlannedTensor['tensorName'],
): void {
  const info = outputs.find(({ key }) => key === alias)?.value;
  if (info === undefined) return;
  info.encoding = { case: 'name', value: to };
  undo.outputs.push([signature, alias, before]);
}
