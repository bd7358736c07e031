// Makes the workers of one server in one jail on one TensorFlow slot. The slot is verified before each process is started, also before a
// restart's, because the files lie on a disk that others may write to; starts that begin together share one verification.
import { resolve } from 'node:path';
import type { SandboxConfig, WorkersConfig } from '../config/index.ts';
import { AirlockError } from '../core/index.ts';
import { type ModelChunk, readModelContent, snapshotTree } from '../model/index.ts';
import { type Manifest, verifiedContent } from '../provenance/index.ts';
import { findSlot, type PinTable, type RuntimeSlot, verifySlot } from '../runtime/index.ts';
import { type Jail, type JailFindings, openJail } from '../sandbox/index.ts';
import type { Signature } from '../tensor/index.ts';
import type { ImageSource } from './contract-guard.ts';
import { ImageDecoder } from './images/image-decoder.ts';
import { Watchdog } from './watchdog.ts';
import type { SeatWorker } from './worker-seat.ts';
import { executableMemoryFor } from './workers/executable-memory.ts';
import { defaultBudgetBytes } from './workers/machine-memory.ts';
import { MemoryBudget } from './workers/memory-budget.ts';
import { defaultModelWorkerLimits, type ModelWorkerLimits, type ModelWorkerOptions } from './workers/model-worker-options.ts';
import { VersionMemory } from './workers/version-memory.ts';
import { createVersionWorkers } from './workers/version-workers.ts';
import type { WorkersChange } from './workers/worker-pool-options.ts';

export interface WorkerFactoryOptions {
  readonly store: string;
  readonly tensorflow: string;
  readonly sandbox: SandboxConfig;
  /** The memory of all workers; factories of one server share it. Default: 80 % of the machine's or of the control group's. */
  readonly budget?: MemoryBudget;
  /** What a slot may be. Default: what Airlock comes with. */
  readonly pins?: PinTable;
  /** The process that decodes images broke, and another will be started for the next image. */
  readonly onImagesBroken?: (reason: AirlockError) => void;
}

export interface WorkerRequest {
  readonly modelDirectory: string;
  /** Of a signed model: every file is hashed once more on its way to the worker, at the first load and at each restart. */
  readonly manifest?: Manifest | undefined;
  /** Of an unsigned model: what its files looked like when they were judged; as at the first load when absent. */
  readonly snapshotDigest?: string | undefined;
  readonly tags: readonly string[];
  readonly signatures: readonly Signature[];
  /** With `compat` an input may have another shape than its signature says, and so may an output. */
  readonly shapes: 'strict' | 'compat';
  readonly limits: Partial<ModelWorkerLimits>;
  /** See ModelWorkerOptions. */
  readonly spare?: boolean | 'loaded';
  /** How many processes answer. Default one. */
  readonly workers?: WorkersConfig;
  /** More or fewer of them, and why. */
  readonly onWorkersChange?: (change: WorkersChange) => void;
  readonly onStateChange?: NonNullable<ModelWorkerOptions['onStateChange']>;
  readonly onLog?: (line: string) => void;
}

export interface WorkerFactory {
  /** What holds the workers, found by trying it. */
  readonly isolation: JailFindings;
  /** The jail of the workers, for others that must not be trusted either. */
  readonly jail: Jail;
  /** What makes clean images of those that contracts want decoded; it starts no process before there is one. */
  readonly images: ImageSource;
  /** A worker that is not started yet. @throws as `assertEnforceable`. */
  create(request: WorkerRequest): SeatWorker;
  /** To be called when all workers are closed. */
  close(): Promise<void>;
}

/**
 * What TensorFlow says at every start, before its own log level counts: informational lines, and a line about those lines. And Node
 * 20, of what `--jitless` turns off with it.
 */
const chatter = /^(I\d{4} |WARNING: All log messages before absl::InitializeLog\(\)|Warning: disabling flag --expose_wasm)/;

