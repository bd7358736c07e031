// Lists of tensors (TensorArray of TensorFlow 2): what they hold, from what is written to them. A list that a loop fills has the shape of what the loop
// writes, which its own element_shape often does not say.
import {
  addDims,
  type Dim,
  joinDims,
  multiplyDims,
  type NodeView,
  shapeFromValue,
  sizeFromValue,
  unknownDim,
} from '../values/index.ts';
import type { Flow, ListContent } from './flow-types.ts';

const isWhole = (shape: readonly Dim[] | undefined): boolean =>
  shape?.every((dim) => typeof dim === 'number' || dim.upper !== undefined) ?? false;

function elementOf(view: NodeView, index: number): ListContent['element'] {
  const shape = shapeFromValue(view.inputs[index]);
  return isWhole(shape) ? shape : 'none';
}

/** Of two ways: the larger of each size. */
export function joinLists(a: ListContent | undefined, b: ListContent | undefined): ListContent | undefined {
  if (a === undefined || b === undefined) return undefined;
  const joined = { count: joinDims(a.count, b.count), element: joinElements(a.element, b.element), dtype: a.dtype };
  return a.isFull === true && b.isFull === true ? { ...joined, isFull: true } : joined;
}

function joinElements(a: ListContent['element'], b: ListContent['element']): ListContent['element'] {
  if (a === 'none') return b;
  if (b === 'none') return a;
  if (a === undefined || b === undefined || a.length !== b.length) return undefined;
  return a.map((dim, i) => joinDims(dim, b[i]));
}

/** What a list is after the operation; undefined when its output is no list. */
export function listAfter(view: NodeView, inputs: readonly Flow[]): ListContent | undefined {
  const [first] = inputs;
  const list = first?.list;
  switch (view.op) {
    case 'TensorListReserve':
      return { count: sizeFromValue(view.inputs[1]), element: elementOf(view, 0), dtype: view.type('element_dtype') };
    case 'EmptyTensorList':
      return { count: 0, element: elementOf(view, 0), dtype: view.type('element_dtype') };
    case 'TensorListFromTensor': {
      const shape = view.inputs[0]?.shape;
      if (shape === undefined) return undefined;
      return { count: shape[0] ?? 0, element: shape.slice(1), dtype: view.inputs[0]?.dtype, isFull: true };
    }
    case 'TensorListSetItem':
      return written(list, inputs[2], list?.count);
    case 'TensorListPushBack':
      return written(list, inputs[1], list === undefined ? undefined : addDims(list.count, 1));
    case 'TensorListResize':
      return list === undefined ? undefined : { count: sizeFromValue(view.inputs[1]), element: list.element, dtype: list.dtype };
    default:
      return list;
  }
}

function written(list: ListContent | undefined, item: Flow | undefined, count: Dim | undefined): ListContent | undefined {
  if (list === undefined || item === undefined || count === undefined) return undefined;
  const { dtype, isFull } = list;
  const element = joinElements(list.element, item.value.shape);
  return isFull === true ? { count, element, dtype, isFull } : { count, element, dtype };
}

/** Shape of a tensor that is taken from a list. */
export function shapeFromList(view: NodeView, output: number, list: ListContent | undefined): readonly Dim[] | undefined {
  if (list === undefined || list.element === undefined) return undefined;
  const element = list.element === 'none' ? shapeFromValue(view.inputs[view.op === 'TensorListGetItem' ? 2 : 1]) : list.element;
  if (element === undefined) return undefined;
  switch (view.op) {
    case 'TensorListStack':
      return [list.count, ...element];
    case 'TensorListGetItem':
      return element;
    case 'TensorListPopBack':
      return output === 1 ? element : undefined;
    case 'TensorListGather':
      return [view.inputs[1]?.shape?.[0] ?? unknownDim, ...element];
    case 'TensorListConcat':
    case 'TensorListConcatV2':
      if (output === 1) return [list.count];
      return [multiplyDims(list.count, element[0] ?? 1), ...element.slice(1)];
    default:
      return undefined;
  }
}

/** Shape of all that it holds. */
export function heldShape(list: ListContent): readonly Dim[] | undefined {
  if (list.element === 'none') return [0];
  return list.element === undefined ? undefined : [list.count, ...list.element];
}
