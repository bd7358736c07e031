// What the supervisor of a worker is told, with its defaults.
import type { AirlockError } from '../../core/index.ts';
import type { ModelChunk } from '../../model/index.ts';
import type { Jail, LogLine } from '../../sandbox/index.ts';
import type { Signature } from '../../tensor/index.ts';
import type { Watchdog } from '../watchdog.ts';
import type { ExecutableMemory } from './executable-memory.ts';
import type { MemoryNeed, MemoryShare } from './memory-share.ts';
import type { StrandedRuns } from './run-pipeline.ts';
import type { WorkerCounts } from './worker-counts.ts';

export interface ModelWorkerLimits {
  /** The most that a request may take, waiting included. Default 2000. */
  readonly timeoutMs: number;
  /** How much longer than its deadline a request may run before the worker is killed. Default 500. */
  readonly graceMs: number;
  /** Threads that one operation may use. Default 1. */
  readonly intraOpThreads: number;
  /** Operations that may run at the same time; 1, the default, is much the fastest for small models. */
  readonly interOpThreads: number;
  /** Bytes that the inputs of one request may have together. Default 256 MiB. */
  readonly maxInputBytes: number;
  /** Bytes that the outputs of one request may have together. Default 64 MiB. */
  readonly maxOutputBytes: number;
  /** Requests that may wait for the worker. Default 256. */
  readonly maxQueue: number;
  /** Requests that are sent to the worker before the first is answered. Default 4. */
  readonly pipelineDepth: number;
  /** The most of them, for a model that answers in a fraction of a millisecond. Default 64. */
  readonly fastPipelineDepth: number;
  /** Default 120,000. */
  readonly loadTimeoutMs: number;
  /** Memory of the worker's own; one that takes more is ended. Default 4096. */
  readonly memoryMiB: number;
  /** Processor time that one request may take, all threads together; the watchdog looks every 50 ms. Default no limit. */
  readonly cpuMs?: number;
  /** Share of one core, 100 being a whole one; only where cgroups are delegated. Default no limit. */
  readonly cpuPercent?: number;
}

export const defaultModelWorkerLimits: ModelWorkerLimits = {
  timeoutMs: 2000,
  graceMs: 500,
  intraOpThreads: 1,
  interOpThreads: 1,
  maxInputBytes: 256 * 1024 * 1024,
  maxOutputBytes: 64 * 1024 * 1024,
  maxQueue: 256,
  pipelineDepth: 4,
  fastPipelineDepth: 64,
  loadTimeoutMs: 120_000,
  memoryMiB: 4096,
};

/**
 * new: not started. starting: the first load. ready: answers. restarting: the process ended and comes back after a pause.
 * failed: the first start failed. closing: answers what it has and takes nothing new. closed: over.
 */
export type ModelWorkerState = 'new' | 'starting' | 'ready' | 'restarting' | 'failed' | 'closing' | 'closed';

export interface ModelWorkerOptions {
  readonly jail: Jail;
  readonly watchdog: Watchdog;
  /** TensorFlow's two libraries, for example a RuntimeSlot; absolute paths. */
  readonly slot: { readonly ccPath: string; readonly frameworkPath: string };
  /** The model's files in pieces, read anew for each load; the load fails with what it throws. */
  readonly content: () => AsyncIterable<ModelChunk>;
  /** Default `serve`. */
  readonly tags?: readonly string[];
  readonly signatures: readonly Signature[];
  readonly limits?: Partial<ModelWorkerLimits>;
  /** Default allowed. */
  readonly executableMemory?: ExecutableMemory;
  /** Whether a second process waits: `true` without the model, so that a restart is fast; `loaded` with it, so that it takes over at once. Default false. */
  readonly spare?: boolean | 'loaded';
  /** Asks for a share of the memory of all workers before a process is started. @throws MEMORY_BUDGET_EXCEEDED. Default: nobody counts. */
  readonly reserve?: (need: MemoryNeed, withModel: boolean) => Promise<MemoryShare>;
  /** What `need` the process itself is; default `needed`. */
  readonly need?: MemoryNeed;
  /**
   * Takes the requests that a worker which ended had not begun. Default: a loaded spare answers them; without one they fail as those that it was at.
   */
  readonly onStranded?: (stranded: StrandedRuns) => void;
  /** Runs before each process is started, also a spare one; the start fails with what it throws. For verifying the slot. */
  readonly beforeStart?: () => Promise<void>;
  /** Counts what happens to it; default its own. */
  readonly counts?: WorkerCounts;
  /** Called again with `restarting` when more is known: how a process died, or why a restart failed. */
  readonly onStateChange?: (state: ModelWorkerState, cause: AirlockError | undefined) => void;
  /** Each line that a worker prints; printable and bounded. */
  readonly onLog?: (line: LogLine) => void;
  /** The first pause before a restart; it doubles up to `maxBackoffMs`. Defaults 100 and 30,000. */
  readonly backoffMs?: number;
  readonly maxBackoffMs?: number;
  /** The pause starts over for a worker that was available for this long. Default 30,000. */
  readonly healthyMs?: number;
  /** The file that Node runs as the worker; default the real one. */
  readonly entry?: string;
}
