// Makes the workers of one server on one TensorFlow slot. The slot is verified before each load, also before a restart's, because the
// files lie on a disk that others may write to; loads that begin together share one verification.
import { AirlockError } from '../core/index.ts';
import { snapshotTree } from '../model/index.ts';
import { findSlot, type RuntimeSlot, verifySlot } from '../runtime/index.ts';
import type { Signature } from '../tensor/index.ts';
import { ModelWorker } from './model-worker.ts';
import type { ModelWorkerLimits } from './model-worker-options.ts';

export interface WorkerRequest {
  readonly modelDirectory: string;
  readonly tags: readonly string[];
  readonly signatures: readonly Signature[];
  /** With `compat` an input may have another shape than its signature says, and so may an output. */
  readonly shapes: 'strict' | 'compat';
  readonly limits: Partial<ModelWorkerLimits>;
  readonly onLog?: (line: string) => void;
}

export type WorkerFactory = (request: WorkerRequest) => ModelWorker;

/** What TensorFlow says at every start, before its own log level counts: informational lines, and a line about those lines. */
const chatter = /^(I\d{4} |WARNING: All log messages before absl::InitializeLog\(\))/;

/** @throws RUNTIME_NOT_INSTALLED when the store has no such version. */
export async function createWorkerFactory(store: string, tensorflow: string): Promise<WorkerFactory> {
  const slot = await findSlot(store, tensorflow);
  return ({ modelDirectory, tags, signatures, shapes, limits, onLog }) => {
    const unchanged = unchangedModel(modelDirectory);
    return new ModelWorker({
      slot,
      modelDirectory,
      tags,
      signatures: shapes === 'strict' ? signatures : signatures.map(withAnyOutputShape),
      limits,
      beforeLoad: async () => {
        await verifyShared(slot);
        await unchanged();
      },
      onLog: ({ text }) => {
        if (!chatter.test(text)) onLog?.(text);
      },
    });
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

/** A restarted worker must come back with the files of the first load: a version is one model, and a change needs a new number. */
function unchangedModel(directory: string): () => Promise<void> {
  let first: string | undefined;
  return async () => {
    const { digest } = await snapshotTree(directory);
    first ??= digest;
    if (digest !== first)
      throw new AirlockError('MODEL_INVALID', {
        message: 'The files of the version have changed since it was loaded; a change needs a new version number',
      });
  };
}

function withAnyOutputShape(signature: Signature): Signature {
  return { ...signature, outputs: signature.outputs.map((output) => ({ ...output, shape: null })) };
}
