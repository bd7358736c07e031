// Writes the checks of a tensor's shape as nodes, and those of dimensions that several tensors share. Nothing here reads a value of the
// tensor. The Asserts come first because EnsureShape, which stays when they are optimised away, cannot say which rule was broken.
import { type AxisSize, addAssert, type CheckEmitter } from './check-emitter.ts';
import { boolAttribute, intAttribute, shapeAttribute, typeAttribute } from './graph-attributes.ts';
import type { CheckText, DimBounds, LayoutCheck } from './graph-checks.ts';
import type { GraphScope } from './graph-scope.ts';

const int64 = { T: typeAttribute('DT_INT64') };

/** Gives the tensor that goes on when its shape was found good. */
export function emitLayout(emitter: CheckEmitter, reference: string, layout: readonly LayoutCheck[]): string {
  const { scope, prefix, dtype } = emitter;
  let value = reference;
  for (const [index, check] of layout.entries()) {
    const name = `${index}_${check.kind}`;
    if (check.kind === 'shape') value = emitShape(emitter, value, check, name);
    else {
      const attributes = { T: typeAttribute(dtype), out_type: typeAttribute('DT_INT64') };
      const size = scope.add(`${prefix}/${name}/size`, 'Size', [reference], attributes);
      const limit = scope.scalar(`${prefix}/${name}/limit`, 'DT_INT64', check.max);
      emitter.assert(name, scope.add(`${prefix}/${name}/holds`, 'LessEqual', [size, limit], int64), check);
    }
  }
  return scope.after(`${prefix}/layout`, value, dtype, emitter.asserts);
}

const anySize = 2n ** 63n - 1n;
/** No dimension has this size. */
const end = -1;

// The sizes, then `end`, compared with bounds of the same number: one comparison for the rank and all fixed sizes. An operation that asks
// for the rank itself would be worked out in advance: the optimiser concludes from later operations what the rank must be.
function emitShape(emitter: CheckEmitter, value: string, check: Extract<LayoutCheck, { kind: 'shape' }>, name: string): string {
  const { scope, prefix, dtype } = emitter;
  const at = `${prefix}/${name}`;
  const count = check.sizes.length + 1;
  const shape = scope.add(`${at}/shape`, 'Shape', [value], { T: typeAttribute(dtype), out_type: typeAttribute('DT_INT64') });
  const tail = scope.constant(`${at}/tail`, 'DT_INT64', Array<number>(count).fill(end), [count]);
  const index = { T: typeAttribute('DT_INT64'), Tidx: typeAttribute('DT_INT32') };
  const long = scope.add(`${at}/long`, 'ConcatV2', [shape, tail, scope.scalar(`${at}/axis`, 'DT_INT32', 0)], {
    ...index,
    N: intAttribute(2),
  });
  const begin = scope.constant(`${at}/begin`, 'DT_INT32', [0], [1]);
  const length = scope.constant(`${at}/length`, 'DT_INT32', [count], [1]);
  const sizes = scope.add(`${at}/sizes`, 'Slice', [long, begin, length], {
    T: typeAttribute('DT_INT64'),
    Index: typeAttribute('DT_INT32'),
  });
  const least = [...check.sizes.map((size) => Math.max(size, 0)), end];
  const most = [...check.sizes.map((size) => (size === -1 ? anySize : size)), end];
  const compare = (word: string, op: 'GreaterEqual' | 'LessEqual', bounds: readonly (number | bigint)[]): string =>
    scope.add(`${at}/${word}/holds`, op, [sizes, scope.constant(`${at}/${word}`, 'DT_INT64', bounds, [count])], int64);
  const both = [compare('least', 'GreaterEqual', least), compare('most', 'LessEqual', most)];
  emitter.assert(name, scope.all(`${at}/all`, scope.add(`${at}/both`, 'LogicalAnd', both, {})), check);
  for (const { axis, name: dim, multiplier, offset } of check.named) {
    const size = gather(scope, `${at}/axis${axis}`, sizes, scope.scalar(`${at}/axis${axis}/index`, 'DT_INT32', axis));
    emitter.axes.push({ name: dim, size, multiplier, offset, text: check });
  }
  const settled = scope.after(`${at}/settled`, value, dtype, emitter.asserts);
  return scope.add(`${at}/ensure`, 'EnsureShape', [settled], { T: typeAttribute(dtype), shape: shapeAttribute(check.sizes) });
}

