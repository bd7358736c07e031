// The rule `shape` of one tensor, with what cuts or fills it, and the two rules of its size. A tensor whose shape is only watched gives no
// value to a named dimension that others must agree with: a shadow rule never changes what happens to a request.
import { AirlockError } from '../../core/index.ts';
import { dtypes, elementCount, formatShape, type Tensor } from '../../tensor/index.ts';
import type { CheckContext, ElementPath } from '../check-types.ts';
import { type EngineContext, refusing } from '../compile-context.ts';
import type { Action, DimExpression, DimRules } from '../contract-types.ts';
import type { BoundRule } from '../findings.ts';
import { numberForType } from './numeric-types.ts';
import { type DimSize, dimState, shapeText } from './shape-dims.ts';
import { type FillValue, reshape } from './transform-shape.ts';

/** A tensor after the rule, and how its elements are called by the client. */
export interface ShapedTensor {
  readonly tensor: Tensor;
  readonly path: ElementPath;
}

export interface ShapeCheck {
  readonly rule: BoundRule;
  /** `sizes` and `room` bound what is filled, before memory is taken for it. */
  check(tensor: Tensor, context: CheckContext, room: Room, sizes: SizeCheck | undefined): ShapedTensor;
}

/** What filling may still add to the tensors of one request. */
export interface Room {
  /** The contract's `request.maxElements`; infinite without it. */
  readonly maxElements: number;
  elements: number;
}

/** @throws CONTRACT_INVALID when the value that fills is none of the tensor's type, or a dimension is not declared */
export function compileShape(context: EngineContext, declared: ReadonlyMap<string, DimRules>): ShapeCheck | undefined {
  const { shape, dtype } = context.rules;
  const rule = shape === undefined ? undefined : context.bind('shape');
  if (shape === undefined || rule === undefined) return undefined;
  for (const dim of shape) if (dim.kind === 'symbol' && !declared.has(dim.name)) throw undeclared(context.place, dim.name);
  const fill = fillValue(context, rule.action, dtype);
  const refusal = refusing(rule);
  return {
    rule,
    check(tensor, context, room, sizes) {
      const { path, findings, dims } = context;
      if (fitsAlready(shape, tensor.shape, dims)) return { tensor, path };
      const expected = (): string => shapeText(shape, dims, declared);
      const got = (): string => formatShape(tensor.shape);
      const refuse = (): ShapedTensor => {
        findings.report(refusal, () => path(), expected(), got);
        return { tensor, path };
      };
      const verdict = judge(shape, tensor.shape, dims, declared, rule.action);
      if (verdict === undefined) return refuse();
      if (verdict.target !== undefined) {
        const { action } = rule;
        const side = action.kind === 'truncate' || action.kind === 'pad' ? action.side : 'right';
        const isActive = findings.outcomeOf(rule) === action.kind;
        if (isActive && action.kind === 'pad') {
          const added = elementCount(verdict.target) - elementCount(tensor.shape);
          if (!(added <= room.elements)) {
            findings.report(
              refusal,
              () => path(),
              `at most ${room.maxElements} elements in a request, with those that are filled`,
              got,
            );
            return { tensor, path };
          }
          const fillBytes = typeof fill === 'object' ? fill.byteLength : dtypes[tensor.dtype].itemBytes;
          const before = findings.refusals;
          sizes?.refuse(elementCount(verdict.target), tensor.bytes.byteLength + added * fillBytes, context);
          if (findings.refusals !== before) return { tensor, path };
          room.elements -= added;
        }
        const reshaped = isActive ? reshape(tensor, verdict.target, side, fill) : undefined;
        if (isActive && reshaped === undefined) return refuse();
        findings.report(rule, () => path(), expected(), got);
        if (reshaped === undefined) return { tensor, path };
        for (const [name, value] of verdict.binds) dims.set(name, value);
        return { tensor: reshaped.tensor, path: movedPath(path, reshaped.sourceOf) };
      }
      for (const [name, value] of verdict.binds) dims.set(name, value);
      return { tensor, path };
    },
  };
}

/** True when every dimension is as it must be and none of them gives a name its value: all tensors of a request but the first, mostly. */
function fitsAlready(
  expressions: readonly DimExpression[],
  shape: readonly number[],
  dims: ReadonlyMap<string, number>,
): boolean {
  if (expressions.length !== shape.length) return false;
  for (let axis = 0; axis < shape.length; axis++) {
    const expression = expressions[axis];
    if (expression.kind === 'any') continue;
    if (expression.kind === 'fixed') {
      if (shape[axis] !== expression.size) return false;
      continue;
    }
    const value = dims.get(expression.name);
    if (value === undefined || shape[axis] !== expression.multiplier * value + expression.offset) return false;
  }
  return true;
}

