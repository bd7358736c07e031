// The door of TFDV, for the rest of derive.
export type { ExportOptions } from './export-inputs.ts';
export { type ExportResult, exportTfdvSchema } from './export-schema.ts';
export { type ImportOptions, type ImportResult, importTfdv, type MetadataFile } from './import-schema.ts';
export { loadTfdvSchema, loadTfdvStatistics } from './load-metadata.ts';
export { type SchemaForm, serializeTfdvSchema } from './serialize-schema.ts';
export { formatTransferReport, type TransferNote, type TransferReport } from './transfer-report.ts';
