// How large a whole SavedModel may be before it is decoded into objects. The bytes are hostile: a file of 2 GiB could ask for 50 times
// its size in objects, and attributes that name functions that have attributes could nest without end.
import type { DecodeLimits } from './protobuf-decode.ts';

export interface GraphLimits extends DecodeLimits {
  /** Of saved_model.pb; protobuf itself ends at 2 GiB. */
  readonly maxFileBytes: number;
  readonly maxMetaGraphs: number;
  /** Nodes of the graphs and of all functions together. */
  readonly maxNodes: number;
}

/** For a command that a person runs on one model. About 2 GiB of objects at worst; a model of 100,000 nodes needs a tenth of it. */
export const defaultGraphLimits: GraphLimits = {
  maxFileBytes: 2 * 1024 ** 3 - 1,
  maxMetaGraphs: 100,
  maxNodes: 1_000_000,
  maxMessages: 6_000_000,
  maxElements: 32_000_000,
  maxDepth: 100,
  keepUnknown: true,
};
