// The door of replays, for the rest of derive.
export { type CheckOptions, checkDataset } from './check-dataset.ts';
export {
  type CheckReport,
  checkFailures,
  formatCheckReport,
  isBroken,
  type RuleReport,
  type VerdictOptions,
} from './check-report.ts';
export { type CheckRequestsOptions, checkRequests } from './check-requests.ts';
