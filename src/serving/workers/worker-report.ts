// What an operator may know of one worker: what holds it, as the kernel said it, and how it fares. Never a path, a process id or anything
// of a request.
import type { AirlockError, ErrorCode } from '../../core/index.ts';
import type { Attestation } from '../../sandbox/index.ts';
import type { ExecutableMemory } from './executable-memory.ts';
import type { JailedWorker } from './jailed-worker.ts';
import type { ModelWorkerState } from './model-worker-options.ts';
import type { SpareWorker } from './spare-worker.ts';

export interface WorkerReport {
  /** `asleep`: nobody asked for long, and the next request starts it. */
  readonly state: ModelWorkerState | 'asleep';
  /** Undefined before the first attestation, and where there is no jail. */
  readonly attested: Attestation | undefined;
  readonly executableMemory: {
    /** `not deniable`: the kernel cannot. */
    readonly setting: 'allowed' | 'denied' | 'not deniable';
    /** Whose word `setting` is: the kernel does not show it, and a worker says it after it has met its model. */
    readonly saidBy: 'server' | 'worker';
    readonly why: string;
  };
  readonly spare: 'off' | 'none' | 'starting' | 'ready';
  readonly restarts: number;
  readonly lastCause: ErrorCode | undefined;
  /** Undefined while no process runs. */
  readonly usage: { readonly memoryBytes: number; readonly cpuMs: number; readonly threads: number } | undefined;
}

interface WorkerFacts {
  readonly state: ModelWorkerState;
  readonly worker: JailedWorker | undefined;
  readonly executableMemory: ExecutableMemory;
  readonly spare: SpareWorker | undefined;
  readonly restarts: number;
  readonly lastCause: AirlockError | undefined;
}

export function workerReport({ state, worker, executableMemory, spare, restarts, lastCause }: WorkerFacts): WorkerReport {
  // A process that has ended is nothing that something holds.
  const live = worker?.process.isBroken === false ? worker : undefined;
  const usage = live?.usage();
  const said = live?.ready?.executableMemory;
  return {
    state,
    attested: live?.attestation,
    executableMemory: {
      setting: said ?? executableMemory.setting,
      saidBy: said === undefined ? 'server' : 'worker',
      why: executableMemory.why,
    },
    spare: spare?.state ?? 'off',
    restarts,
    lastCause: lastCause?.code,
    usage: usage && { memoryBytes: usage.memoryBytes, cpuMs: usage.cpuMs, threads: usage.threads },
  };
}
