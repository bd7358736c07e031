// Folding of operations that rearrange what they are given, or tell its shape: nothing is computed, so it works for numbers, strings and sizes
// that are known in part.
import { productOf } from './dims.ts';
import type { Fold } from './fold.ts';
import { foldStridedSlice } from './strided-slice.ts';
import { maxConstantElements } from './tensor-proto.ts';
import type { Tensor } from './tensors.ts';
import * as tensors from './tensors.ts';
import type { Dim } from './value-types.ts';

const first: Fold = (_, [input]) => input;

function all(inputs: readonly (Tensor | undefined)[]): readonly Tensor[] | undefined {
  return inputs.every((input) => input !== undefined) ? (inputs as readonly Tensor[]) : undefined;
}

function oneNumber(tensor: Tensor | undefined): number | undefined {
  const numbers = tensors.numbersOf(tensor);
  return numbers?.length === 1 ? numbers[0] : undefined;
}

/** A size of a tensor of a request is measured: a request that wants it large must be large itself. */
function measured(size: Dim): Dim {
  return typeof size === 'number' || !size.isRequest ? size : { ...size, isRequest: false };
}

function ofShape(shape: readonly Dim[] | undefined): Tensor | undefined {
  return shape === undefined ? undefined : tensors.vector(shape.map(measured));
}

/** A part of an axis, the rest whole. */
function slab(input: Tensor, axis: number, start: number, count: number): Tensor | undefined {
  const begin = input.shape.map((_, i) => (i === axis ? start : 0));
  const size = input.shape.map((whole, i) => (i === axis ? count : whole));
  return tensors.cut(
    input,
    begin,
    size,
    input.shape.map(() => 1),
  );
}

/** Elements put at the places that come first; only of vectors. */
const stitch: Fold = (_, inputs) => {
  const half = inputs.length / 2;
  const atoms: tensors.Atom[] = [];
  for (let i = 0; i < half; i++) {
    const [places, data] = [tensors.numbersOf(inputs[i]), inputs[i + half]];
    if (places === undefined || data === undefined || data.atoms.length !== places.length) return undefined;
    for (const [at, place] of places.entries()) {
      if (!(place >= 0 && place < maxConstantElements)) return undefined;
      atoms[place] = data.atoms[at];
    }
  }
  return Object.keys(atoms).length === atoms.length ? tensors.vector(atoms) : undefined;
};

const gatherWith =
  (axisFrom: (view: Parameters<Fold>[0], inputs: readonly (Tensor | undefined)[]) => number | undefined): Fold =>
  (view, inputs) => {
    const [params, indices] = inputs;
    const axis = axisFrom(view, inputs);
    return params === undefined || indices === undefined || axis === undefined
      ? undefined
      : tensors.gather(params, indices, axis);
  };

