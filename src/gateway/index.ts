// The door of gateway: the listeners that speak to clients, and the server that they belong to.
export { type AirlockServer, type ServerHooks, startServer } from './airlock-server.ts';
export { type ErrorAnswer, errorAnswer } from './error-body.ts';
export type { RefusalLine } from './refusal.ts';
export { createRestServer, type RestServerOptions } from './rest-server.ts';
export { type ModelTarget, parseModelTarget } from './rest-url.ts';
export { type ScanSummary, scanSummary } from './scan-summary.ts';
export { worseningJson } from './scan-watch.ts';
export { type StepReports, stepMetrics } from './step-metrics.ts';
