// The door of contract: what a model's inputs and outputs must be, read from one file, compiled once, and checked on every request. Runs in
// the server on hostile input: pure TypeScript, bounded, and never an engine that backtracks.
export type * from './contract-types.ts';
export { type BoundRule, type Finding, Findings } from './findings.ts';
export { isRuleName, type RuleName, ruleSpec, ruleTable } from './rule-table.ts';
