// The door of TFDV, for the rest of derive.
export type { ExportOptions } from './export-inputs.ts';
export { type ExportResult, exportTfdvSchema } from './export-schema.ts';
export { exportTfdvStatistics, type StatisticsResult } from './export-statistics.ts';
export { type ImportOptions, type ImportResult, importTfdv, type MetadataFile } from './import-schema.ts';
export { loadTfdvSchema, loadTfdvStatistics } from './load-metadata.ts';
export { type MetadataForm, serializeTfdvSchema, serializeTfdvStatistics } from './serialize-metadata.ts';
export { formatTransferReport, type TransferNote, type TransferReport } from './transfer-report.ts';