/** @throws ENVIRONMENT_LACKING when a limit was asked for that nothing on this machine would keep. */
export function assertEnforceable({ layers }: JailFindings, { cpuPercent }: Partial<ModelWorkerLimits>): void {
  if (cpuPercent === undefined || layers.some(({ layer, works }) => layer === 'cgroup-cpu' && works)) return;
  throw new AirlockError('ENVIRONMENT_LACKING', {
    detail:
      'limits.cpuPercent needs a cpu control group, and none is delegated to this server: see docs/sandbox.md, or leave it out',
  });
}

/** @throws RUNTIME_NOT_INSTALLED when the store has no such version; ENVIRONMENT_LACKING when the jail would not hold what it must. */
export async function createWorkerFactory({
  store,
  tensorflow,
  sandbox,
  pins,
  onImagesBroken,
  budget = new MemoryBudget({ limitBytes: defaultBudgetBytes() }),
}: WorkerFactoryOptions): Promise<WorkerFactory> {
  const found = await findSlot(store, tensorflow, undefined, pins);
  const slot = { ...found, ccPath: resolve(found.ccPath), frameworkPath: resolve(found.frameworkPath) };
  const jail = await openJail({
    readable: [slot.ccPath, slot.frameworkPath],
    ...sandbox,
  });
  const watchdog = new Watchdog(undefined, () => budget.check());
  const images = new ImageDecoder({ jail, watchdog, ...(onImagesBroken === undefined ? {} : { onBroken: onImagesBroken }) });
  return {
    isolation: jail,
    jail,
    images,
    async close() {
      await images.close();
      await jail.close();
    },
    create({ modelDirectory, manifest, snapshotDigest, tags, signatures, shapes, limits, spare = false, ...request }) {
      const { workers = { min: 1, max: 1 }, onStateChange, onLog, onWorkersChange } = request;
      assertEnforceable(jail, limits);
      const allLimits = { ...defaultModelWorkerLimits, ...limits };
      const worker: ModelWorkerOptions = {
        jail,
        watchdog,
        slot,
        content:
          manifest === undefined
            ? unchangingContent(modelDirectory, snapshotDigest)
            : () => verifiedContent(readModelContent(modelDirectory), manifest),
        tags,
        signatures: shapes === 'strict' ? signatures : signatures.map(withAnyOutputShape),
        limits,
        executableMemory: executableMemoryFor(signatures, shapes),
        spare,
        beforeStart: () => verifyShared(slot),
        onStateChange: onStateChange ?? (() => undefined),
        onLog: ({ text }) => {
          if (!chatter.test(text)) onLog?.(text);
        },
      };
      const memory = new VersionMemory(modelDirectory, allLimits.memoryMiB * 1024 * 1024);
      return createVersionWorkers({ worker, limits: allLimits, workers, budget, memory, onWorkersChange });
    },
  };
}

/** Verifications under way in this process, by library; whoever opens several models at once waits for one. */
const verifications = new Map<string, Promise<void>>();

function verifyShared(slot: RuntimeSlot): Promise<void> {
  const running = verifications.get(slot.ccPath);
  if (running !== undefined) return running;
  const verification = verifySlot(slot).finally(() => verifications.delete(slot.ccPath));
  verifications.set(slot.ccPath, verification);
  return verification;
}

/**
 * A worker gets the files that were scanned, also after a load that failed, and a restarted one those of the first load: a version is one model,
 * and a change needs a new number.
 */
function unchangingContent(directory: string, judged: string | undefined): () => AsyncIterable<ModelChunk> {
  let first = judged;
  const assertUnchanged = async (): Promise<void> => {
    const { digest } = await snapshotTree(directory);
    first ??= digest;
    if (digest !== first)
      throw new AirlockError('MODEL_INVALID', {
        message: 'The files of the version have changed since they were judged; a change needs a new version number',
      });
  };
  return async function* content() {
    await assertUnchanged();
    yield* readModelContent(directory);
    // They may have changed while they were read.
    await assertUnchanged();
  };
}

function withAnyOutputShape(signature: Signature): Signature {
  return { ...signature, outputs: signature.outputs.map((output) => ({ ...output, shape: null })) };
}
