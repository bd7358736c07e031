// One TensorFlow with one model on it, loaded as a server would load it: the same trust, scan, jail, limits and contract. It serves nobody, and it does not count as
// having served: a rehearsal must not be what keeps an older version of a model from being served.
import type { Config, ModelConfig } from '../config/index.ts';
import type { LoadedContract } from '../contract/index.ts';
import { AirlockError, printable } from '../core/index.ts';
import type { ModelStore, Trust } from '../provenance/index.ts';
import type { PinTable } from '../runtime/index.ts';
import {
  Admission,
  assertEnforceable,
  createWorkerFactory,
  ModelCatalog,
  type ModelVersion,
  ScanGate,
  type WorkerFactory,
} from '../serving/index.ts';

/** A slot in which models can be opened; nothing runs in it before there is one. */
export interface RehearsalSlot {
  readonly tensorflow: string;
  readonly workers: WorkerFactory;
  readonly scans: ScanGate | undefined;
  close(): Promise<void>;
}

/** What signed models are judged by, and where they are staged. */
export interface RehearsalDoor {
  readonly trust: Trust;
  readonly store: ModelStore;
}

export interface OpenModel {
  /** All that the configuration wants, loaded or not; by version. */
  readonly versions: ReadonlyMap<bigint, ModelVersion>;
  /** Why versions are not there, by version; and why none is. */
  readonly refused: ReadonlyMap<bigint, AirlockError>;
  /** Where a version was loaded from. */
  directoryOf(version: bigint): string | undefined;
  close(): Promise<void>;
}

/** @throws RUNTIME_NOT_INSTALLED, RUNTIME_VERSION_UNKNOWN; ENVIRONMENT_LACKING where the jail would not hold what it must. */
export async function openSlot({ store, sandbox, scan }: Config, tensorflow: string, pins: PinTable): Promise<RehearsalSlot> {
  const workers = await createWorkerFactory({ store, tensorflow, sandbox, pins });
  const scans = scan.unsafeOff ? undefined : new ScanGate({ jail: workers.jail, config: scan, tensorflow: () => tensorflow });
  return {
    tensorflow,
    workers,
    scans,
    async close() {
      scans?.close();
      await workers.close();
    },
  };
}

/** Loads the versions of a model that the configuration asks for, and waits for them. A version that does not load is no error here. */
export async function openModelIn(
  { tensorflow, workers, scans }: RehearsalSlot,
  model: ModelConfig,
  contract: LoadedContract | undefined,
  door: RehearsalDoor | undefined,
): Promise<OpenModel> {
  assertEnforceable(workers.isolation, model.limits);
  const directories = new Map<string, string>();
  const catalog = new ModelCatalog([
    {
      name: model.name,
      baseDirectory: model.path,
      policy: model.versions,
      labels: model.labels,
      tags: model.tags,
      tensorflow: () => tensorflow,
      admission: admissionOf(model, door, contract?.digest),
      scans,
      // What is only sampled by a contract is enforced each time, so that both meet the same rules.
      contract: contract && { loaded: contract, images: workers.images, imagesTimeoutMs: model.limits.timeoutMs, draw: () => 0 },
      // Whoever rehearses says that the models are complete.
      settleMs: 0,
      createWorker: (version) => {
        directories.set(version.snapshotDigest ?? version.manifest?.identity ?? '', version.modelDirectory);
        return workers.create({ ...version, shapes: model.shapes, limits: model.limits });
      },
      onEvent: () => undefined,
    },
  ]);
  await catalog.start();
  const served = catalog.model(model.name);
  const versions = new Map(served.status({}).map((version) => [version.version, version]));
  return {
    versions,
    refused: served.refused,
    directoryOf: (version) => directories.get(versions.get(version)?.identity ?? ''),
    close: () => catalog.close(),
  };
}

function admissionOf(
  { name, trust: policy, versions, unsafeUnsigned }: ModelConfig,
  door: RehearsalDoor | undefined,
  contractDigest: string | undefined,
): Admission | undefined {
  if (policy !== undefined && door !== undefined) {
    const trust: Trust = { judge: (request) => door.trust.judge(request), recordServed: async () => undefined };
    return new Admission({ trust, store: door.store, policy, model: name, versions, contractDigest });
  }
  if (unsafeUnsigned) return undefined;
  throw new AirlockError('CONFIG_INVALID', { message: `${printable(name, 128)} has neither trust nor unsafeUnsigned: true` });
}
