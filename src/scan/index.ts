// The door of scan for everybody but the process that scans: what a report is. The code that reads hostile models is behind engine/index.ts,
// which only that process imports.
export { loadSuppressions, makeReport, type ReportOptions, readScanResult, type Suppressions } from './report/index.ts';
export { rulesById, rulesDigest, scanRules } from './rule-catalogue.ts';
export {
  type AdvisoryVerdict,
  type Argument,
  type Artifact,
  type Category,
  type ChainStep,
  compareSeverity,
  type Finding,
  type Location,
  type Report,
  type ReportedFinding,
  type Rule,
  type ScanRequest,
  type ScanResult,
  type ScanVerdict,
  type Severity,
  severities,
  type Trigger,
  type Unreadable,
} from './scan-types.ts';
