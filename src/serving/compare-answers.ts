// Compares the answers that two workers gave to one request, number by number. Both are hostile, and their types and shapes were checked against the same
// signature before; what is compared is only whether they say the same.
import { isFloating, type NumberView, numberView, type Tensor, type TensorSpec } from '../tensor/index.ts';

/** Two numbers are the same when they differ by at most `absolute` + `relative` × the larger one. */
export interface Tolerance {
  readonly absolute: number;
  readonly relative: number;
  /** By the name of an output; what is not named has the tolerance above. */
  readonly outputs?: Readonly<Record<string, { readonly absolute: number; readonly relative: number }>>;
}

export interface AnswerDifference {
  readonly same: boolean;
  /** Over all floating point outputs; Infinity where one number is not finite and the other is. */
  readonly maxAbsolute: number;
  readonly maxRelative: number;
  /** The first output that differs, by its name. */
  readonly output?: string;
}

/** The numbers of a tensor whose type rounds; undefined for those that have to be equal. */
function roundedNumbers(tensor: Tensor): NumberView | undefined {
  return tensor.dtype !== 'DT_STRING' && isFloating(tensor.dtype) ? numberView(tensor) : undefined;
}

/** The spacing of the type's numbers at 1: a tolerance below it would ask for more than the type can say. */
const spacing: Readonly<Partial<Record<Tensor['dtype'], number>>> = { DT_HALF: 2 ** -10, DT_BFLOAT16: 2 ** -7 };

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return (
    a.length === b.length && Buffer.from(a.buffer, a.byteOffset, a.length).equals(Buffer.from(b.buffer, b.byteOffset, b.length))
  );
}

function sameShape(a: Tensor, b: Tensor): boolean {
  return a.dtype === b.dtype && a.shape.length === b.shape.length && a.shape.every((size, at) => size === b.shape[at]);
}

function sameStrings(a: Tensor, b: Tensor): boolean {
  if (a.dtype !== 'DT_STRING' || b.dtype !== 'DT_STRING') return true;
  return a.offsets.length === b.offsets.length && a.offsets.every((offset, at) => offset === b.offsets[at]);
}

/** Compares two answers to the same request. `a` and `b` are in the order of `outputs`. Integers, booleans and strings must be equal. */
export function compareAnswers(
  outputs: readonly TensorSpec[],
  a: readonly Tensor[],
  b: readonly Tensor[],
  tolerance: Tolerance,
): AnswerDifference {
  let maxAbsolute = 0;
  let maxRelative = 0;
  let output: string | undefined;
  for (const [index, { alias }] of outputs.entries()) {
    const left = a[index];
    const right = b[index];
    const allowed =
      tolerance.outputs !== undefined && Object.hasOwn(tolerance.outputs, alias) ? tolerance.outputs[alias] : tolerance;
    if (left === undefined || right === undefined || !sameShape(left, right)) {
      output ??= alias;
      continue;
    }
    const one = roundedNumbers(left);
    const other = roundedNumbers(right);
    if (one === undefined || other === undefined) {
      if (!sameStrings(left, right) || !sameBytes(left.bytes, right.bytes)) output ??= alias;
      continue;
    }
    const relative = Math.max(allowed.relative, spacing[left.dtype] ?? 0);
    for (let at = 0; at < one.length; at++) {
      const x = one.at(at);
      const y = other.at(at);
      // NaN is the same as NaN here: the question is whether the two say the same.
      if (Object.is(x, y) || x === y) continue;
      const difference = Math.abs(x - y);
      const apart = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
      const larger = Math.max(Math.abs(x), Math.abs(y));
      maxAbsolute = Math.max(maxAbsolute, apart);
      maxRelative = Math.max(maxRelative, Number.isFinite(apart) ? apart / larger : Number.POSITIVE_INFINITY);
      const limit = allowed.absolute + relative * larger;
      if (!(apart <= limit) || apart === Number.POSITIVE_INFINITY) output ??= alias;
    }
  }
  return { same: output === undefined, maxAbsolute, maxRelative, ...(output === undefined ? {} : { output }) };
}
