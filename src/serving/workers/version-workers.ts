// Makes what answers for one version: a single supervised worker, or a pool where the configuration lets there be more, or none while nobody asks. Gives each process its
// share of the memory of all workers.
import type { WorkersConfig } from '../../config/index.ts';
import type { SeatWorker } from '../worker-seat.ts';
import type { MemoryBudget, MemoryTenant } from './memory-budget.ts';
import { ModelWorker } from './model-worker.ts';
import type { ModelWorkerLimits, ModelWorkerOptions } from './model-worker-options.ts';
import type { MemberHooks } from './pool-member.ts';
import type { VersionMemory } from './version-memory.ts';
import { WorkerPool } from './worker-pool.ts';
import type { WorkersChange } from './worker-pool-options.ts';

export interface VersionWorkersOptions {
  readonly worker: ModelWorkerOptions;
  readonly limits: Pick<ModelWorkerLimits, 'timeoutMs' | 'maxQueue'>;
  readonly workers: WorkersConfig;
  readonly budget: MemoryBudget;
  readonly memory: VersionMemory;
  readonly onWorkersChange?: ((change: WorkersChange) => void) | undefined;
}

/** Not started yet. */
export function createVersionWorkers(options: VersionWorkersOptions): SeatWorker {
  const { min, max, sleepAfterMs } = options.workers;
  return min === 1 && max === 1 && sleepAfterMs === undefined ? single(options) : pool(options);
}

/** Nothing stands between its requests and it. */
function single({ worker: given, budget, memory }: VersionWorkersOptions): ModelWorker {
  const tenant: MemoryTenant = {
    lastUsedMs: Number.POSITIVE_INFINITY,
    giveUp: (what) => {
      if (what === 'growth') return worker.giveUpGrowth();
      return what === 'spare' ? worker.giveUpSpare() : undefined;
    },
  };
  const remove = budget.add(tenant);
  const worker = new ModelWorker({
    ...given,
    reserve: async (need, withModel) => budget.reserve(tenant, await memory.estimate(), need, withModel),
    onStateChange: (state, cause) => {
      if (state === 'closed') remove();
      given.onStateChange?.(state, cause);
    },
  });
  return worker;
}

function pool({ worker: given, limits, workers, budget, memory, onWorkersChange }: VersionWorkersOptions): WorkerPool {
  let tenant: WorkerPool | undefined;
  const create = (hooks: MemberHooks): ModelWorker =>
    new ModelWorker({
      ...given,
      ...hooks,
      reserve: async (need, withModel) => budget.reserve(tenant ?? nobody, await memory.estimate(), need, withModel),
    });
  const made = new WorkerPool({
    ...workers,
    ...limits,
    create,
    onChange: onWorkersChange,
    onStateChange: (state, cause) => {
      given.onStateChange?.(state, cause);
    },
    onClosed: () => remove(),
  });
  tenant = made;
  const remove = budget.add(made);
  return made;
}

/** Before the pool is there; no process is started by then. */
const nobody: MemoryTenant = { lastUsedMs: Number.POSITIVE_INFINITY, giveUp: () => undefined };
