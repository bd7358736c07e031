// Writes the checks of one tensor as nodes: first what looks at the shape, then what looks for NaN, then the comparisons, each stage held
// back until the one before has passed. Every condition ends in an Assert whose text names the rule.
import { type AxisSize, assertText, CheckEmitter, equalAttributes } from './check-emitter.ts';
import { emitLayout } from './emit-layout.ts';
import { emitMatch } from './emit-strings.ts';
import { boolAttribute, intAttribute, textAttribute, typeAttribute } from './graph-attributes.ts';
import type { Comparison, FiniteCheck, TensorChecks, ValueCheck } from './graph-checks.ts';
import { type GraphScope, nodeOf } from './graph-scope.ts';

/** What the checks of one tensor left in the scope. */
export interface EmittedTensor {
  /** The tensor after its checks have begun; whoever uses it still waits for `asserts`. */
  readonly value: string;
  /** Nodes that fail when a check fails. */
  readonly asserts: string[];
  /** Bool scalars, true when a check passed; for poison, which works without the asserts. */
  readonly conditions: string[];
  readonly axes: AxisSize[];
}

export interface EmitOptions {
  /** Also emits conditions for what `asserts` alone would find. */
  readonly poison: boolean;
}

/** @param reference the tensor as the scope refers to it */
export function emitChecks(
  scope: GraphScope,
  prefix: string,
  reference: string,
  checks: TensorChecks,
  { poison }: EmitOptions,
): EmittedTensor {
  const emitter = new CheckEmitter(scope, prefix, checks.dtype);
  let value = emitLayout(emitter, reference, checks.layout);
  for (const check of checks.finite) value = emitFinite(emitter, value, check, poison);
  const mayBeNan = !checks.finite.some(({ kind }) => kind !== 'notInfinite');
  for (const [index, check] of checks.values.entries()) emitValue(emitter, value, check, index, mayBeNan);
  const { asserts, conditions, axes } = emitter;
  return { value, asserts, conditions, axes };
}

function emitFinite(emitter: CheckEmitter, value: string, check: FiniteCheck, poison: boolean): string {
  const { scope, prefix, dtype } = emitter;
  if (check.kind === 'finite') {
    // One pass over the values, and its text says which of the two was found.
    const attributes = { T: typeAttribute(dtype), message: textAttribute(assertText(check)) };
    const checked = scope.add(`${prefix}/finite`, 'CheckNumerics', [value], attributes);
    emitter.asserts.push(nodeOf(checked));
    if (poison) {
      const flags = scope.add(`${prefix}/is_finite`, 'IsFinite', [emitter.flat(checked)], { T: typeAttribute(dtype) });
      emitter.conditions.push(scope.all(`${prefix}/is_finite/all`, flags));
    }
    return checked;
  }
  const op = check.kind === 'notNan' ? 'IsNan' : 'IsInf';
  const found = scope.add(`${prefix}/${check.kind}/found`, op, [emitter.flat(value)], { T: typeAttribute(dtype) });
  const not = scope.add(`${prefix}/${check.kind}/not`, 'LogicalNot', [found], {});
  emitter.assert(check.kind, scope.all(`${prefix}/${check.kind}/all`, not), check);
  return value;
}

function emitValue(emitter: CheckEmitter, value: string, check: ValueCheck, index: number, mayBeNan: boolean): void {
  const name = `${index}_${check.kind}`;
  switch (check.kind) {
    case 'bound':
      emitBound(emitter, value, check, name, mayBeNan);
      return;
    case 'oneOf':
      emitOneOf(emitter, value, check, name);
      return;
    default:
      emitMatch(emitter, value, check, name);
      return;
  }
}

type BoundCheck = Extract<ValueCheck, { kind: 'bound' }>;