interface Fitting {
  readonly binds: ReadonlyMap<string, number>;
  /** The shape to cut or fill to; absent when nothing has to be done. */
  readonly target?: readonly number[];
}

/** Undefined when the shape cannot be made to fit by the action. */
function judge(
  expressions: readonly DimExpression[],
  shape: readonly number[],
  dims: ReadonlyMap<string, number>,
  declared: ReadonlyMap<string, DimRules>,
  action: Action,
): Fitting | undefined {
  if (expressions.length !== shape.length) return undefined;
  const bound = new Map(dims);
  const binds = new Map<string, number>();
  const target = [...shape];
  let isChanged = false;
  for (const [axis, expression] of expressions.entries()) {
    const state = dimState(expression, shape[axis], bound, declared);
    if (state.kind === 'fits') continue;
    let fitting: DimSize;
    if (state.kind === 'binds') fitting = { size: shape[axis], binds: state };
    else {
      // The first dimension is the batch: an action may not take examples away from a client, nor invent some.
      const size =
        axis === 0 ? undefined : action.kind === 'truncate' ? state.cutTo : action.kind === 'pad' ? state.fillTo : undefined;
      if (size === undefined) return undefined;
      fitting = size;
      isChanged = true;
    }
    target[axis] = fitting.size;
    if (fitting.binds === undefined) continue;
    bound.set(fitting.binds.name, fitting.binds.value);
    binds.set(fitting.binds.name, fitting.binds.value);
  }
  return isChanged ? { binds, target } : { binds };
}

function movedPath(path: ElementPath, sourceOf: (index: number) => number): ElementPath {
  return (index) => {
    const source = index === undefined ? -1 : sourceOf(index);
    return source === -1 ? path() : path(source);
  };
}

function fillValue({ place }: EngineContext, action: Action, dtype: Tensor['dtype']): FillValue {
  if (action.kind !== 'pad') return undefined;
  if (dtype !== 'DT_STRING') return numberForType(dtype, action.value, `${place}/shape, pad`);
  if (typeof action.value === 'string') return new TextEncoder().encode(action.value);
  throw new AirlockError('CONTRACT_INVALID', { message: `${place}/shape, pad: strings are filled with a string` });
}

function undeclared(place: string, name: string): AirlockError {
  return new AirlockError('CONTRACT_INVALID', { message: `${place}/shape: the dimension ${name} is not declared` });
}

/** maxElements and maxBytes. */
export interface SizeCheck {
  check(tensor: Tensor, context: CheckContext): void;
  /** The same for a tensor that would have these sizes; reports only what refuses it. */
  refuse(elements: number, bytes: number, context: CheckContext): void;
}

export function compileSizes(context: EngineContext): SizeCheck | undefined {
  const limits = [
    sizeLimit(context, 'maxElements', 'elements', context.rules.maxElements),
    sizeLimit(context, 'maxBytes', 'bytes', context.rules.maxBytes),
  ].filter((limit) => limit !== undefined);
  if (limits.length === 0) return undefined;
  const report = (sizes: Sizes, { findings, path }: CheckContext, isWanted: (rule: BoundRule) => boolean): void => {
    for (const { rule, unit, max } of limits) {
      const size = sizes[unit];
      if (size <= max || !isWanted(rule)) continue;
      findings.report(
        rule,
        () => path(),
        `at most ${max} ${unit}`,
        () => `${size} ${unit}`,
      );
    }
  };
  return {
    check: ({ shape, bytes }, check) => report({ elements: elementCount(shape), bytes: bytes.byteLength }, check, () => true),
    refuse: (elements, bytes, check) => report({ elements, bytes }, check, (rule) => check.findings.outcomeOf(rule) === 'reject'),
  };
}

interface Sizes {
  readonly elements: number;
  readonly bytes: number;
}

interface SizeLimit {
  readonly rule: BoundRule;
  readonly unit: keyof Sizes;
  readonly max: number;
}

function sizeLimit(
  context: EngineContext,
  name: 'maxElements' | 'maxBytes',
  unit: keyof Sizes,
  max: number | undefined,
): SizeLimit | undefined {
  const rule = max === undefined ? undefined : context.bind(name);
  return max === undefined || rule === undefined ? undefined : { rule, unit, max };
}