export const foldStructure: Readonly<Record<string, Fold>> = {
  Identity: first,
  // Either output is what goes in, or nothing runs there.
  Switch: first,
  RefSwitch: first,
  StopGradient: first,
  PreventGradient: first,
  Snapshot: first,
  EnsureShape: first,
  DeepCopy: first,
  OptimizationBarrier: (_, inputs, output) => inputs[output],
  IdentityN: (_, inputs, output) => inputs[output],
  LoopCond: first,
  Shape: (view) => ofShape(view.inputs[0]?.shape),
  ShapeN: (view, _, output) => ofShape(view.inputs[output]?.shape),
  Size: (view) => {
    const shape = view.inputs[0]?.shape;
    return shape === undefined ? undefined : tensors.scalar(measured(productOf(shape)));
  },
  Rank: (view) => {
    const shape = view.inputs[0]?.shape;
    return shape === undefined ? undefined : tensors.scalar(shape.length);
  },
  Pack: (view, inputs) => {
    const parts = all(inputs);
    return parts === undefined ? undefined : tensors.pack(parts, view.int('axis') ?? 0);
  },
  ConcatV2: (_, inputs) => {
    const [parts, axis] = [all(inputs.slice(0, -1)), oneNumber(inputs.at(-1))];
    return parts === undefined || axis === undefined ? undefined : tensors.concat(parts, axis);
  },
  Concat: (_, inputs) => {
    const [parts, axis] = [all(inputs.slice(1)), oneNumber(inputs[0])];
    return parts === undefined || axis === undefined ? undefined : tensors.concat(parts, axis);
  },
  ConcatOffset: (_, [axisInput, ...shapes], output) => {
    const axis = oneNumber(axisInput);
    const sizes = shapes.slice(0, output).map(tensors.numbersOf);
    const rank = shapes[0]?.atoms.length ?? 0;
    if (axis === undefined || sizes.some((size) => size === undefined)) return undefined;
    const offset = sizes.reduce((sum, size) => sum + (size?.[axis] ?? Number.NaN), 0);
    return Number.isNaN(offset) ? undefined : tensors.vector(Array.from({ length: rank }, (_, i) => (i === axis ? offset : 0)));
  },
  ExpandDims: (_, [input, axisInput]) => {
    const axis = oneNumber(axisInput);
    if (input === undefined || axis === undefined) return undefined;
    const at = tensors.axisOf(axis, input.shape.length + 1);
    if (at === undefined) return undefined;
    return { shape: [...input.shape.slice(0, at), 1, ...input.shape.slice(at)], atoms: input.atoms };
  },
  Squeeze: (view, [input]) => {
    if (input === undefined) return undefined;
    const chosen = view.ints('squeeze_dims') ?? view.ints('axis') ?? [];
    const axes = new Set(chosen.map((axis) => tensors.axisOf(axis, input.shape.length)));
    const shape = input.shape.filter((size, axis) => size !== 1 || (axes.size > 0 && !axes.has(axis)));
    return { shape, atoms: input.atoms };
  },
  Reshape: (_, [input, shape]) => {
    const wanted = tensors.numbersOf(shape);
    return input === undefined || wanted === undefined ? undefined : tensors.reshape(input, wanted);
  },
  StridedSlice: (view, inputs) => foldStridedSlice(view, inputs),
  Slice: (_, [input, begin, size]) => {
    const [from, counts] = [tensors.numbersOf(begin), tensors.numbersOf(size)];
    if (input === undefined || from === undefined || counts === undefined || from.length !== input.shape.length) return undefined;
    const whole = counts.map((count, axis) => (count === -1 ? input.shape[axis] - from[axis] : count));
    return tensors.cut(
      input,
      from,
      whole,
      whole.map(() => 1),
    );
  },
  Gather: gatherWith(() => 0),
  GatherV2: gatherWith((view, inputs) => ((view.int('batch_dims') ?? 0) === 0 ? oneNumber(inputs[2]) : undefined)),
  GatherNd: (_, [params, indices]) => {
    const places = tensors.numbersOf(indices);
    // The whole index of one element each; other forms do not hide anything that Gather would not.
    if (params === undefined || places === undefined || indices?.shape.at(-1) !== params.shape.length) return undefined;
    if (params.shape.length !== 1) return undefined;
    return tensors.gather(params, { shape: indices.shape.slice(0, -1), atoms: places }, 0);
  },
  Unpack: (view, [input], output) => {
    if (input === undefined) return undefined;
    const axis = tensors.axisOf(view.int('axis') ?? 0, input.shape.length);
    const piece = axis === undefined ? undefined : slab(input, axis, output, 1);
    return piece === undefined ? undefined : { shape: piece.shape.filter((_, i) => i !== axis), atoms: piece.atoms };
  },
  Split: (view, [axisInput, input], output) => {
    const [axis, parts] = [oneNumber(axisInput), view.int('num_split')];
    if (input === undefined || axis === undefined || parts === undefined) return undefined;
    const at = tensors.axisOf(axis, input.shape.length);
    if (at === undefined) return undefined;
    const width = input.shape[at] / parts;
    return Number.isInteger(width) ? slab(input, at, output * width, width) : undefined;
  },
  SplitV: (_, [input, sizes, axisInput], output) => {
    const [axis, counts] = [oneNumber(axisInput), tensors.numbersOf(sizes)];
    if (input === undefined || axis === undefined || counts === undefined) return undefined;
    const at = tensors.axisOf(axis, input.shape.length);
    if (at === undefined || output >= counts.length) return undefined;
    const rest = input.shape[at] - counts.reduce((sum, count) => sum + Math.max(count, 0), 0);
    const widths = counts.map((count) => (count === -1 ? rest : count));
    const start = widths.slice(0, output).reduce((sum, width) => sum + width, 0);
    return slab(input, at, start, widths[output]);
  },
  Transpose: (_, [input, order]) => {
    const axes = tensors.numbersOf(order);
    return input === undefined || axes === undefined ? undefined : tensors.transpose(input, axes);
  },
  ReverseV2: (_, [input, axisInput]) => {
    const axes = tensors.numbersOf(axisInput);
    return input === undefined || axes === undefined ? undefined : tensors.reverse(input, axes);
  },
  Reverse: (_, [input, flags]) => {
    const turned = tensors.numbersOf(flags);
    if (input === undefined || turned === undefined) return undefined;
    return tensors.reverse(
      input,
      turned.flatMap((flag, axis) => (flag === 0 ? [] : [axis])),
    );
  },
  Where: (_, [condition]) => {
    const flags = tensors.numbersOf(condition);
    if (condition === undefined || flags === undefined || condition.shape.length !== 1) return undefined;
    const places = flags.flatMap((flag, at) => (flag === 0 ? [] : [at]));
    return { shape: [places.length, 1], atoms: places };
  },
  DynamicStitch: stitch,
  ParallelDynamicStitch: stitch,
  TensorScatterUpdate: (_, [input, indices, updates]) => {
    const places = tensors.numbersOf(indices);
    // Of a vector, one element each.
    if (input?.shape.length !== 1 || updates?.shape.length !== 1 || places?.length !== updates.atoms.length) return undefined;
    const atoms = [...input.atoms];
    for (const [i, place] of places.entries()) {
      if (!(place >= 0 && place < atoms.length)) return undefined;
      atoms[place] = updates.atoms[i];
    }
    return { shape: input.shape, atoms };
  },
  Tile: (_, [input, times]) => {
    const counts = tensors.numbersOf(times);
    return input === undefined || counts === undefined ? undefined : tensors.tile(input, counts);
  },
  Fill: (_, [dims, value]) => {
    const shape = tensors.numbersOf(dims);
    return value === undefined || shape === undefined ? undefined : tensors.broadcastTo(value, shape);
  },
  BroadcastTo: (_, [input, dims]) => {
    const shape = tensors.numbersOf(dims);
    return input === undefined || shape === undefined ? undefined : tensors.broadcastTo(input, shape);
  },
};
