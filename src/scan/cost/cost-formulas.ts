// What formulas of costs are made of: numbers of elements and bytes of tensors, as sizes of which nothing is subtracted.
import {
  bytesPerElement,
  constantSize,
  type Dim,
  formulaOf,
  multiplySizes,
  type NodeView,
  type Size,
  scaleSize,
  type Value,
  withoutNegative,
} from '../values/index.ts';

export function sizeOfDim(dim: Dim | undefined): Size | undefined {
  return dim === undefined ? undefined : withoutNegative(formulaOf(dim)?.size);
}

/** Product of all sizes; undefined when one is not bounded. */
export function elementsOfShape(shape: readonly Dim[] | undefined): Size | undefined {
  if (shape === undefined) return undefined;
  let [product, isExact]: [Size | undefined, boolean] = [constantSize(1), true];
  // Most sizes are numbers, and are multiplied as such.
  let factor = 1;
  for (const dim of shape) {
    if (typeof dim === 'number' && dim >= 0) {
      factor *= dim;
      continue;
    }
    const formula = formulaOf(dim);
    isExact &&= formula?.isExact === true;
    product = multiplySizes(product, isExact ? formula?.size : sizeOfDim(dim));
    if (product === undefined) return boundedElements(shape);
  }
  product = scaleSize(product, factor);
  return product === undefined ? boundedElements(shape) : withoutNegative(product);
}

/** With each size on its own, where the product of all is too long. */
function boundedElements(shape: readonly Dim[]): Size | undefined {
  return shape.reduce<Size | undefined>((all, dim) => multiplySizes(all, sizeOfDim(dim)), constantSize(1));
}

export function elementsOf(value: Value | undefined): Size | undefined {
  return elementsOfShape(value?.shape);
}

/** Of the tensor itself; what strings hold comes on top. */
export function bytesOf(value: Value | undefined): Size | undefined {
  return scaleSize(elementsOf(value), bytesPerElement(value?.dtype));
}

export function product(...sizes: readonly (Size | undefined)[]): Size | undefined {
  return sizes.reduce(multiplySizes, constantSize(1));
}

/** One node with what it gives. */
export interface CostView extends NodeView {
  readonly outputs: readonly Value[];
}

/** What running a node once costs beside its outputs. Undefined parts are not bounded. */
export interface OpCost {
  readonly flops: Size | undefined;
  /** Memory for itself. Default none. */
  readonly scratch?: Size | undefined;
}

export type CostFunction = (view: CostView) => OpCost;
