// One model for a program that embeds Airlock: opened once, called many times, in a worker process of its own as in the server.

import { type BatchingConfig, defaultScanConfig, modelNameOf, type SandboxConfig } from '../config/index.ts';
import { type LoadedContract, loadContract } from '../contract/index.ts';
import { AirlockError, printable, type Severity, violationError } from '../core/index.ts';
import { type MetaGraphInfo, readSavedModel, selectMetaGraph } from '../model/index.ts';
import { defaultVersion } from '../runtime/index.ts';
import {
  defaultJsonLimits,
  formatShape,
  type JsonLimits,
  type OutputTensor,
  type Signature,
  shapeFits,
  type Tensor,
  type TensorValue,
  tensorFromValue,
  valueFromTensor,
} from '../tensor/index.ts';
import type { Admission } from './admission.ts';
import { type CostLimits, noCostLimits } from './cost/cost-limits.ts';
import { inputPaths } from './element-paths.ts';
import { JsonPredict } from './json-predict.ts';
import { type ModelDoor, type ModelTrust, newest, openModelDoor } from './model-door.ts';
import { ModelVersion } from './model-version.ts';
import { callableOf, prepareContract } from './prepare-contract.ts';
import { runChecked } from './run-checked.ts';
import { ScanGate } from './scan-gate.ts';
import { type AspiredVersion, VersionSource } from './version-source.ts';
import { VersionSteps } from './version-steps.ts';
import { createWorkerFactory, type WorkerFactory } from './worker-factory.ts';
import { defaultModelWorkerLimits, type ModelWorkerLimits } from './workers/model-worker-options.ts';

const defaultStore = '.airlock';

export interface OpenModelOptions {
  /** A SavedModel, or a folder of versions, of which the newest is opened. It is looked at once; later versions are not picked up. */
  readonly path: string;
  /** Which MetaGraph; default `['serve']`. */
  readonly tags?: readonly string[];
  /** Where the TensorFlow runtimes and staged models are; default `.airlock`. */
  readonly store?: string;
  /** Who must have signed the model. One of this and `unsafeUnsigned` must be given. */
  readonly trust?: ModelTrust;
  /** `true`: anybody's bytes are loaded. */
  readonly unsafeUnsigned?: boolean;
  /** From which severity on a finding of the scan refuses the model; default `high`. */
  readonly refuseAt?: Severity;
  /** `true`: the model is loaded without being scanned. */
  readonly unsafeUnscanned?: boolean;
  /** An installed TensorFlow; default 2.21.0. */
  readonly tensorflow?: string;
  /** `strict`, the default, demands the signature's shapes; `compat` takes any. */
  readonly shapes?: 'strict' | 'compat';
  /** A file with the contract of the model; docs/contracts.md. Default none. */
  readonly contract?: string;
  /** Whether NaN and the infinities may be in inputs and outputs; default `refuse`. */
  readonly nonFinite?: 'refuse' | 'allow';
  /**
   * What must hold the worker, as in airlock.yaml; default `{ require: 'process' }`. `{ unsafeLevel: … }` holds the
   * worker by no more than that level.
   */
  readonly sandbox?: SandboxConfig;
  /** Of the worker; defaults as in airlock.yaml: 2 s per request, one thread, 64 MiB of outputs, 4096 MiB of memory. */
  readonly limits?: Partial<ModelWorkerLimits>;
  /** What one request may cost, as in airlock.yaml (docs/cost.md); default no limit but the worker's memory. Only of a model that was scanned. */
  readonly costLimits?: Partial<CostLimits>;
  /** Runs calls together that come at the same time, as in airlock.yaml (docs/batching.md). Default each by itself. */
  readonly batching?: Partial<BatchingConfig>;
  /** Of `predictJson`; defaults as in airlock.yaml. */
  readonly jsonLimits?: Partial<JsonLimits>;
}

export interface PredictOptions {
  /** Default `serving_default`. */
  readonly signature?: string;
}

/** A model that is loaded. `close` it, or its worker keeps the program alive. */
export interface Model {
  readonly version: bigint;
  readonly signatures: readonly Signature[];
  /**
   * Runs a signature on all its inputs by name and gives all its outputs by name.
   * @throws INPUT_MISSING, INPUT_UNKNOWN, TENSOR_… for the input; CONTRACT_VIOLATION, IMAGE_UNDECODABLE, MODEL_OUTPUT_REFUSED; TENSORFLOW_…, DEADLINE_EXCEEDED, WORKER_…, MODEL_NOT_AVAILABLE.
   */
  predict(inputs: Readonly<Record<string, TensorValue>>, options?: PredictOptions): Promise<Record<string, OutputTensor>>;
  /** The same for the body of a REST predict request; gives the body of the answer. */
  predictJson(body: Uint8Array): Promise<Buffer>;
  close(): Promise<void>;
}

