// The door of replays, for the rest of derive.
export { type CheckOptions, checkDataset } from './check-dataset.ts';
export { type CheckReport, formatCheckReport, isBroken, type RuleReport } from './check-report.ts';
export { type CheckRequestsOptions, checkRequests } from './check-requests.ts';