function gather(scope: GraphScope, name: string, values: string, indices: string): string {
  const axis = scope.scalar(`${name}/along`, 'DT_INT32', 0);
  return scope.add(`${name}/size`, 'GatherV2', [values, indices, axis], {
    Tparams: typeAttribute('DT_INT64'),
    Tindices: typeAttribute('DT_INT32'),
    Taxis: typeAttribute('DT_INT32'),
    batch_dims: intAttribute(0),
  });
}

export interface EmittedDims {
  readonly asserts: readonly string[];
  readonly conditions: readonly string[];
  /** The value of each dimension, an int64 scalar, by its name. */
  readonly values: ReadonlyMap<string, string>;
}

/** The dimensions of no tensor. */
export const noDims: EmittedDims = { asserts: [], conditions: [], values: new Map() };

/**
 * The bounds of each named dimension, and that all axes that have it agree with the first.
 * @param known those that have a value already: of the inputs, where the axes are those of outputs
 */
export function emitDims(
  scope: GraphScope,
  prefix: string,
  axes: readonly AxisSize[],
  bounds: ReadonlyMap<string, DimBounds>,
  { values: known }: EmittedDims = noDims,
): EmittedDims {
  const asserts: string[] = [];
  const conditions: string[] = [];
  const values = new Map(known);
  const check = (name: string, condition: string, text: CheckText): void => {
    conditions.push(condition);
    asserts.push(addAssert(scope, name, condition, text));
  };
  for (const [index, { name, size, multiplier, offset, text }] of axes.entries()) {
    const at = `${prefix}/${index}`;
    const value = dimensionOf(scope, at, size, multiplier, offset);
    if (multiplier !== 1) {
      const times = scope.scalar(`${at}/times`, 'DT_INT64', multiplier);
      const product = scope.add(`${at}/product`, 'Mul', [value.quotient, times], int64);
      check(`${at}/divides`, equal(scope, `${at}/is_product`, product, value.shifted), text);
    }
    const first = values.get(name);
    if (first !== undefined) {
      check(`${at}/agrees`, equal(scope, `${at}/same`, value.quotient, first), {
        ...text,
        expected: `${text.expected}, with one value for ${name}`,
      });
      continue;
    }
    values.set(name, value.quotient);
    const bound = bounds.get(name);
    if (bound === undefined) continue;
    const { min, max, multipleOf } = bound;
    const expected = `${text.expected}, with ${name} from ${min} to ${max}${multipleOf === undefined ? '' : ` in steps of ${multipleOf}`}`;
    const compare = (word: string, op: 'GreaterEqual' | 'LessEqual', limit: number): void =>
      check(
        `${at}/${word}`,
        scope.add(`${at}/${word}/holds`, op, [value.quotient, scope.scalar(`${at}/${word}/limit`, 'DT_INT64', limit)], int64),
        {
          ...text,
          expected,
        },
      );
    compare('min', 'GreaterEqual', min);
    compare('max', 'LessEqual', max);
    if (multipleOf === undefined) continue;
    const step = scope.scalar(`${at}/step`, 'DT_INT64', multipleOf);
    const rest = scope.add(`${at}/rest`, 'FloorMod', [value.quotient, step], int64);
    check(`${at}/multiple`, equal(scope, `${at}/no_rest`, rest, scope.scalar(`${at}/no_rest/zero`, 'DT_INT64', 0)), {
      ...text,
      expected,
    });
  }
  return { asserts, conditions, values };
}

/** (size - offset) / multiplier, rounded down; that nothing is left over is checked beside it. */
function dimensionOf(
  scope: GraphScope,
  at: string,
  size: string,
  multiplier: number,
  offset: number,
): { shifted: string; quotient: string } {
  const shifted =
    offset === 0 ? size : scope.add(`${at}/shifted`, 'Sub', [size, scope.scalar(`${at}/offset`, 'DT_INT64', offset)], int64);
  if (multiplier === 1) return { shifted, quotient: shifted };
  const divisor = scope.scalar(`${at}/divisor`, 'DT_INT64', multiplier);
  return { shifted, quotient: scope.add(`${at}/quotient`, 'FloorDiv', [shifted, divisor], int64) };
}

function equal(scope: GraphScope, name: string, a: string, b: string): string {
  return scope.add(name, 'Equal', [a, b], { ...int64, incompatible_shape_error: boolAttribute(true) });
}