function emitBound(emitter: CheckEmitter, value: string, check: BoundCheck, name: string, mayBeNan: boolean): void {
  const { scope, prefix, dtype } = emitter;
  const at = `${prefix}/${name}`;
  const type = { T: typeAttribute(dtype) };
  const flat = emitter.flat(value);
  const bound = scope.scalar(`${at}/bound`, dtype, check.value);
  const isFloat = ['DT_FLOAT', 'DT_DOUBLE', 'DT_HALF', 'DT_BFLOAT16'].includes(dtype);
  if (!isFloat || !mayBeNan) {
    // The smallest or largest element alone: no vector of bools. Of no elements it is the number that passes every bound. Where NaN
    // could come this far, a reduction might lose it.
    const axis = scope.constant(`${at}/axis`, 'DT_INT32', [0], [1]);
    const reduction = check.comparison.startsWith('G') ? 'Min' : 'Max';
    const attributes = { ...type, Tidx: typeAttribute('DT_INT32'), keep_dims: boolAttribute(false) };
    const extreme = scope.add(`${at}/extreme`, reduction, [flat, axis], attributes);
    const holds = scope.add(`${at}/holds`, check.comparison, [extreme, bound], type);
    emitter.assert(name, isFloat ? holds : allowEmpty(emitter, at, flat, holds, check.comparison), check);
    return;
  }
  const compared = scope.add(`${at}/compared`, check.comparison, [flat, bound], type);
  if (!check.passesNan) {
    emitter.assert(name, scope.all(`${at}/all`, compared), check);
    return;
  }
  const isNan = scope.add(`${at}/is_nan`, 'IsNan', [flat], type);
  emitter.assert(name, scope.all(`${at}/all`, scope.add(`${at}/or_nan`, 'LogicalOr', [compared, isNan], {})), check);
}

// The largest int64 is not larger than itself: without elements, an exclusive bound at the end of the type would fail.
function allowEmpty(emitter: CheckEmitter, at: string, flat: string, holds: string, comparison: Comparison): string {
  if (comparison === 'GreaterEqual' || comparison === 'LessEqual') return holds;
  const { scope, dtype } = emitter;
  const size = scope.add(`${at}/size`, 'Size', [flat], { T: typeAttribute(dtype), out_type: typeAttribute('DT_INT64') });
  const zero = scope.scalar(`${at}/zero`, 'DT_INT64', 0);
  const isEmpty = scope.add(`${at}/is_empty`, 'Equal', [size, zero], equalAttributes('DT_INT64'));
  return scope.add(`${at}/or_empty`, 'LogicalOr', [holds, isEmpty], {});
}

/** Looks each element up in the sorted list: memory of the tensor's own size, however long the list is. */
function emitOneOf(emitter: CheckEmitter, value: string, check: Extract<ValueCheck, { kind: 'oneOf' }>, name: string): void {
  const { scope, prefix, dtype } = emitter;
  const at = `${prefix}/${name}`;
  const type = { T: typeAttribute(dtype) };
  const flat = emitter.flat(value);
  const count = check.values.length;
  const list = scope.constant(`${at}/values`, dtype, check.values, [count]);
  const asRow = scope.constant(`${at}/row`, 'DT_INT32', [1, -1], [2]);
  const reshape = { ...type, Tshape: typeAttribute('DT_INT32') };
  const sorted = scope.add(`${at}/sorted`, 'Reshape', [list, asRow], reshape);
  const wanted = scope.add(`${at}/wanted`, 'Reshape', [flat, asRow], reshape);
  const places = scope.add(`${at}/places`, 'LowerBound', [sorted, wanted], { ...type, out_type: typeAttribute('DT_INT32') });
  const last = scope.scalar(`${at}/last`, 'DT_INT32', count - 1);
  const inside = scope.add(`${at}/inside`, 'Minimum', [places, last], { T: typeAttribute('DT_INT32') });
  const axis = scope.scalar(`${at}/axis`, 'DT_INT32', 0);
  const nearest = scope.add(`${at}/nearest`, 'GatherV2', [list, inside, axis], {
    Tparams: typeAttribute(dtype),
    Tindices: typeAttribute('DT_INT32'),
    Taxis: typeAttribute('DT_INT32'),
    batch_dims: intAttribute(0),
  });
  const found = scope.add(`${at}/found`, 'Equal', [nearest, wanted], equalAttributes(dtype));
  const asVector = scope.constant(`${at}/vector`, 'DT_INT32', [-1], [1]);
  const flags = { T: typeAttribute('DT_BOOL'), Tshape: typeAttribute('DT_INT32') };
  emitter.assert(name, scope.all(`${at}/all`, scope.add(`${at}/flags`, 'Reshape', [found, asVector], flags)), check);
}
