// The library: what a program that embeds Airlock may use. Nothing else of the package is public.
export { type Config, configForFolder, loadConfig } from './config/index.ts';
export { AirlockError, type ErrorCode, isAirlockError, type Severity, type Violation } from './core/index.ts';
export { type AirlockServer, type ServerHooks, startServer } from './gateway/index.ts';
export type { Finding, Report, ReportedFinding } from './scan/index.ts';
export { type ScanOptions, scan } from './scanner/index.ts';
export { type Model, type OpenModelOptions, openModel, type PredictOptions } from './serving/index.ts';
export type { DType, FlatValue, NestedValue, OutputTensor, Signature, TensorSpec, TensorValue } from './tensor/index.ts';
