// The door of contract: what a model's inputs and outputs must be, read from one file, compiled once, and checked on every request. Runs in
// the server on hostile input: pure TypeScript, bounded, and never an engine that backtracks.
export { readWavHeader, type WavHeader } from './audio/index.ts';
export { canonicalContract, contractDigest } from './canonical.ts';
export type { ElementPath, ImageJob } from './check-types.ts';
export { compileContract } from './compiled-contract.ts';
export type {
  CheckOptions,
  CompiledContract,
  CompiledSignature,
  InputVerdict,
  OutputOptions,
  OutputVerdict,
} from './compiled-contract-types.ts';
export type * from './contract-types.ts';
export { type BoundRule, type Finding, Findings } from './findings.ts';
export { defaultAudioRules, defaultImageRules, safeImageFormats } from './image-defaults.ts';
export { type ImageHeader, pngPixelProblem, readBmpLayout, readImageHeader } from './images/index.ts';
export { contractJsonSchema } from './json-schema.ts';
export { lintContract } from './lint.ts';
export type { LintFinding } from './lint-finding.ts';
export { assertContractFits, contractDifferences } from './lint-fit.ts';
export {
  type LoadedContract,
  loadContract,
  maxContractBytes,
  type ParseContractOptions,
  parseContract,
} from './load-contract.ts';
export { isRuleName, type RuleName, ruleSpec, ruleTable } from './rule-table.ts';
export { ExampleIndex, type FeaturePlace } from './rules/example-index.ts';
export { FeatureValues as ExampleValues } from './rules/example-values.ts';
export { countGraphemes } from './rules/graphemes.ts';
export { fitsType, limitsOfFloat, nearestOf } from './rules/numeric-types.ts';
export { textClass } from './rules/text-classes.ts';
export { findInvisible } from './rules/text-invisible.ts';
export { TextScan } from './rules/text-scan.ts';
export { contractMistakes } from './schema-checks.ts';
export { completeFeature, completeOutput, completeTensor } from './schema-complete.ts';
export { formatDimExpression, parseDimExpression } from './schema-dims.ts';
export { patternMistake } from './schema-pattern.ts';
export { ruleFits, rulesSetOn } from './schema-rules-set.ts';
export { dtypeByName, dtypeShortName } from './schema-tensor.ts';
export { integerRange } from './schema-values.ts';
export { type FormatContractOptions, formatContract } from './write-contract.ts';
