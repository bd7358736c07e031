// Puts the parts of one server together from a checked configuration: the jail and the TensorFlow slot, the models, the listener. It
// decides nothing itself, and it listens before the models are loaded, so that /readyz can say so.
import { join } from 'node:path';
import type { Config, ModelConfig } from '../config/index.ts';
import { type LoadedContract, loadContract } from '../contract/index.ts';
import { AirlockError } from '../core/index.ts';
import { type ModelStore, openModelStore, openTrust, type Trust } from '../provenance/index.ts';
import type { Recorder } from '../recording/index.ts';
import { loadPins, type PinTable } from '../runtime/index.ts';
import type { JailFindings } from '../sandbox/index.ts';
import {
  Admission,
  assertEnforceable,
  createWorkerFactory,
  defaultBudgetBytes,
  MemoryBudget,
  type MemoryBudgetReport,
  ModelCatalog,
  ProfileKeeper,
  RuntimeSlots,
  type ServedModelOptions,
  type ServingEvent,
  type WorkerFactory,
  type Worsening,
} from '../serving/index.ts';
import { warmUpDecoder } from '../tensor/index.ts';
import { limitsOfNothing, ModelSteps } from './model-steps.ts';
import { postureMetrics } from './posture-metrics.ts';
import { PostureWatch } from './posture-watch.ts';
import { openRecorder, recorderMetrics } from './recorder-hook.ts';
import type { RefusalLine } from './refusal.ts';
import { createRestServer } from './rest-server.ts';
import { type RolloutStart, startRollout } from './rollout-start.ts';
import { RolloutWatch } from './rollout-watch.ts';
import { RuntimeWatch, runtimeMetrics, type SlotState } from './runtime-watch.ts';
import { scanMetrics } from './scan-metrics.ts';
import { ScanWatch } from './scan-watch.ts';
import { ServerTelemetry } from './server-telemetry.ts';
import { budgetMetrics, stepMetrics } from './step-metrics.ts';
import { catalogMetrics } from './worker-metrics.ts';

export interface AirlockServer {
  /** Base URL of the REST interface, for example `http://127.0.0.1:8501`. */
  readonly url: string;
  readonly catalog: ModelCatalog;
  /** The memory of all workers, now. */
  readonly memory: MemoryBudgetReport;
  /** What holds the workers. */
  readonly isolation: JailFindings;
  /** The TensorFlow that versions are loaded with now; undefined when its slot was taken away. */
  readonly runtime: SlotState | undefined;
  /** Settles when every model has loaded its first versions or failed to; never rejects. */
  readonly loaded: Promise<void>;
  /** Takes no new requests, finishes those in flight, stops the workers. */
  close(): Promise<void>;
}

export interface ServerHooks {
  readonly onEvent: (event: ServingEvent) => void;
  readonly onRefusal: (line: RefusalLine) => void;
  /** A line that a worker printed, printable and bounded. */
  readonly onWorkerLog?: (model: string, line: string) => void;
  /** The process that decodes images for contracts ended; the next image gets another. */
  readonly onImagesBroken?: (reason: AirlockError) => void;
  /** A version was scanned again and is worse than it was. */
  readonly onWorse?: (worse: Worsening) => void;
  /** Something beside serving does not work; for the operator. */
  readonly onTrouble?: (text: string) => void;
  /** A deadline for replacing TensorFlow that has passed, or data that is too old to tell. */
  readonly onPosture?: (text: string) => void;
  /** A step of a change of TensorFlow. */
  readonly onRollout?: (text: string) => void;
}

/** Connections that wait to be taken. Node's 511 overflow when some hundred are opened at once, and whoever connects then waits a second for the kernel to ask again. */
const backlog = 4_096;

const nothing = (): void => undefined;

/**
 * Starts a server.
 * @throws RUNTIME_OVERDUE where `runtime.whenOverdue` is `refuse`; RUNTIME_NOT_INSTALLED, RUNTIME_PINS_INVALID, LISTEN_FAILED; CONTRACT_INVALID for a contract that cannot be read; TRUST_INVALID, STORE_UNSAFE, STORE_NOT_WRITABLE for what signed models need; AUDIT_LOG_FAILED; ENVIRONMENT_LACKING when this machine cannot hold workers as it must, or cannot keep a
 * limit that was asked for. A model that does not load is an event, not an error.
 */
