// Checks of constant operands against the sizes that they are used with: axes, indices, paddings, strides. Each returns what is wrong with
// one operator. It never says anything about an operand or a size that is not known.
import {
  axisOperand,
  axisOption,
  axisProblem,
  type Check,
  found,
  indexOperand,
  noneBelow,
  noZero,
  numbersAt,
  rankOf,
  rowsOperand,
} from './operand-check.ts';
import type { Operation, Problem } from './operation.ts';

/** Only integers end the process when they are divided by zero. */
function integerDivision(operation: Operation): readonly Problem[] {
  const tensor = operation.subgraph.tensors[operation.operator.inputs[1] ?? -1];
  return tensor?.type?.name.includes('INT') === true ? noZero(1, 'divisor', 'CVE-2021-37683')(operation) : [];
}

function permutation(operation: Operation): readonly Problem[] {
  const axes = numbersAt(operation, 1);
  const rank = rankOf(operation, 0);
  if (axes === undefined || rank === undefined) return [];
  const isOne = axes.length === rank && new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis))).size === rank;
  const isInside = axes.every((axis) => axis >= -rank && axis < rank);
  return found(
    isOne && isInside
      ? undefined
      : `has [${axes.slice(0, 8).join(',')}] as the order of ${rank} dimensions, which is no permutation: the kernel reads outside of the tensor`,
  );
}

function segmentIds(operation: Operation): readonly Problem[] {
  const ids = numbersAt(operation, 1) ?? [];
  const bad = ids.findIndex((id, at) => id < 0 || id < (ids[at - 1] ?? 0));
  return found(
    bad < 0
      ? undefined
      : `has segment ids that go to ${ids[bad]} after ${ids[bad - 1] ?? 'nothing'}: the kernel writes outside of its output`,
    'CVE-2020-15214',
  );
}

function reshape(operation: Operation): readonly Problem[] {
  const shape = numbersAt(operation, 1) ?? [];
  const bad = shape.find((size) => size < -1) ?? (shape.filter((size) => size === -1).length > 1 ? -1 : undefined);
  return found(
    bad === undefined
      ? undefined
      : `has the new shape [${shape.slice(0, 8).join(',')}], which has no size: the kernel multiplies it all the same`,
    'CVE-2021-29592',
    'medium',
  );
}

function topK(operation: Operation): readonly Problem[] {
  const k = numbersAt(operation, 1)?.[0];
  const size = operation.inputs[0]?.shape?.at(-1);
  if (k === undefined || (k >= 0 && (size === undefined || size < 0 || k <= size))) return [];
  return found(`asks for the first ${k} of ${size ?? 'some'} elements: the kernel reads outside of the tensor`);
}

function sliceProblem(operation: Operation): readonly Problem[] {
  const begin = numbersAt(operation, 1);
  const size = numbersAt(operation, 2);
  const shape = operation.inputs[0]?.shape;
  const at = begin?.findIndex((from, axis) => {
    const all = shape?.[axis] ?? -1;
    const count = size?.[axis] ?? -1;
    return from < 0 || count < -1 || (all >= 0 && from + Math.max(count, 0) > all);
  });
  return found(
    at === undefined || at < 0
      ? undefined
      : `takes ${size?.[at] ?? '?'} elements from ${begin?.[at]} of ${shape?.[at] ?? '?'}: the kernel reads outside of the tensor`,
  );
}

function filterChannels(operation: Operation): readonly Problem[] {
  const channels = operation.inputs[0]?.shape?.[3];
  const filter = operation.inputs[1]?.shape?.[3];
  if (channels === undefined || filter === undefined || channels <= 0 || filter <= 0 || channels % filter === 0) return [];
  return found(
    `has a filter for ${filter} channels and an input with ${channels}: the kernel reads outside of the input`,
    'CVE-2023-27579',
    'medium',
  );
}

function boundaries(operation: Operation): readonly Problem[] {
  const values = operation.operator.options?.numbers('boundaries') ?? [];
  const at = values.findIndex((value, index) => Number.isNaN(value) || value < (values[index - 1] ?? Number.NEGATIVE_INFINITY));
  return found(
    at < 0 ? undefined : `has boundaries that are not in order at ${at}: the kernel searches as if they were`,
    undefined,
    'medium',
  );
}

