// Operations that write their output into the memory of an input when nobody else needs it (OpKernelContext::forward_input). TensorFlow always does so for what is
// in this table, so that a bound of memory may count on it: the input has one reader, it is a tensor of its own, and both are of one type and size.
import { bytesPerElement, formulaOf, type NodeView, type Value } from '../values/index.ts';
import type { Flow, MemoryBuffer } from './flow-types.ts';

/** Of TensorFlow 2.12 to 2.21: cwise_ops_common.h (UnaryOp, BinaryOp), relu_op.h, bias_op.cc, softmax_op.cc. */
const reusing: ReadonlySet<string> = new Set([
  ...['Abs', 'Ceil', 'Cos', 'Erf', 'Exp', 'Expm1', 'Floor', 'Log', 'Log1p', 'Neg', 'Reciprocal', 'Round', 'Rsqrt', 'Sigmoid'],
  ...['Sin', 'Sqrt', 'Square', 'Tanh', 'Add', 'AddV2', 'Sub', 'Mul', 'RealDiv', 'Maximum', 'Minimum', 'SquaredDifference'],
  ...['Relu', 'Relu6', 'LeakyRelu', 'Elu', 'Selu', 'Softplus', 'BiasAdd', 'Softmax', 'LogSoftmax'],
]);

/** What makes a tensor that may be taken over. Of convolutions and pooling that is not counted on: oneDNN takes memory for itself there that no table knows. */
const sources: ReadonlySet<string> = new Set([
  ...['MatMul', 'BatchMatMul', 'BatchMatMulV2', 'BatchMatMulV3', 'Einsum', 'Split', 'SplitV', 'ConcatV2', 'Pack', 'Cast', 'Fill'],
]);

export function isReusable(op: string): boolean {
  return reusing.has(op) || sources.has(op);
}

/** Buffers that the output may take the place of, when it turns out that nothing else reads them. */
export function reusedBy({ op }: NodeView, inputs: readonly Flow[], output: Value): readonly number[] {
  if (!reusing.has(op)) return [];
  const first = op === 'BiasAdd' ? inputs.slice(0, 1) : inputs;
  return first.flatMap((flow, index) => {
    const [buffer] = flow.buffers;
    // `x * x` holds its input twice.
    const isTwice = inputs.some((other, at) => at !== index && other.buffers.includes(buffer));
    const isSame = flow.value.dtype !== undefined && flow.value.dtype === output.dtype && bytesPerElement(output.dtype) > 0;
    return flow.buffers.length === 1 && !isTwice && isSame && isExact(flow.value) && isExact(output) ? [buffer] : [];
  });
}

/** Of two that are no larger than a formula says, one may be smaller than the other: a row that is added to each of many. */
function isExact({ shape }: Value): boolean {
  return shape?.every((dim) => formulaOf(dim)?.isExact === true) ?? false;
}

/** Buffers with those that one after another are the same memory as one. */
export function withReuse(buffers: readonly MemoryBuffer[]): readonly MemoryBuffer[] {
  /** By the index of a buffer: the one whose memory it is. */
  const merged: MemoryBuffer[] = [];
  const last = new Map<number, number>();
  const place = new Int32Array(buffers.length);
  for (const [index, buffer] of buffers.entries()) {
    const taken = buffer.reuses.find((other) => {
      const { consumers, isKept, isOwn, bytes } = buffers[other];
      const isOnly = consumers.length === 1 && consumers[0] === buffer.producer;
      return isOwn && isOnly && !isKept && bytes.key === buffer.bytes.key && last.get(place[other]) === other;
    });
    const at = taken === undefined ? merged.length : place[taken];
    const producer = taken === undefined ? buffer.producer : merged[at].producer;
    merged[at] = { ...buffer, producer };
    place[index] = at;
    last.set(at, index);
  }
  return merged;
}