export async function startServer(config: Config, hooks: ServerHooks): Promise<AirlockServer> {
  const { store, runtime, sandbox } = config;
  const contracts = await loadContracts(config.models);
  const recorder = openRecorder(config, hooks.onTrouble ?? nothing);
  const chosen = startRollout(store, runtime.tensorflow);
  if (chosen.notice !== undefined) hooks.onRollout?.(chosen.notice);
  const { tensorflow } = chosen;
  const pins = await loadPins(runtime.pins);
  const { memoryMiB } = config.limits.machine;
  const budget = new MemoryBudget({ limitBytes: memoryMiB === undefined ? defaultBudgetBytes() : memoryMiB * 1024 * 1024 });
  let serving = (): string => tensorflow;
  const { onPosture = nothing, onTrouble = nothing } = hooks;
  const posture = new PostureWatch({ config, tensorflow: () => serving(), onPosture, onTrouble });
  await posture.admit();
  const door = await openServerDoor(config);
  const workers = await createWorkerFactory({
    store,
    tensorflow,
    sandbox,
    pins,
    budget,
    onImagesBroken: (reason) => hooks.onImagesBroken?.(reason),
  });
  const open = (version: string): Promise<WorkerFactory> =>
    createWorkerFactory({ store, tensorflow: version, sandbox, pins, budget });
  const slots = new RuntimeSlots({ tensorflow, base: workers, open });
  serving = () => slots.current;
  let scans: ScanWatch | undefined;
  try {
    scans = new ScanWatch({
      config,
      workers,
      tensorflow: () => slots.current,
      patchDeadline: (advisory) => posture.deadlineIfReached(advisory),
      hooks: { onWorse: hooks.onWorse ?? nothing, onTrouble: hooks.onTrouble ?? nothing, onScanned: () => posture.look() },
    });
    return await startWith(
      { workers, budget, slots, started: chosen, pins, contracts, door, scans, recorder, posture },
      config,
      hooks,
    );
  } catch (thrown) {
    await scans?.close();
    // No worker has been started.
    await workers.close();
    await door?.store.close();
    throw thrown;
  }
}

interface Parts {
  readonly workers: WorkerFactory;
  readonly budget: MemoryBudget;
  readonly slots: RuntimeSlots;
  readonly started: RolloutStart;
  readonly pins: PinTable;
  readonly contracts: Contracts;
  readonly door: ServerDoor | undefined;
  readonly scans: ScanWatch;
  readonly recorder: Recorder | undefined;
  readonly posture: PostureWatch;
}

/** What signed models are judged by, and where they are staged; shared by all of them. */
interface ServerDoor {
  readonly trust: Trust;
  readonly store: ModelStore;
}

/** Undefined where no model has to be signed: nothing is staged then. */
async function openServerDoor({ trust, models, store }: Config): Promise<ServerDoor | undefined> {
  if (trust === undefined || models.every((model) => model.trust === undefined)) return undefined;
  const opened = await openTrust(trust, { ledgerFolder: join(store, 'trust') });
  const staged = await openModelStore(join(store, 'models'));
  return { trust: opened, store: staged };
}

/** By the name of the model. */
type Contracts = ReadonlyMap<string, LoadedContract>;

/** All before anything is started: a server that runs without a contract that it was told to keep is worse than none. */
async function loadContracts(models: readonly ModelConfig[]): Promise<Contracts> {
  const contracts = new Map<string, LoadedContract>();
  for (const { name, contract } of models) if (contract !== undefined) contracts.set(name, await loadContract(contract));
  return contracts;
}

