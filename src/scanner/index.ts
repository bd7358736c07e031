// The door of scanner: has models scanned by processes of their own. The code that reads models is never imported here, only started.
export { type CostOptions, costOf, defaultTensorflow, type ScanOptions, scan } from './scan.ts';
export { type ScanModelOptions, scanModel } from './scan-model.ts';
