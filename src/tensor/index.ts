// The door of tensor: data types, tensors, signatures, and the codecs for JSON and for the frames between server and worker.
// Pure TypeScript: this is where hostile bytes arrive, so nothing here may load native code.
export { type DType, type DTypeInfo, type DTypeKind, dtypeName, dtypeOfCode, dtypes } from './dtype.ts';
export { encodeFileHead, isPlainRelativeName, maxChunkBytes, maxNameBytes, readFileName } from './file-frame.ts';
export {
  bodyBytesOf,
  decodeTensor,
  encodeJsonFrame,
  encodeTensorFrame,
  type FrameHeader,
  type FrameKind,
  frameHeaderBytes,
  frameKinds,
  maxMetaBytes,
  maxRank,
  maxTraceBytes,
  type OutgoingTensor,
  readFrameHeader,
  readTensorHeads,
  type TensorFrameOptions,
  type TensorHead,
  writeFrameHeader,
  writeTensorHead,
} from './frame.ts';
export {
  type FlatValue,
  type NestedValue,
  type OutputTensor,
  type TensorValue,
  tensorFromValue,
  valueFromTensor,
} from './js-tensor.ts';
export { bfloat16Bits, bfloat16Value, halfBits, halfValue, nearestFloat32 } from './json/decimal.ts';
export { JsonWriter } from './json/json-writer.ts';
export { defaultJsonLimits, type JsonLimits } from './json/limits.ts';
export type { NarrowingRule, NumberRules } from './json/narrowing.ts';
export { PredictDecoder, type PredictDecoderOptions, type PredictRequest } from './json/predict-decoder.ts';
export { type EncodeOptions, encodePredictResponse } from './json/predict-encoder.ts';
export { type Literal, nonFiniteNumbers, PushParser } from './json/push-parser.ts';
export { duplicateKey, fieldInvalid } from './json/request-errors.ts';
export { warmUpDecoder } from './json/warm-up.ts';
export { isFloating, type NumberView, numberView } from './number-view.ts';
export { formatShape, type Signature, shapeFits, type TensorSpec } from './signature.ts';
export { byteCount, elementCount, type NumericTensor, type StringTensor, type Tensor } from './tensor.ts';
