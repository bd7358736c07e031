// What an operation's output is, given what its inputs are: content where it can be folded, shape, bounds and origins otherwise.
import type { OpRegistry } from '../ops/index.ts';
import { boundsOfNode } from './bounds.ts';
import { isIntegerType, typeOf } from './data-types.ts';
import { requestDim, unknownDim } from './dims.ts';
import { canFold, foldNode } from './fold.ts';
import { gatheredRows } from './gathered-rows.ts';
import { constantValue, joinValues, originsOf, prefixOf, uniteOrigins, unknownOf, withoutRequest } from './lattice.ts';
import { type NodeView, placeArgs } from './node-view.ts';
import { originRule } from './origins.ts';
import { shapeOf } from './shapes.ts';
import { shapeFromValue, sizeFromValue } from './shapes-creation.ts';
import { readTensorFacts } from './tensor-proto.ts';
import type { ContentOrigin, Value } from './value-types.ts';

/** Facts about the program that an operation alone does not tell. */
export interface TransferFacts {
  readonly ops: OpRegistry;
  /** Undefined: folding has used up what it may use. */
  mayFold(inputs: readonly Value[]): boolean;
}

const constantOrigins = originsOf('constant');
const computedOrigins = originsOf('computed');
const requestOrigins = originsOf('request');

/** Type and name of an output by the operation's definition. */
function outputOf(
  view: NodeView,
  output: number,
  ops: OpRegistry,
): { readonly dtype: number | undefined; readonly name: string | undefined } {
  const definition = ops.get(view.op);
  const outputs = definition?.outputs;
  if (outputs === undefined) return { dtype: undefined, name: undefined };
  const placed = placeArgs(view.body, view.node, outputs, definition?.attrs).find(
    ({ start, count }) => output >= start && output < start + count,
  );
  return { dtype: placed?.typeAt(output - placed.start), name: outputs.length > 1 ? placed?.name : undefined };
}

/** A Const, also of an asset: its content is then the path that a loader puts there. */
export function valueOfConst(view: NodeView, isAsset: boolean): Value {
  const attr = view.body.attrBytes(view.node, 'value');
  const facts = attr === undefined ? undefined : readTensorFacts(attr);
  if (facts === undefined) return unknownOf(constantOrigins, view.type('dtype'), undefined);
  const shape = facts.shape?.map(Number);
  if (isAsset) return unknownOf(originsOf('asset'), facts.dtype, shape);
  const content = facts.content();
  if (content === undefined) return unknownOf(constantOrigins, facts.dtype, shape);
  return constantValue([content], facts.dtype, constantOrigins);
}

/** What a request gives: any content, of the declared type and shape. */
export function valueOfRequest(dtype: number | undefined, shape: Value['shape']): Value {
  const known = shape?.map((size) => (typeof size === 'number' ? size : requestDim));
  return unknownOf(requestOrigins, dtype, known);
}

const listMakers: ReadonlySet<string> = new Set(['TensorListReserve', 'EmptyTensorList', 'TensorListFromTensor']);
const listChangers: ReadonlySet<string> = new Set([
  'TensorListSetItem',
  'TensorListPushBack',
  'TensorListResize',
  'TensorListPopBack',
]);
const variables: ReadonlySet<string> = new Set([
  'VarHandleOp',
  'Variable',
  'VariableV2',
  'TemporaryVariable',
  'AutoReloadVariable',
]);

function heldBy(view: NodeView): Value['held'] {
  const [first, second] = view.inputs;
  if (view.op === 'VarHandleOp') return { dtype: view.type('dtype'), shape: view.shape('shape') };
  if (view.op === 'TensorListReserve' || view.op === 'EmptyTensorList') {
    const element = shapeFromValue(first);
    const count = view.op === 'TensorListReserve' ? sizeFromValue(second) : unknownDim;
    return { dtype: view.type('element_dtype'), shape: element === undefined ? undefined : [count, ...element] };
  }
  if (view.op === 'TensorListFromTensor') return { dtype: first?.dtype, shape: first?.shape };
  if (listChangers.has(view.op)) {
    const held = first?.held;
    if (view.op === 'TensorListSetItem' || held?.shape === undefined) return held;
    return { dtype: held.dtype, shape: [unknownDim, ...held.shape.slice(1)] };
  }
  return first?.held;
}

function passesHandle(op: string): boolean {
  return (
    listMakers.has(op) ||
    listChangers.has(op) ||
    op === 'VarHandleOp' ||
    op === 'Identity' ||
    op === 'Enter' ||
    op === 'Switch' ||
    op === 'Exit' ||
    op === 'NextIteration'
  );
}

function originsFor(view: NodeView, name: string | undefined, isFolded: boolean): ReadonlySet<ContentOrigin> {
  const rule = originRule(view.op, view.inputs.length, name);
  if (rule.kind === 'source') return originsOf(rule.origin);
  if (rule.kind === 'measure' && !isFolded) return computedOrigins;
  const from = rule.kind === 'passed' ? view.inputs.slice(rule.from, rule.to) : view.inputs;
  const all = uniteOrigins(...from.map(({ origins }) => origins));
  if (isFolded) return all.size === 0 ? constantOrigins : all;
  if (rule.kind === 'passed' && from.some(({ constants }) => constants === undefined)) return all;
  return uniteOrigins(all, computedOrigins);
}

