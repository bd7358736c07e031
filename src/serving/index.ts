// The door of serving: supervised workers. Never loads native code; that happens in the worker processes only.
export { ModelWorker } from './model-worker.ts';
export {
  defaultModelWorkerLimits,
  type ModelWorkerLimits,
  type ModelWorkerOptions,
  type ModelWorkerState,
} from './model-worker-options.ts';
