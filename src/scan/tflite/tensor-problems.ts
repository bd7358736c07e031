// What is wrong with the inside of a tensor of strings or of a sparse tensor, in words. It reads tables of offsets, never the content.
import type { Table } from './table.ts';
import { contentOf, type TfliteModel, type TfliteTensor } from './tflite-model.ts';

/** Offsets of strings that are looked at in one tensor. */
const maxStrings = 1_000_000;

/** A string tensor is a count, that many offsets and one more for the end, then the characters. */
export function stringProblem(model: TfliteModel, tensor: TfliteTensor): string | undefined {
  const content = contentOf(model, tensor);
  if (content === undefined) return undefined;
  const { bytes } = model;
  if (content.sizeBytes < 4) return `its buffer has ${content.sizeBytes} bytes, too few for their number`;
  const count = bytes.i32(content.offset);
  if (count < 0 || 4 + (count + 1) * 4 > content.sizeBytes) {
    return `their number is ${count}, for which a buffer of ${content.sizeBytes} bytes is too short: readers leave the buffer`;
  }
  const elements = tensor.shape.reduce((product, size) => product * size, 1);
  if (tensor.shape.length > 0 && elements !== count) return `there are ${count} for ${elements} elements of the shape`;
  let previous = 4 + (count + 1) * 4;
  for (let index = 0; index <= Math.min(count, maxStrings); index++) {
    const at = bytes.i32(content.offset + 4 + index * 4);
    if (at < previous || at > content.sizeBytes) {
      return `string ${index} begins at byte ${at} of ${content.sizeBytes}: readers leave the buffer`;
    }
    previous = at;
  }
  return undefined;
}

function dimensionProblem(dimension: Table): string | undefined {
  if (dimension.number('format') === 0) {
    const size = dimension.number('denseSize');
    return size <= 0 ? `has ${size} dense elements` : undefined;
  }
  const segments = dimension.union('arraySegments')?.numbers('values');
  const indices = dimension.union('arrayIndices')?.numbers('values');
  if (segments === undefined || indices === undefined)
    return 'is compressed without segments and indices: a null pointer is followed';
  let previous = 0;
  for (const segment of segments) {
    if (segment < previous) return `has segments that go back to ${segment}`;
    previous = segment;
  }
  if (previous > indices.length) return `has segments up to ${previous} and ${indices.length} indices: a reader leaves the list`;
  return indices.some((index) => index < 0) ? 'has a negative index' : undefined;
}

/** Undefined for a tensor that is not sparse, too. */
export function sparsityProblem(tensor: TfliteTensor): string | undefined {
  const { sparsity } = tensor;
  if (sparsity === undefined) return undefined;
  const order = sparsity.numbers('traversalOrder') ?? [];
  const blocks = sparsity.numbers('blockMap') ?? [];
  const dimensions = sparsity.tables('dimMetadata');
  const rank = tensor.shape.length;
  if (order.length !== dimensions.length) return `has ${order.length} dimensions to traverse and ${dimensions.length} described`;
  if (order.length !== rank + blocks.length) {
    return `traverses ${order.length} dimensions, and there are ${rank} and ${blocks.length} of blocks`;
  }
  if (new Set(order).size !== order.length || order.some((at) => at < 0 || at >= order.length)) {
    return `its traversal order [${order.slice(0, 16).join(',')}] is no permutation`;
  }
  if (blocks.some((at) => at < 0 || at >= rank)) {
    return `its blocks [${blocks.slice(0, 16).join(',')}] are of dimensions that it has not`;
  }
  for (const [index, dimension] of dimensions.entries()) {
    const problem = dimensionProblem(dimension);
    if (problem !== undefined) return `dimension ${index} ${problem}`;
  }
  return undefined;
}
