// The worker of one model for who measures the model: the same trust, scan, jail and limits as when it is opened for use, and nothing between the caller and the worker.
import { selectMetaGraph } from '../model/index.ts';
import { defaultVersion } from '../runtime/index.ts';
import type { Signature, Tensor } from '../tensor/index.ts';
import { findVersion, type OpenModelOptions, openDoor, scansOf } from './open-model.ts';
import { callableOf } from './prepare-contract.ts';
import type { WorkerRunOptions } from './runner.ts';
import { createWorkerFactory } from './worker-factory.ts';
import type { SeatWorker } from './worker-seat.ts';

export interface OpenedWorker {
  readonly version: bigint;
  /** Those that can be called, in the order of `run`. */
  readonly signatures: readonly Signature[];
  /** For what watches it. */
  readonly worker: SeatWorker;
  /** See ModelWorker.run. */
  run(signatureIndex: number, inputs: readonly Tensor[], options?: WorkerRunOptions): Promise<readonly Tensor[]>;
  close(): Promise<void>;
}

/** `contract`, `nonFinite` and `jsonLimits` mean nothing here. @throws as `openModel`. */
export async function openWorker(options: OpenModelOptions): Promise<OpenedWorker> {
  const door = await openDoor(options, undefined);
  try {
    const workers = await createWorkerFactory({
      store: options.store ?? '.airlock',
      tensorflow: options.tensorflow ?? defaultVersion,
      sandbox: options.sandbox ?? { require: 'process' },
    });
    try {
      const found = await findVersion(options.path, door?.admission, scansOf(options, workers));
      const metaGraph = selectMetaGraph(found.savedModel, options.tags ?? ['serve']);
      const signatures = callableOf(metaGraph, undefined);
      const worker = workers.create({
        modelDirectory: found.directory,
        manifest: found.admitted?.manifest,
        snapshotDigest: found.snapshotDigest,
        tags: metaGraph.tags,
        signatures,
        shapes: options.shapes ?? 'strict',
        limits: options.limits ?? {},
      });
      const close = async (): Promise<void> => {
        await worker.close();
        await workers.close();
        await found.admitted?.release();
        await door?.close();
      };
      try {
        await worker.start();
      } catch (thrown) {
        await worker.close();
        await found.admitted?.release();
        throw thrown;
      }
      return {
        version: found.version,
        signatures,
        worker,
        run: (index, inputs, asked) => worker.run(index, inputs, asked),
        close,
      };
    } catch (thrown) {
      await workers.close();
      throw thrown;
    }
  } catch (thrown) {
    await door?.close();
    throw thrown;
  }
}
