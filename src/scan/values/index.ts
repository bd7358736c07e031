// The door of values: what is known about tensors before anything runs, and what a program may cost in memory and time.

// What works out costs runs through a program forwards, with the same rules for each operation.
export { bytesPerElement, typeOf } from './data-types.ts';
export {
  addDims,
  divideDims,
  formulaOf,
  joinDims,
  multiplyDims,
  productOf,
  smallerDim,
  subtractDims,
  unknownDim,
} from './dims.ts';
export { contentOf } from './fold.ts';
export { judgeLoops } from './judge-loops.ts';
export { judgeSizes } from './judge-sizes.ts';
export { elementBounds, isSameShape, joinValues, originsOf, unknownOf, unknownValue } from './lattice.ts';
export { type NodeView, placeArgs, viewOf } from './node-view.ts';
export { type OpenValues, openValues } from './open-values.ts';
export { valueRules } from './rules.ts';
export { shapeFromValue, sizeFromValue } from './shapes-creation.ts';
export {
  addSizes,
  constantOf,
  constantSize,
  coveringSize,
  divideSizes,
  evaluateSize,
  expressionOf,
  isAtLeast,
  largerSize,
  multiplySizes,
  type Size,
  type SizeValues,
  scaleSize,
  smallerSize,
  variableSize,
  withoutNegative,
  zeroSize,
} from './sizes.ts';
export { readTensorFacts } from './tensor-proto.ts';
export { numbersOf } from './tensors.ts';
export { type TransferFacts, transfer, valueOfConst, valueOfRequest } from './transfer.ts';
export type { ValueLimits } from './value-cells.ts';
export type { Constant, ContentOrigin, Dim, PartialSizes, Value, Values } from './value-types.ts';
