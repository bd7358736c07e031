// Puts a function of the same name and type before a function: it checks the arguments, calls the original, checks its outputs. The
// original keeps its body byte by byte and its XLA attributes; XLA would delete the Asserts of whatever it compiles.
import { clone } from '@bufbuild/protobuf';
import { AirlockError, printable } from '../core/index.ts';
import { DataType, type FunctionDef, FunctionDefSchema } from '../model/index.ts';
import type { AxisSize } from './check-emitter.ts';
import { emitChecks } from './emit-checks.ts';
import { type EmittedDims, emitDims } from './emit-layout.ts';
import { functionAttribute, textAttribute, typeNumberAttribute, typesAttribute } from './graph-attributes.ts';
import type { DimBounds, TensorChecks } from './graph-checks.ts';
import { GraphScope } from './graph-scope.ts';
import { emitPoison } from './poison.ts';

/** What ends the name of the original. */
export const implementationSuffix = '__airlock_impl';

export interface FunctionChecks {
  /** By the number of the argument. */
  readonly inputs: ReadonlyMap<number, TensorChecks>;
  /** By the number of the output. */
  readonly outputs: ReadonlyMap<number, TensorChecks>;
}

export interface TrampolineOptions {
  readonly poison: boolean;
}

/** True for what tells a compiler or an optimiser what to do with the body, which the new function does not have. */
function isAboutTheBody(attribute: string): boolean {
  return attribute.startsWith('_Xla') || ['_noinline', '_implements', 'api_implements'].includes(attribute);
}

/**
 * The function that takes the name of `original`, which is renamed.
 * @throws MODEL_NOT_HARDENABLE when an argument or output is a list of tensors, or its type is not fixed
 */
export function makeTrampoline(original: FunctionDef, checks: FunctionChecks, options: TrampolineOptions): FunctionDef {
  const result = clone(FunctionDefSchema, original);
  const { signature } = result;
  if (signature === undefined || original.signature === undefined) throw new AirlockError('MODEL_INVALID');
  for (const arg of [...signature.inputArg, ...signature.outputArg]) {
    if (arg.typeAttr === '' && arg.numberAttr === '' && arg.typeListAttr === '' && !arg.isRef) continue;
    throw new AirlockError('MODEL_NOT_HARDENABLE', {
      message: `The function ${printable(signature.name)} has an argument that is not one tensor of a fixed type`,
    });
  }
  original.signature.name = signature.name + implementationSuffix;
  signature.isStateful = true;
  result.attr = result.attr.filter(({ key }) => !isAboutTheBody(key));
  const scope = new GraphScope('function');
  const { values, gate, conditions, dims } = emitInputs(scope, signature.inputArg, checks.inputs, options);
  const call = scope.addWithoutOutput('call', 'StatefulPartitionedCall', gate === undefined ? values : [...values, `^${gate}`], {
    Tin: typesAttribute(signature.inputArg.map(({ type }) => type)),
    Tout: typesAttribute(signature.outputArg.map(({ type }) => type)),
    f: functionAttribute(original.signature.name),
    config: textAttribute(''),
    config_proto: textAttribute(''),
    executor_type: textAttribute(''),
  });
  const mustCompile = original.attr.find(({ key }) => key === '_XlaMustCompile');
  if (mustCompile !== undefined) scope.nodes.at(-1)?.attr.push(mustCompile);
  const outputs = emitOutputs(scope, call, signature.outputArg, checks.outputs, { conditions, dims }, options);
  const order = new Map(signature.outputArg.map(({ name }, index) => [name, index]));
  for (const entry of result.ret) {
    const index = order.get(entry.key);
    if (index === undefined)
      throw new AirlockError('MODEL_INVALID', { message: 'A function of the model returns what it does not declare' });
    entry.value = outputs.values[index];
  }
  // Control outputs keep checks alive whose argument the original does not use, and the side effects of the original.
  const kept = outputs.gate === undefined ? [call] : [call, outputs.gate];
  signature.controlOutput = [...kept];
  result.controlRet = kept.map((name) => ({ $typeName: 'tensorflow.FunctionDef.StringEntry', key: name, value: name }));
  result.nodeDef = scope.nodes;
  return result;
}

type Arguments = readonly { readonly name: string; readonly type: DataType }[];

function emitInputs(scope: GraphScope, args: Arguments, checks: FunctionChecks['inputs'], options: TrampolineOptions) {
  const asserts: string[] = [];
  const conditions: string[] = [];
  const axes: AxisSize[] = [];
  const bounds = new Map<string, DimBounds>();
  const checked = args.map(({ name }, index) => {
    const own = checks.get(index);
    if (own === undefined) return name;
    const emitted = emitChecks(scope, `input${index}`, name, own, options);
    asserts.push(...emitted.asserts);
    conditions.push(...emitted.conditions);
    axes.push(...emitted.axes);
    for (const [dim, rules] of own.dims) bounds.set(dim, rules);
    return emitted.value;
  });
  const dims = emitDims(scope, 'dims', axes, bounds);
  asserts.push(...dims.asserts);
  conditions.push(...dims.conditions);
  if (asserts.length === 0) return { values: checked, gate: undefined, conditions, dims };
  // All to all: nothing of any input is released before every input has passed.
  const gate = addGate(scope, 'gate', asserts);
  const values = args.map(({ type }, index) => {
    if (!checks.has(index)) return checked[index];
    return scope.add(`input${index}/checked`, 'Identity', [checked[index], `^${gate}`], { T: typeNumberAttribute(type) });
  });
  return { values, gate, conditions, dims };
}

export function addGate(scope: GraphScope, name: string, asserts: readonly string[]): string {
  return scope.addWithoutOutput(
    name,
    'NoOp',
    [...new Set(asserts)].map((node) => `^${node}`),
    {},
  );
}

function emitOutputs(
  scope: GraphScope,
  call: string,
  args: Arguments,
  checks: FunctionChecks['outputs'],
  inputs: { readonly conditions: readonly string[]; readonly dims: EmittedDims },
  options: TrampolineOptions,
) {
  const asserts: string[] = [];
  const conditions = [...inputs.conditions];
  const axes: AxisSize[] = [];
  const bounds = new Map<string, DimBounds>();
  let values = args.map((_, index) => {
    const own = checks.get(index);
    const value = `${call}:output:${index}`;
    if (own === undefined) return value;
    const emitted = emitChecks(scope, `output${index}`, value, own, options);
    asserts.push(...emitted.asserts);
    conditions.push(...emitted.conditions);
    axes.push(...emitted.axes);
    for (const [dim, rules] of own.dims) bounds.set(dim, rules);
    return emitted.value;
  });
  const dims = emitDims(scope, 'output_dims', axes, bounds, inputs.dims);
  asserts.push(...dims.asserts);
  conditions.push(...dims.conditions);
  const gate = asserts.length === 0 ? undefined : addGate(scope, 'output_gate', asserts);
  if (gate !== undefined) {
    values = args.map(({ type }, index) => {
      if (type === DataType.DT_RESOURCE || type === DataType.DT_VARIANT) return values[index];
      return scope.add(`output${index}/checked`, 'Identity', [values[index], `^${gate}`], { T: typeNumberAttribute(type) });
    });
  }
  if (options.poison)
    values = emitPoison(
      scope,
      'poison',
      conditions,
      args.map(({ type }) => type),
      values,
    );
  return { values, gate };
}