const reducer = axisOperand(1, 0);
const negativePadding = noneBelow(1, 0, 'padding', 'writes outside of its output');
const blocks = noneBelow(1, 1, 'block size', 'divides by it', 'CVE-2021-29597');
const gatherAxis = (operation: Operation): number => operation.option('axis');

/** By operation. */
export const operandChecks: Readonly<Record<string, Check>> = {
  CONV_2D: filterChannels,
  CONCATENATION: axisOption('axis', 0, 'CVE-2021-29601'),
  PACK: axisOption('axis', 0, undefined, 1),
  UNPACK: axisOption('axis', 0),
  ONE_HOT: axisOption('axis', 0, 'CVE-2021-29600', 1),
  GATHER: (operation) => [
    ...axisOption('axis', 0, 'CVE-2021-37687')(operation),
    ...axisOption('batchDims', 1, 'CVE-2021-37687', 1)(operation),
    ...indexOperand(1, 0, 'CVE-2021-37687', gatherAxis)(operation),
  ],
  GATHER_ND: rowsOperand(1, (operation) => operation.inputs[0]?.shape, 'CVE-2022-35937', 'reads'),
  SCATTER_ND: rowsOperand(0, (operation) => numbersAt(operation, 2), 'CVE-2022-35939', 'writes'),
  EMBEDDING_LOOKUP: indexOperand(0, 1, 'CVE-2021-29596'),
  REVERSE_SEQUENCE: (operation) => [...axisOption('seqDim', 0)(operation), ...axisOption('batchDim', 0)(operation)],
  ARG_MAX: axisOperand(1, 0, 'CVE-2021-29603'),
  ARG_MIN: axisOperand(1, 0, 'CVE-2021-29603'),
  EXPAND_DIMS: axisOperand(1, 0, 'CVE-2021-37685', 1),
  SPLIT: axisOperand(0, 1, 'CVE-2021-29599'),
  SPLIT_V: axisOperand(2, 0, 'CVE-2021-29606'),
  MEAN: reducer,
  SUM: reducer,
  REDUCE_PROD: reducer,
  REDUCE_MAX: reducer,
  REDUCE_MIN: reducer,
  REDUCE_ANY: reducer,
  REDUCE_ALL: reducer,
  CUMSUM: reducer,
  REVERSE_V2: reducer,
  TRANSPOSE: permutation,
  SQUEEZE: (operation) => {
    const axes = operation.operator.options?.numbers('squeezeDims') ?? [];
    return found(axes.map((axis) => axisProblem(axis, rankOf(operation, 0))).find((problem) => problem !== undefined));
  },
  BATCH_TO_SPACE_ND: noneBelow(1, 1, 'block size', 'divides by it', 'CVE-2021-29593'),
  SPACE_TO_BATCH_ND: blocks,
  STRIDED_SLICE: noZero(3, 'stride', 'CVE-2021-37686'),
  DIV: integerDivision,
  FLOOR_DIV: integerDivision,
  FLOOR_MOD: integerDivision,
  RANGE: noZero(2, 'step'),
  SEGMENT_SUM: segmentIds,
  UNSORTED_SEGMENT_SUM: noneBelow(2, 0, 'number of segments', 'takes it for a size'),
  RESHAPE: reshape,
  TOPK_V2: topK,
  SLICE: sliceProblem,
  PAD: negativePadding,
  PADV2: negativePadding,
  MIRROR_PAD: negativePadding,
  TILE: noneBelow(1, 0, 'multiple', 'takes it for a size'),
  FILL: noneBelow(0, 0, 'size', 'takes it for a size'),
  BROADCAST_TO: noneBelow(1, 0, 'size', 'takes it for a size'),
  RESIZE_BILINEAR: noneBelow(1, 1, 'size', 'divides by it'),
  RESIZE_NEAREST_NEIGHBOR: noneBelow(1, 1, 'size', 'divides by it'),
  SPARSE_TO_DENSE: (operation) =>
    (operation.inputs[0]?.shape?.length ?? 0) === 2
      ? rowsOperand(0, (given) => numbersAt(given, 1), 'CVE-2022-35939', 'writes')(operation)
      : [],
  LOCAL_RESPONSE_NORMALIZATION: (operation) =>
    found(operation.option('radius') < 0 ? `has the radius ${operation.option('radius')}` : undefined, undefined, 'medium'),
  BUCKETIZE: boundaries,
};
