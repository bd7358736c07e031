// What a StridedSlice takes, from its masks: used for contents and for shapes alike (tensorflow/core/util/strided_slice_op.cc).
import { partOfDim, subtractDims } from './dims.ts';
import type { NodeView } from './node-view.ts';
import { cut, numbersOf, reshape, type Tensor } from './tensors.ts';
import type { Dim } from './value-types.ts';

interface AxisCut {
  /** Undefined: not known, `count` is unknown then too unless the axis is taken whole. */
  readonly begin: number | undefined;
  readonly count: Dim;
  readonly step: number;
}

interface Plan {
  readonly axes: readonly AxisCut[];
  /** Result's sizes, with new axes and without those that an index takes away. */
  readonly shape: readonly Dim[];
}

const hasBit = (mask: number, bit: number) => Math.floor(mask / 2 ** bit) % 2 === 1;

function cutAxis(size: Dim, begin: number | undefined, end: number | undefined, step: number): AxisCut {
  if (typeof size !== 'number') {
    const isWhole = begin === undefined && end === undefined && step === 1;
    if (isWhole) return { begin: 0, count: size, step };
    const cutOff = (begin !== undefined && begin > 0 ? begin : 0) - (end !== undefined && end < 0 ? end : 0);
    const isCut = step === 1 && (begin ?? 0) >= 0 && (end ?? -1) < 0 && cutOff > 0 && size.min >= cutOff;
    if (size.upper !== undefined && isCut) return { begin: undefined, count: subtractDims(size, cutOff), step };
    // x[:n] has n elements at most, whatever x is.
    const max = end !== undefined && end >= 0 && step === 1 ? Math.max(0, end - (begin ?? 0)) : size.max;
    return { begin: undefined, count: partOfDim(size, size.isRequest, max), step };
  }
  const clamp = (x: number, low: number, high: number) => Math.min(Math.max(x < 0 ? x + size : x, low), high);
  const from = begin === undefined ? (step > 0 ? 0 : size - 1) : step > 0 ? clamp(begin, 0, size) : clamp(begin, -1, size - 1);
  const to = end === undefined ? (step > 0 ? size : -1) : step > 0 ? clamp(end, 0, size) : clamp(end, -1, size - 1);
  return { begin: from, count: Math.max(0, Math.ceil((to - from) / step)), step };
}

/** Undefined when what it takes is not known. */
export function planStridedSlice(
  shape: readonly Dim[],
  view: NodeView,
  begin: readonly (number | undefined)[],
  end: readonly (number | undefined)[],
  steps: readonly number[],
): Plan | undefined {
  const mask = (name: string) => view.int(name) ?? 0;
  const [beginMask, endMask, ellipsisMask] = [mask('begin_mask'), mask('end_mask'), mask('ellipsis_mask')];
  const [newAxisMask, shrinkMask] = [mask('new_axis_mask'), mask('shrink_axis_mask')];
  const taken = begin.filter((_, i) => !hasBit(newAxisMask, i) && !hasBit(ellipsisMask, i)).length;
  if (begin.length > 32 || taken > shape.length) return undefined;
  const axes: AxisCut[] = [];
  const result: Dim[] = [];
  const whole = (until: number) => {
    while (axes.length < until) {
      const size = shape[axes.length];
      axes.push({ begin: 0, count: size, step: 1 });
      result.push(size);
    }
  };
  for (let i = 0; i < begin.length; i++) {
    if (hasBit(ellipsisMask, i)) {
      const after = begin.filter((_, j) => j > i && !hasBit(newAxisMask, j)).length;
      whole(shape.length - after);
    } else if (hasBit(newAxisMask, i)) result.push(1);
    else {
      const size = shape[axes.length];
      const step = steps[i];
      if (size === undefined || step === undefined || step === 0) return undefined;
      if (hasBit(shrinkMask, i)) {
        const at = begin[i];
        const place = at === undefined ? undefined : at >= 0 ? at : typeof size === 'number' ? at + size : undefined;
        axes.push({ begin: place, count: 1, step: 1 });
      } else {
        const isUnknown = (!hasBit(beginMask, i) && begin[i] === undefined) || (!hasBit(endMask, i) && end[i] === undefined);
        const piece = isUnknown
          ? { begin: undefined, count: partOfDim(size, false, typeof size === 'number' ? size : size.max), step }
          : cutAxis(size, hasBit(beginMask, i) ? undefined : begin[i], hasBit(endMask, i) ? undefined : end[i], step);
        axes.push(piece);
        result.push(piece.count);
      }
    }
  }
  whole(shape.length);
  return { axes, shape: result };
}

function knownOrNot(tensor: Tensor | undefined): readonly (number | undefined)[] | undefined {
  return tensor?.atoms.map((atom) => (typeof atom === 'number' ? atom : undefined));
}

/** The content that a StridedSlice takes. */
export function foldStridedSlice(view: NodeView, [input, begin, end, step]: readonly (Tensor | undefined)[]): Tensor | undefined {
  const [from, to, steps] = [knownOrNot(begin), knownOrNot(end), numbersOf(step)];
  if (input === undefined || from === undefined || to === undefined || steps === undefined) return undefined;
  const plan = planStridedSlice(input.shape, view, from, to, steps);
  if (plan === undefined) return undefined;
  const starts = plan.axes.map(({ begin: at }) => at);
  const counts = plan.axes.map(({ count }) => count);
  if (starts.some((at) => at === undefined) || counts.some((count) => typeof count !== 'number')) return undefined;
  const piece = cut(
    input,
    starts.map((at) => at ?? 0),
    counts as readonly number[],
    plan.axes.map((axis) => axis.step),
  );
  return piece === undefined ? undefined : reshape(piece, plan.shape as readonly number[]);
}

/** The shape that a StridedSlice gives. */
export function stridedSliceShape(
  view: NodeView,
  input: readonly Dim[] | undefined,
  begin: Tensor | undefined,
  end: Tensor | undefined,
  step: Tensor | undefined,
): readonly Dim[] | undefined {
  const [from, to, steps] = [knownOrNot(begin), knownOrNot(end), numbersOf(step)];
  if (input === undefined || from === undefined || to === undefined || steps === undefined) return undefined;
  return planStridedSlice(input, view, from, to, steps)?.shape;
}
