// The door of changes, for the rest of derive.
export type { BoundChange, DataUpdateOptions } from './bound-mover.ts';
export { contractContent, joinPath } from './contract-leaves.ts';
export { contractText } from './contract-text.ts';
export { type ContractChange, diffContracts, formatChanges } from './diff-contracts.ts';
export { type Measurement, type MeasureOptions, measureData } from './measure-data.ts';
export { type DataProposal, proposeFromData } from './propose-from-data.ts';
export { type PromotionLimits, type PromotionProposal, proposePromotions } from './propose-promotions.ts';
export { type ContractObservations, loadObservations } from './server-status.ts';
export { isNumeric } from './strictness.ts';