/** The constant beginning of a string that is put together. */
function prefixFor(view: NodeView): Buffer | undefined {
  if (view.op === 'StringFormat') {
    const [template, placeholder] = [view.text('template') ?? '%s', view.text('placeholder') ?? '%s'];
    const at = template.indexOf(placeholder);
    return at > 0 ? Buffer.from(template.slice(0, at), 'latin1') : prefixOf(view.inputs[0]);
  }
  if (view.op === 'StringJoin') {
    const separator = Buffer.from(view.text('separator') ?? '', 'latin1');
    const parts: Buffer[] = [];
    for (const [index, input] of view.inputs.entries()) {
      if (index > 0) parts.push(separator);
      const strings = input.constants?.length === 1 ? input.constants[0].strings : undefined;
      if (strings?.length === 1) parts.push(strings[0]);
      else {
        const start = prefixOf(input);
        if (start !== undefined) parts.push(start);
        break;
      }
    }
    return Buffer.concat(parts);
  }
  const [first] = view.inputs;
  return first !== undefined &&
    (view.op === 'ShardedFilename' || originRule(view.op, view.inputs.length, undefined).kind === 'passed')
    ? prefixOf(first)
    : undefined;
}

// A letter that is changed is no prefix any more.
const keepsPrefix: ReadonlySet<string> = new Set([
  ...[
    'StringFormat',
    'StringJoin',
    'ShardedFilename',
    'Identity',
    'Reshape',
    'Squeeze',
    'ExpandDims',
    'EnsureShape',
    'Enter',
    'Exit',
    'Switch',
  ],
  ...['NextIteration', 'StopGradient', 'Fill', 'Tile', 'BroadcastTo'],
]);
const maxPrefixBytes = 4096;

const selects: ReadonlySet<string> = new Set(['Select', 'SelectV2']);
const gathers: ReadonlySet<string> = new Set(['Gather', 'GatherV2']);

/** One of two or of a few, and it is not known which: all that it can be. */
function chosen(view: NodeView): Value | undefined {
  const isOne = (value: Value | undefined) => value?.shape?.every((size) => size === 1) ?? false;
  const [first, second, third] = view.inputs;
  if (selects.has(view.op) && second !== undefined && third !== undefined && isOne(second) && isOne(third)) {
    return second.shape?.length === third.shape?.length ? joinValues(second, third) : undefined;
  }
  // A row of a list of paths that a request picks.
  if (gathers.has(view.op) && first?.constants !== undefined && second?.shape?.length === 0) {
    const axis = view.op === 'Gather' ? 0 : third?.constants?.[0]?.numbers?.[0];
    const rows = axis === 0 ? gatheredRows(first) : undefined;
    return rows?.constants === undefined ? undefined : rows;
  }
  // A list that was made of a tensor and not written to holds its rows: what tf.map_fn hands to its function.
  if (view.op === 'TensorListFromTensor' && first?.constants !== undefined) {
    return { ...first, dtype: typeOf.variant, held: { dtype: first.dtype, shape: first.shape } };
  }
  if (view.op === 'TensorListGetItem' && first?.constants !== undefined) {
    const rows = gatheredRows(first);
    return rows.constants === undefined ? undefined : { ...rows, dtype: first.held?.dtype };
  }
  return undefined;
}

/** @param view All inputs are known as far as they will be. */
export function transfer(view: NodeView, output: number, facts: TransferFacts): Value {
  const { dtype, name } = outputOf(view, output, facts.ops);
  if (canFold(view.op) && facts.mayFold(view.inputs)) {
    const folded = foldNode(view, output);
    if (folded?.constants !== undefined) return constantValue(folded.constants, dtype, originsFor(view, name, true));
    if (folded?.partial !== undefined && isIntegerType(dtype)) {
      const { shape } = folded.partial;
      return { ...unknownOf(originsFor(view, name, false), dtype, shape), partial: folded.partial };
    }
  }
  const choice = chosen(view);
  if (choice !== undefined) return choice;
  let origins = originsFor(view, name, false);
  // Counting flags gives no more than there are.
  if (view.op === 'Sum' && view.inputs[0]?.max !== undefined && view.inputs[0].max <= 1) origins = withoutRequest(origins);
  const shape =
    variables.has(view.op) && view.op !== 'VarHandleOp'
      ? view.shape('shape')
      : view.op === 'ReadVariableOp'
        ? view.inputs[0]?.held?.shape
        : shapeOf(view, output);
  const { min, max } = dtype === typeOf.string ? { min: undefined, max: undefined } : boundsOfNode(view, dtype);
  const prefix = dtype === typeOf.string && keepsPrefix.has(view.op) ? prefixFor(view)?.subarray(0, maxPrefixBytes) : undefined;
  const held = passesHandle(view.op) ? heldBy(view) : undefined;
  return {
    ...unknownOf(origins, dtype, shape),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    ...(prefix === undefined || prefix.length === 0 ? {} : { prefix }),
    ...(held === undefined ? {} : { held }),
  };
}