/**
 * Opens a model in a worker of its own.
 * @throws RUNTIME_NOT_INSTALLED, RUNTIME_SLOT_INVALID, MODEL_INVALID, MODEL_INCOMPLETE, MODEL_FORMAT_UNSUPPORTED, MODEL_LOAD_FAILED;
 * CONTRACT_INVALID, CONTRACT_MISMATCH for the contract; SCAN_REFUSED, SCAN_INCOMPLETE; what `Admission.admit` throws for a model that is not signed as it must be; USAGE; ENVIRONMENT_LACKING when this machine cannot hold the worker as it must be.
 */
export async function openModel(options: OpenModelOptions): Promise<Model> {
  const contract = options.contract === undefined ? undefined : await loadContract(options.contract);
  const door = await openDoor(options, contract?.digest);
  try {
    const workers = await createWorkerFactory({
      store: options.store ?? defaultStore,
      tensorflow: options.tensorflow ?? defaultVersion,
      sandbox: options.sandbox ?? { require: 'process' },
    });
    try {
      const found = await findVersion(options.path, door?.admission, scansOf(options, workers));
      const metaGraph = selectMetaGraph(found.savedModel, options.tags ?? ['serve']);
      const model = await openWith(workers, { ...found, metaGraph, contract }, options, door);
      await door?.admission.collect().catch(() => undefined);
      return model;
    } catch (thrown) {
      await workers.close();
      throw thrown;
    }
  } catch (thrown) {
    await door?.close();
    throw thrown;
  }
}

/** Undefined for a model that may be unsigned. @throws USAGE when neither is said, or both are. */
export async function openDoor(options: OpenModelOptions, contractDigest: string | undefined): Promise<ModelDoor | undefined> {
  const { trust, unsafeUnsigned = false, path, store = defaultStore } = options;
  if (unsafeUnsigned !== (trust === undefined)) {
    throw new AirlockError('USAGE', {
      message: 'Say who must have signed the model with trust, or unsafeUnsigned: true for one that nobody has to have signed',
    });
  }
  return trust && openModelDoor({ trust, path, store, contractDigest });
}

export function scansOf(
  { unsafeUnscanned = false, refuseAt, tensorflow, store = defaultStore }: OpenModelOptions,
  { jail }: WorkerFactory,
): ScanGate | undefined {
  if (unsafeUnscanned) return undefined;
  const config = { ...defaultScanConfig, ...(refuseAt === undefined ? {} : { refuseAt }) };
  return new ScanGate({ jail, config, tensorflow: () => tensorflow ?? defaultVersion, store });
}

interface FoundModel extends AspiredVersion {
  readonly metaGraph: MetaGraphInfo;
  readonly contract: LoadedContract | undefined;
}

/** What it throws it throws when no worker runs any more. */
async function openWith(
  workers: WorkerFactory,
  { version: number, directory, metaGraph, contract, admitted, snapshotDigest, scanned }: FoundModel,
  options: OpenModelOptions,
  door: ModelDoor | undefined,
): Promise<Model> {
  const callable = callableOf(metaGraph, contract);
  const worker = workers.create({
    modelDirectory: directory,
    manifest: admitted?.manifest,
    snapshotDigest,
    tags: metaGraph.tags,
    signatures: callable,
    shapes: options.shapes ?? 'strict',
    limits: options.limits ?? {},
  });
  const imagesTimeoutMs = options.limits?.timeoutMs ?? defaultModelWorkerLimits.timeoutMs;
  const prepare =
    contract && (() => prepareContract({ loaded: contract, images: workers.images, imagesTimeoutMs }, directory, metaGraph));
  const limits = { ...defaultModelWorkerLimits, ...options.limits };
  const { batching } = options;
  const steps = new VersionSteps({
    config: {
      shapes: options.shapes ?? 'strict',
      limits: { ...noCostLimits, ...limits, ...options.costLimits },
      ...(batching === undefined ? {} : { batching: { maxRows: 32, maxDelayMs: 2, ...batching } }),
    },
    cost: scanned?.cost,
    signatures: callable,
    modelMemoryBytes: () => version.workerReport.usage?.memoryBytes,
  });
  const version = new ModelVersion(number, metaGraph, worker, callable, { prepareContract: prepare, admitted, steps });
  if (!(await version.load())) {
    await version.unload();
    throw version.error ?? new AirlockError('MODEL_LOAD_FAILED');
  }
  return createModel(version, options, async () => {
    await version.unload();
    await workers.close();
    await admitted?.release();
    await door?.close();
  });
}

