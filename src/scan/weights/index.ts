// The door of weights: what lies in tensors that training cannot have put there. It reads bytes and never a format.
export { findPayload, type SearchOptions } from './find-payload.ts';
export { judgeWeights, type WeightTensor } from './judge-weights.ts';
export { type Payload, type SearchBudget, searchBudget } from './payload-types.ts';
export { weightRules } from './rules.ts';
export type { SearchPiecesOptions } from './search-pieces.ts';
