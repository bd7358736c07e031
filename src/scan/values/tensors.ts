// Small tensors, rearranged as TensorFlow does it: cut, joined, gathered, turned. They hold numbers, strings, or sizes known in part; nothing
// here makes more than 4,096 elements, whatever it is asked for.
import { maxConstantElements } from './tensor-proto.ts';
import type { Dim } from './value-types.ts';

export type Atom = Dim | Buffer;

export interface Tensor {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly atoms: readonly Atom[];
}

export function countOfShape(shape: readonly number[]): number {
  return shape.reduce((all, size) => all * size, 1);
}

export function scalar(atom: Atom): Tensor {
  return { shape: [], atoms: [atom] };
}

export function vector(atoms: readonly Atom[]): Tensor {
  return { shape: [atoms.length], atoms };
}

/** All elements as known numbers; undefined when one is not. */
export function numbersOf(tensor: Tensor | undefined): readonly number[] | undefined {
  if (tensor === undefined || !tensor.atoms.every((atom) => typeof atom === 'number')) return undefined;
  return tensor.atoms as readonly number[];
}

export function stringsOf(tensor: Tensor | undefined): readonly Buffer[] | undefined {
  if (tensor === undefined || !tensor.atoms.every((atom) => Buffer.isBuffer(atom))) return undefined;
  return tensor.atoms as readonly Buffer[];
}

export function axisOf(axis: number, rank: number): number | undefined {
  const at = axis < 0 ? axis + rank : axis;
  return Number.isInteger(at) && at >= 0 && at < rank ? at : undefined;
}

/** Each element of a result of this shape from the place that `from` gives; undefined when too large or out of range. */
function build(
  shape: readonly number[],
  source: readonly Atom[],
  from: (index: readonly number[]) => number,
): Tensor | undefined {
  const count = countOfShape(shape);
  if (!Number.isInteger(count) || count < 0 || count > maxConstantElements) return undefined;
  const index = shape.map(() => 0);
  const atoms: Atom[] = [];
  for (let done = 0; done < count; done++) {
    const at = from(index);
    if (!(at >= 0 && at < source.length)) return undefined;
    atoms.push(source[at]);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]++;
      if (index[axis] < shape[axis]) break;
      index[axis] = 0;
    }
  }
  return { shape, atoms };
}

function stridesOf(shape: readonly number[]): readonly number[] {
  const strides = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) strides[axis] = strides[axis + 1] * shape[axis + 1];
  return strides;
}

export function reshape(tensor: Tensor, wanted: readonly number[]): Tensor | undefined {
  const known = wanted.filter((size) => size !== -1);
  const rest = countOfShape(known);
  const shape = wanted.map((size) => (size === -1 ? tensor.atoms.length / rest : size));
  if (shape.some((size) => !Number.isInteger(size) || size < 0) || countOfShape(shape) !== tensor.atoms.length) return undefined;
  return { shape, atoms: tensor.atoms };
}

export function pack(parts: readonly Tensor[], axis: number): Tensor | undefined {
  const [first] = parts;
  if (first === undefined) return undefined;
  const at = axisOf(axis, first.shape.length + 1);
  if (at === undefined) return undefined;
  const grown = parts.map(({ shape, atoms }) => ({ shape: [...shape.slice(0, at), 1, ...shape.slice(at)], atoms }));
  return concat(grown, at);
}

export function concat(parts: readonly Tensor[], axis: number): Tensor | undefined {
  const [first] = parts;
  if (first === undefined) return undefined;
  const at = axisOf(axis, first.shape.length);
  if (at === undefined) return undefined;
  if (
    parts.some(({ shape }) => shape.length !== first.shape.length || shape.some((size, i) => i !== at && size !== first.shape[i]))
  ) {
    return undefined;
  }
  const inner = countOfShape(first.shape.slice(at + 1));
  const outer = countOfShape(first.shape.slice(0, at));
  const total = parts.reduce((sum, part) => sum + part.atoms.length, 0);
  if (total > maxConstantElements) return undefined;
  const atoms: Atom[] = [];
  for (let row = 0; row < outer; row++) {
    for (const part of parts) {
      const width = part.shape[at] * inner;
      for (let i = 0; i < width; i++) atoms.push(part.atoms[row * width + i]);
    }
  }
  return { shape: first.shape.map((size, i) => (i === at ? parts.reduce((sum, part) => sum + part.shape[at], 0) : size)), atoms };
}