/** The newest version below `path`, as it is now. */
export async function findVersion(
  path: string,
  admission: Admission | undefined,
  scans: ScanGate | undefined,
): Promise<AspiredVersion> {
  let aspired: readonly AspiredVersion[] = [];
  const source = new VersionSource({
    baseDirectory: path,
    policy: newest,
    // Whoever opens a model by hand says that it is complete.
    settleMs: 0,
    onChange: (versions) => {
      aspired = versions;
    },
    scan:
      scans &&
      ((version, directory, contentDigest) => scans.admit({ model: modelNameOf(path), version, directory, contentDigest })),
    admit: admission && ((version, directory, digest) => admission.admit(version, directory, digest)),
  });
  await source.poll();
  await source.stop();
  const [found] = aspired;
  if (found !== undefined) return found;
  const [problem] = source.problems.values();
  throw source.baseProblem ?? problem ?? (await noVersionError(path));
}

/** A folder of another format is called by its name; it has no SavedModel either, but that would not help anybody. */
async function noVersionError(path: string): Promise<AirlockError> {
  try {
    await readSavedModel(path);
  } catch (thrown) {
    const error = AirlockError.from(thrown);
    if (error.code === 'MODEL_FORMAT_UNSUPPORTED') return error;
  }
  return new AirlockError('MODEL_INVALID', { message: 'The folder holds no SavedModel and no version of one', detail: path });
}

function createModel(version: ModelVersion, options: OpenModelOptions, close: () => Promise<void>): Model {
  const shapes = options.shapes ?? 'strict';
  const allowNonFinite = options.nonFinite === 'allow';
  const { contract } = version;
  const given = { ...defaultJsonLimits, ...options.jsonLimits };
  const limits = contract?.limits(given) ?? given;
  return {
    version: version.version,
    signatures: version.metaGraph.signatures,
    async predict(inputs, { signature: name = 'serving_default' } = {}) {
      const signature = version.signature(name);
      const check = contract?.open();
      const takes = (index: number, value: number) => allowNonFinite || check?.judges(signature, index, value) === true;
      const tensors = toTensors(signature, inputs, shapes, takes);
      const paths = () => inputPaths(signature.inputs, tensors);
      const outputs = await runChecked(version, check, { signature, tensors, paths });
      return Object.fromEntries(signature.outputs.map((spec, index) => [spec.alias, valueFromTensor(outputs[index])]));
    },
    async predictJson(body) {
      const predict = new JsonPredict(version, { limits, sizeHint: body.length, shapes, allowNonFinite });
      predict.decoder.push(body);
      return predict.answer();
    },
    close,
  };
}

function toTensors(
  signature: Signature,
  inputs: Readonly<Record<string, TensorValue>>,
  shapes: 'strict' | 'compat',
  takesNonFinite: (index: number, value: number) => boolean,
): Tensor[] {
  const names = signature.inputs.map((spec) => spec.alias);
  for (const given of Object.keys(inputs)) {
    if (!names.includes(given))
      throw violationError('INPUT_UNKNOWN', {
        path: printable(given),
        rule: 'input',
        expected: names.join(', '),
        got: printable(given),
      });
  }
  return signature.inputs.map((spec, index) => {
    if (!Object.hasOwn(inputs, spec.alias))
      throw violationError('INPUT_MISSING', { path: spec.alias, rule: 'input', expected: names.join(', '), got: 'nothing' });
    const tensor = tensorFromValue(spec, inputs[spec.alias], { takesNonFinite: (value) => takesNonFinite(index, value) });
    if (shapes === 'strict' && !shapeFits(spec.shape, tensor.shape)) {
      throw violationError('TENSOR_SHAPE_MISMATCH', {
        path: spec.alias,
        rule: 'shape',
        expected: formatShape(spec.shape),
        got: formatShape(tensor.shape),
      });
    }
    return tensor;
  });
}
