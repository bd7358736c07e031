// The door of scan for everybody but the process that scans: what a report is. The code that reads hostile models is behind engine/index.ts,
// which only that process imports.
export { type AdvisoryJudgement, judgeAdvisories } from './advisories/index.ts';
export { openOpRegistry } from './ops/index.ts';
export {
  countedFindings,
  loadSuppressions,
  makeReport,
  type ReportOptions,
  reachedAdvisories,
  readScanResult,
  type Suppressions,
  severityCounts,
} from './report/index.ts';
export { rulesById, rulesDigest, scanRules } from './rule-catalogue.ts';
export type {
  AdvisoryVerdict,
  Argument,
  Artifact,
  Category,
  ChainStep,
  Finding,
  Location,
  Report,
  ReportedFinding,
  Rule,
  ScanRequest,
  ScanResult,
  ScanVerdict,
  Trigger,
  Unreadable,
  Use,
} from './scan-types.ts';