async function startWith(parts: Parts, config: Config, hooks: ServerHooks): Promise<AirlockServer> {
  const { workers, budget, slots, started, pins, door, scans, recorder, posture } = parts;
  const { models, limits, listen } = config;
  const { isolation } = workers;
  for (const model of models) assertEnforceable(isolation, model.limits);
  const { onRollout = nothing, onTrouble = nothing } = hooks;
  for (const model of models) for (const line of limitsOfNothing(model)) onTrouble(line);
  const { store, runtime } = config;
  const installed = new RuntimeWatch({ store, pins, schedule: runtime.verify, audit: scans.audit, onTrouble });
  const telemetry = await ServerTelemetry.open(config, onTrouble);
  const profiles = new ProfileKeeper(store, onTrouble);
  const shared: ModelParts = { ...parts, installed, telemetry, profiles, allSteps: [] };
  const catalog = new ModelCatalog(models.map((model) => servedModel(model, shared, hooks)));
  telemetry.add('models', () => catalogMetrics(catalog));
  telemetry.add('steps', () => stepMetrics(shared.allSteps.flatMap(({ reports }) => reports)));
  telemetry.add('memory', () => budgetMetrics(budget.report));
  telemetry.add('scans', () => scanMetrics(scans.state.scanned));
  telemetry.add('posture', () => postureMetrics(posture.state));
  telemetry.add('runtimes', () => runtimeMetrics(installed.state));
  if (recorder !== undefined) telemetry.add('recording', () => recorderMetrics(recorder.report));
  const rollout = new RolloutWatch({
    config,
    slots,
    started,
    audit: scans.audit,
    onRollout,
    onTrouble,
    onSelected: () => posture.look(),
  });
  const rest = createRestServer({
    catalog,
    isolation,
    models,
    limits,
    onRefusal: hooks.onRefusal,
    telemetry,
    scans: () => scans.state,
    recorder,
    rollout: () => rollout.state,
    posture: () => posture.state,
    installed: () => installed.state,
  });
  const { host, port } = listen.rest;
  let url: string;
  try {
    url = await rest.listen({ host, port, backlog });
  } catch (cause) {
    await rest.close();
    await telemetry.close();
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown reason';
    throw new AirlockError('LISTEN_FAILED', {
      message: `The server could not listen on ${host}:${port} (${reason}): choose another address with --listen`,
      cause,
    });
  }
  let begin = (): void => undefined;
  await installed.start(new Promise<void>((resolve) => (begin = resolve)));
  const loaded = catalog.start();
  void loaded.then(begin);
  scans.start(catalog);
  rollout.start(catalog, loaded);
  posture.start({ catalog, loaded, scanned: () => scans.state.scanned, audit: scans.audit });
  void recorder?.start();
  // After, because what was served last time is most often what is wanted now. What it cannot remove stays.
  void loaded.then(() => door?.store.collect()).catch(() => undefined);
  // While the workers load; nobody can be answered yet.
  warmUpDecoder();
  return {
    url,
    catalog,
    isolation,
    get memory() {
      return budget.report;
    },
    get runtime() {
      return installed.state.find(({ version }) => version === slots.current);
    },
    loaded,
    async close() {
      await rest.close();
      await telemetry.close();
      await recorder?.close();
      await rollout.close();
      await posture.close();
      await installed.close();
      // Nobody looks for versions any more when scans end, so that an end of the server is no refusal of a model.
      const closing = catalog.close();
      await scans.close();
      await closing;
      profiles.close();
      await slots.close();
      await door?.store.close();
    },
  };
}

interface ModelParts extends Parts {
  readonly installed: RuntimeWatch;
  readonly telemetry: ServerTelemetry;
  readonly profiles: ProfileKeeper;
  /** Takes those of each model. */
  readonly allSteps: ModelSteps[];
}

function servedModel(
  model: ModelConfig,
  { workers, slots, contracts, door, scans, posture, installed, telemetry, profiles, allSteps }: ModelParts,
  hooks: ServerHooks,
): ServedModelOptions {
  const contract = contracts.get(model.name);
  const onEvent = (event: ServingEvent): void => {
    telemetry.note(event);
    scans.record(event, event.kind === 'available' ? installed.about(slots.current) : undefined);
    if (event.kind === 'available' || event.kind === 'unloaded') posture.look();
    hooks.onEvent(event);
  };
  const steps = new ModelSteps(model, profiles, onEvent);
  allSteps.push(steps);
  return {
    admission: admissionOf(model, door, contract?.digest),
    scans: scans.gate,
    contract: contract && { loaded: contract, images: workers.images, imagesTimeoutMs: model.limits.timeoutMs },
    name: model.name,
    baseDirectory: model.path,
    policy: model.versions,
    labels: model.labels,
    tags: model.tags,
    tensorflow: () => slots.current,
    createWorker: (version) =>
      slots.create(version.tensorflow, {
        ...version,
        shapes: model.shapes,
        limits: model.limits,
        spare: model.spareWorker,
        workers: model.workers,
        onLog: (line) => hooks.onWorkerLog?.(model.name, line),
      }),
    steps: (version) => steps.of(version),
    onEvent,
  };
}

function admissionOf(
  { name, trust: policy, versions, unsafeUnsigned }: ModelConfig,
  door: ServerDoor | undefined,
  contractDigest: string | undefined,
): Admission | undefined {
  if (policy !== undefined && door !== undefined)
    return new Admission({ ...door, policy, model: name, versions, contractDigest });
  // The schema demands one of the two; a configuration that came another way must not open what it did not say.
  if (!unsafeUnsigned)
    throw new AirlockError('CONFIG_INVALID', { message: 'A model has neither trust nor unsafeUnsigned: true' });
  return undefined;
}
