// The door of serving: models, their versions, and the supervised workers that answer for them. Never loads native code; that happens
// in the worker processes only.

export { Admission, type Provenance } from './admission.ts';
export { RunScheduler } from './batching/run-scheduler.ts';
export { batchSizeBounds, type RunSchedulerEvent, type RunSchedulerReport } from './batching/run-scheduler-types.ts';
export type { ContractReport } from './contract-guard.ts';
export type { CostAdmissionReport } from './cost/cost-admission.ts';
export { calibrateCost } from './cost/cost-calibration.ts';
export type { CostLimits } from './cost/cost-limits.ts';
export type { CostReport } from './cost/cost-steps.ts';
export { type ProfiledVersion, ProfileKeeper, VersionProfile } from './cost/profile-keeper.ts';
export { examplePaths } from './element-paths.ts';
export { JsonPredict, type JsonPredictOptions } from './json-predict.ts';
export type { Adjustment } from './limits/adjustment-notices.ts';
export type { ConcurrencyReport } from './limits/concurrency-gate.ts';
export { Shares, type SharesReport } from './limits/share-limits.ts';
export { ModelCatalog } from './model-catalog.ts';
export { type ModelDoor, type ModelTrust, openModelDoor } from './model-door.ts';
export type { ModelVersion, VersionState } from './model-version.ts';
export { type Model, type OpenModelOptions, openModel, type PredictOptions } from './open-model.ts';
export { type OpenedWorker, openWorker } from './open-worker.ts';
export type { ModelContract } from './prepare-contract.ts';
export { type MovableVersion, noCounts, Rollout, type RolloutProgress } from './rollout.ts';
export { type Charge, runChecked } from './run-checked.ts';
export type { RunContext, Runner, RunPhase, WorkerRunOptions } from './runner.ts';
export { RuntimeSlots } from './runtime-slots.ts';
export { ScanGate, type ScanGateOptions, type ScannedVersion, type Whereabouts } from './scan-gate.ts';
export { ScanHistory, type Worsening } from './scan-history.ts';
export { ScanSchedule } from './scan-schedule.ts';
export type { ServedModel, ServedModelOptions, SteppedVersion, VersionChoice } from './served-model.ts';
export type { ServingEvent } from './serving-event.ts';
export { VersionSteps, type VersionStepsOptions, type VersionStepsReport } from './version-steps.ts';
export { Watchdog } from './watchdog.ts';
export { Webhook, type WebhookMessage } from './webhook.ts';
export {
  assertEnforceable,
  createWorkerFactory,
  type WorkerFactory,
  type WorkerFactoryOptions,
  type WorkerRequest,
} from './worker-factory.ts';
export { defaultBudgetBytes } from './workers/machine-memory.ts';
export { MemoryBudget, type MemoryBudgetReport } from './workers/memory-budget.ts';
export { ModelWorker } from './workers/model-worker.ts';
export {
  defaultModelWorkerLimits,
  type ModelWorkerLimits,
  type ModelWorkerOptions,
  type ModelWorkerState,
} from './workers/model-worker-options.ts';
export type { WorkerCounts } from './workers/worker-counts.ts';
export type { WorkersChange } from './workers/worker-pool-options.ts';
export type { WorkerReport } from './workers/worker-report.ts';
