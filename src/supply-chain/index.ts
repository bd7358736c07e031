// The door of supply-chain: what a user's own project installs as TensorFlow and Keras. Reads files and runs nothing; the server never imports it.
export { type AuditOptions, auditSupplyChain } from './audit-project.ts';
export { formatSupplyChain, type SupplyChainFormat, supplyChainFormats, textReport } from './report/index.ts';
export { type SupplyChainRule, supplyChainRules } from './rules.ts';
export type { SupplyChainReport } from './supply-chain-types.ts';
