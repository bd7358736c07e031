// The door of native: TensorFlow's C API and the calls of the C library that it needs. The only folder that may load native code,
// and so the only one whose mistakes can corrupt memory: every call of a foreign function says why it is safe.
export type { Output } from './output-tensor.ts';
export type { ThreadOptions } from './protobuf.ts';
export { RamFiles } from './ram-files.ts';
export { rehearse } from './rehearsal.ts';
export { Session, type SessionOptions } from './session.ts';
export type { SignatureCall } from './signature-call.ts';
export { loadTensorFlow, type TensorFlowLibrary, type TensorFlowPaths } from './tensorflow-library.ts';
