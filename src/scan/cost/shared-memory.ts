// Outputs that may be part of an input's memory instead of a copy: the whole input then stays as long as they do. What may be the whole of an input in
// one piece needs no word here, since it counts as a copy already.
import { contentOf, formulaOf, type NodeView, numbersOf, typeOf, type Value } from '../values/index.ts';
import { bytesOf } from './cost-formulas.ts';

/** Tensors that TensorFlow cuts along the first axis without a copy (split_op.cc, slice_op.cc, strided_slice_op.cc, unpack_op.cc). */
const alongFirst: ReadonlySet<string> = new Set(['Split', 'SplitV', 'Unpack', 'Slice', 'StridedSlice']);

function axisOf(view: NodeView): number | undefined {
  if (view.op === 'Unpack') return view.int('axis') ?? 0;
  const [axis] = numbersOf(contentOf(view.inputs[view.op === 'Split' ? 0 : 2])) ?? [];
  const rank = view.inputs[view.op === 'Split' ? 1 : 0]?.shape?.length;
  return axis === undefined || axis >= 0 || rank === undefined ? axis : axis + rank;
}

/** True unless it surely cuts along another axis than the first. */
export function mayShare(view: NodeView, outputs: readonly Value[]): boolean {
  if (!alongFirst.has(view.op)) return false;
  if (view.op !== 'Slice' && view.op !== 'StridedSlice') return (axisOf(view) ?? 0) === 0;
  const [from, to] = [view.inputs[0]?.shape, outputs[0]?.shape];
  if (from === undefined || to === undefined || from.length !== to.length) return true;
  return from.every((dim, axis) => axis === 0 || formulaOf(dim)?.size.key === formulaOf(to[axis] ?? 0)?.size.key);
}

/** EIGEN_MAX_ALIGN_BYTES of the official wheels; rows of a multiple of it begin where they can be used as they are. */
const alignment = 64;
const dividing: ReadonlySet<string> = new Set(['Split', 'SplitV', 'Unpack']);

/** True when its outputs surely are parts of the input's memory: cut along the first axis, each row aligned (`IsInnerDimsSizeAligned`). */
export function surelyShares(view: NodeView): boolean {
  if (!dividing.has(view.op) || axisOf(view) !== 0) return false;
  const value = view.inputs[view.op === 'Split' ? 1 : 0];
  const row = value?.shape?.slice(1);
  if (value === undefined || row === undefined || value.dtype === typeOf.string) return false;
  const isExact = row.every((dim) => formulaOf(dim)?.isExact === true);
  return (
    isExact && (bytesOf({ ...value, shape: row })?.terms.every(({ factor }) => Number.isInteger(factor / alignment)) ?? false)
  );
}
