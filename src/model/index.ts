// The door of model: what a SavedModel offers and whether it is whole, read without TensorFlow. Pure TypeScript: a model's files are
// hostile bytes, and this folder runs in the server.
export { assertModelComplete } from './completeness.ts';
export { extendCrc32c, maskCrc32c, maskedCrc32c } from './crc32c.ts';
export {
  contractNodeName,
  type EmbeddedContract,
  formatEmbeddedContract,
  parseEmbeddedContract,
  readEmbeddedContract,
} from './embedded-contract.ts';
export { ExamplesDecoder, type ExamplesRequest } from './examples-decoder.ts';
export {
  type AttrEntry,
  AttrEntrySchema,
  type AttrValue,
  AttrValueSchema,
  type FunctionDef,
  FunctionDefSchema,
  FunctionSpec_JitCompile,
  type GraphDef,
  GraphDefSchema,
  type NameAttrList,
  type NodeDef,
  NodeDefSchema,
  type OpDef_ArgDef,
  type TensorProto,
  TensorProtoSchema,
  type WholeMetaGraph,
  type WholeSavedModel,
  WholeSavedModelSchema,
} from './gen/tensorflow/graph_pb.ts';
export { DataType, type TensorShapeProto } from './gen/tensorflow/types_pb.ts';
export { defaultGraphLimits, type GraphLimits } from './graph-limits.ts';
export type { MetaGraphInfo } from './meta-graph.ts';
export { isReadByTensorFlow, type ModelChunk, readModelContent } from './model-content.ts';
export { listModelFolder, type ModelFile, openModelFile, readModelFile } from './model-files.ts';
export { decodeMessage } from './protobuf-decode.ts';
export {
  defaultSavedModelLimits,
  isSavedModelFolder,
  readSavedModel,
  type SavedModelInfo,
  type SavedModelLimits,
  selectMetaGraph,
} from './saved-model.ts';
export { readSortedTable, type TableEntry } from './sorted-table.ts';
export { parseTextFormat } from './text-format.ts';
export { TextTokens } from './text-tokens.ts';
export { maxModelEntries, snapshotTree, type TreeEntry, type TreeSnapshot, walkTree } from './tree-snapshot.ts';
export { parseWholeModel, readWholeModel, writeWholeModel } from './whole-model.ts';
