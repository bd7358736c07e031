// The door of report: from what a scan process sends to a report with a verdict.
export { countedFindings, reachedAdvisories, severityCounts } from './counted.ts';
export { makeReport, type ReportOptions } from './make-report.ts';
export { readScanResult } from './read-result.ts';
export { loadSuppressions, type Suppressions } from './suppressions.ts';