export function gather(params: Tensor, indices: Tensor, axis: number): Tensor | undefined {
  const at = axisOf(axis, params.shape.length);
  const picks = numbersOf(indices);
  if (at === undefined || picks === undefined) return undefined;
  const rank = indices.shape.length;
  const strides = stridesOf(params.shape);
  const pickStrides = stridesOf(indices.shape);
  const shape = [...params.shape.slice(0, at), ...indices.shape, ...params.shape.slice(at + 1)];
  return build(shape, params.atoms, (index) => {
    let pick = 0;
    for (let i = 0; i < rank; i++) pick += index[at + i] * pickStrides[i];
    const chosen = picks[pick];
    if (!(chosen >= 0 && chosen < params.shape[at])) return -1;
    let place = chosen * strides[at];
    for (let i = 0; i < at; i++) place += index[i] * strides[i];
    for (let i = at + 1; i < params.shape.length; i++) place += index[i + rank - 1] * strides[i];
    return place;
  });
}

export function transpose(tensor: Tensor, order: readonly number[]): Tensor | undefined {
  if (order.length !== tensor.shape.length || new Set(order).size !== order.length) return undefined;
  if (order.some((axis) => axisOf(axis, order.length) === undefined)) return undefined;
  const strides = stridesOf(tensor.shape);
  return build(
    order.map((axis) => tensor.shape[axis]),
    tensor.atoms,
    (index) => order.reduce((place, axis, i) => place + index[i] * strides[axis], 0),
  );
}

export function reverse(tensor: Tensor, axes: readonly number[]): Tensor | undefined {
  const turned = new Set(axes.map((axis) => axisOf(axis, tensor.shape.length)));
  const strides = stridesOf(tensor.shape);
  return build(tensor.shape, tensor.atoms, (index) =>
    index.reduce((place, at, axis) => place + (turned.has(axis) ? tensor.shape[axis] - 1 - at : at) * strides[axis], 0),
  );
}

export function tile(tensor: Tensor, times: readonly number[]): Tensor | undefined {
  if (times.length !== tensor.shape.length) return undefined;
  const strides = stridesOf(tensor.shape);
  return build(
    tensor.shape.map((size, axis) => size * times[axis]),
    tensor.atoms,
    (index) => index.reduce((place, at, axis) => place + (at % tensor.shape[axis]) * strides[axis], 0),
  );
}

export function broadcastTo(tensor: Tensor, shape: readonly number[]): Tensor | undefined {
  const missing = shape.length - tensor.shape.length;
  if (missing < 0 || tensor.shape.some((size, axis) => size !== 1 && size !== shape[axis + missing])) return undefined;
  const strides = stridesOf(tensor.shape);
  return build(shape, tensor.atoms, (index) =>
    tensor.shape.reduce((place, size, axis) => place + (size === 1 ? 0 : index[axis + missing]) * strides[axis], 0),
  );
}

/** From `begin`, `size` elements along each axis, every `step`th. */
export function cut(
  tensor: Tensor,
  begin: readonly number[],
  size: readonly number[],
  step: readonly number[],
): Tensor | undefined {
  if (begin.length !== tensor.shape.length) return undefined;
  const strides = stridesOf(tensor.shape);
  const isOutside = size.some(
    (count, axis) => count > 0 && !(begin[axis] >= 0 && begin[axis] + (count - 1) * step[axis] < tensor.shape[axis]),
  );
  if (isOutside) return undefined;
  return build(size, tensor.atoms, (index) => index.reduce((place, at, i) => place + (begin[i] + at * step[i]) * strides[i], 0));
}
