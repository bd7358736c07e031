// Rehearses another TensorFlow: every model version that the configuration serves is loaded on the TensorFlow that serves and on the new one, each in its jail, the same
// requests go through both, and what comes out is compared. The outcome is a record that a promotion asks for, and a report for a person. Nothing that serves is touched.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Config, ModelConfig } from '../config/index.ts';
import { type LoadedContract, loadContract } from '../contract/index.ts';
import { AirlockError, printable } from '../core/index.ts';
import { openModelStore, openTrust } from '../provenance/index.ts';
import {
  loadPins,
  type RehearsalRecord,
  type RehearsedModel,
  rehearsalsOf,
  selectedVersion,
  writePrivateFile,
  writeRehearsal,
} from '../runtime/index.ts';
import type { ModelVersion } from '../serving/index.ts';
import { collectRequests } from './collect-requests.ts';
import { judge, worstVerdict } from './judge.ts';
import { type OpenModel, openModelIn, openSlot, type RehearsalDoor, type RehearsalSlot } from './open-side.ts';
import { rehearsalHtml } from './rehearsal-html.ts';
import type { CollectedRequests, ModelRehearsal, SideReport } from './rehearsal-types.ts';
import { type Replay, replay, timings } from './replay.ts';

export interface RehearseOptions {
  readonly config: Config;
  /** The TensorFlow to try; it must be installed. */
  readonly to: string;
  /** What it is compared with; default what serves, by the configuration and what was promoted. */
  readonly from?: string;
  /** Identities of age for recordings; default none: recordings are not used. */
  readonly identities?: readonly string[];
  /** Requests from each source for each model version. Default 500. */
  readonly maxRequests?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RehearsalProgress) => void;
}

export interface RehearsalProgress {
  readonly model: string;
  readonly version: string;
  readonly done: number;
  readonly total: number;
}

export interface Rehearsal {
  readonly record: RehearsalRecord;
  /** Absolute path of the report, in the store beside the record. */
  readonly htmlPath: string;
  readonly html: string;
  readonly models: readonly ModelRehearsal[];
  /** Models for which there was no request at all, as `name@version`; each of them is `failed`. */
  readonly withoutTraffic: readonly string[];
}

const defaultMaxRequests = 500;

/**
 * Rehearses and keeps the record and the report in the store.
 * @throws RUNTIME_NOT_INSTALLED, RUNTIME_VERSION_UNKNOWN, RUNTIME_PINS_INVALID; USAGE for a TensorFlow that would be compared with itself; CONTRACT_INVALID; TRUST_INVALID; RECORDING_INVALID
 * for recordings that the identities do not open; DATASET_INVALID for golden requests; STORE_UNSAFE, STORE_NOT_WRITABLE, DISK_FULL; ENVIRONMENT_LACKING; CANCELLED.
 */
export async function rehearse(options: RehearseOptions): Promise<Rehearsal> {
  const { config, to } = options;
  const from = options.from ?? selectedVersion(config.store, config.runtime.tensorflow);
  if (from === to)
    throw new AirlockError('USAGE', { message: `TensorFlow ${to} serves already: there is nothing to compare it with` });
  const startedAt = new Date();
  const models = await withSlots(options, from, (stage) => rehearseModels(options, stage));
  const id = `${startedAt.toISOString().replace(/[-:.]/g, '')}-${randomBytes(4).toString('hex')}`;
  const record: RehearsalRecord = {
    format: 1,
    id,
    from,
    to,
    startedAt: startedAt.toISOString(),
    endedAt: new Date().toISOString(),
    verdict: worstVerdict(models.map(({ verdict }) => verdict)),
    reasons: reasonsOf(models),
    models: models.map(rehearsedModel),
    report: `${id}.html`,
  };
  const html = rehearsalHtml(record, models);
  const folder = rehearsalsOf(config.store);
  await writePrivateFile(folder, `${id}.html`, html);
  await writeRehearsal(config.store, record);
  const withoutTraffic = models
    .filter(({ sources, old, now }) => isLoaded(old) && isLoaded(now) && Object.values(sources).every((count) => count === 0))
    .map(({ name, version }) => `${name}@${version}`);
  return { record, htmlPath: join(folder, `${id}.html`), html, models, withoutTraffic };
}

const isLoaded = ({ loadError }: SideReport): boolean => loadError === undefined;

interface Stage {
  readonly old: RehearsalSlot;
  readonly now: RehearsalSlot;
  readonly door: RehearsalDoor | undefined;
}

async function withSlots<T>({ config, to }: RehearseOptions, from: string, action: (stage: Stage) => Promise<T>): Promise<T> {
  const pins = await loadPins(config.runtime.pins);
  const opened: { close(): Promise<void> }[] = [];
  const keep = <Part extends { close(): Promise<void> }>(part: Part): Part => {
    opened.push(part);
    return part;
  };
  try {
    const door = await openDoor(config);
    if (door !== undefined) keep(door.store);
    const old = keep(await openSlot(config, from, pins));
    const now = keep(await openSlot(config, to, pins));
    return await action({ old, now, door });
  } finally {
    for (const part of opened.reverse()) await part.close();
  }
}

async function openDoor({ trust, models, store }: Config): Promise<RehearsalDoor | undefined> {
  if (trust === undefined || models.every((model) => model.trust === undefined)) return undefined;
  return {
    trust: await openTrust(trust, { ledgerFolder: join(store, 'trust') }),
    store: await openModelStore(join(store, 'models')),
  };
}

/** One model after the other: two workers of each are enough for a machine that serves at the same time. */
async function rehearseModels(options: RehearseOptions, stage: Stage): Promise<readonly ModelRehearsal[]> {
  const rehearsed: ModelRehearsal[] = [];
  for (const model of options.config.models) {
    const contract = model.contract === undefined ? undefined : await loadContract(model.contract);
    rehearsed.push(...(await rehearseModel(options, stage, model, contract)));
  }
  return rehearsed;
}

async function rehearseModel(
  options: RehearseOptions,
  { old: oldSlot, now: nowSlot, door }: Stage,
  model: ModelConfig,
  contract: LoadedContract | undefined,
): Promise<readonly ModelRehearsal[]> {
  const old = await openModelIn(oldSlot, model, contract, door);
  try {
    const now = await openModelIn(nowSlot, model, contract, door);
    try {
      const rehearsed: ModelRehearsal[] = [];
      for (const version of versionsOf(old, now)) {
        if (options.signal?.aborted === true) throw new AirlockError('CANCELLED');
        const sides: Sides = { old, now, version, from: oldSlot.tensorflow, to: nowSlot.tensorflow };
        rehearsed.push(await rehearseVersion(options, model, sides));
      }
      return rehearsed.length > 0 ? rehearsed : [nothingThere(model, old, now, oldSlot.tensorflow, nowSlot.tensorflow)];
    } finally {
      await now.close();
    }
  } finally {
    await old.close();
  }
}

function versionsOf(...sides: readonly OpenModel[]): readonly bigint[] {
  const versions = new Set(sides.flatMap(({ versions: loaded }) => [...loaded.keys()]));
  return [...versions].sort((a, b) => (a < b ? -1 : 1));
}

interface Sides {
  readonly old: OpenModel;
  readonly now: OpenModel;
  readonly version: bigint;
  readonly from: string;
  readonly to: string;
}

async function rehearseVersion(options: RehearseOptions, model: ModelConfig, sides: Sides): Promise<ModelRehearsal> {
  const { old, now, version, from, to } = sides;
  const oldVersion = old.versions.get(version);
  const nowVersion = now.versions.get(version);
  let collected: CollectedRequests = { requests: [], notes: [] };
  let replayed: Replay = { answered: 0, endings: [], outputs: [], oldTimes: timings([]), nowTimes: timings([]), notes: [] };
  const isSameModel = oldVersion?.identity === nowVersion?.identity;
  if (isServing(oldVersion) && isServing(nowVersion) && isSameModel) {
    collected = await collectRequests(oldVersion, {
      model,
      directory: old.directoryOf(version),
      recordings: { store: options.config.store, identities: options.identities ?? [] },
      limit: options.maxRequests ?? defaultMaxRequests,
    });
    const { requests } = collected;
    const progress = { model: model.name, version: String(version), total: requests.length };
    let done = 0;
    options.onProgress?.({ ...progress, done });
    replayed = await replay({
      old: oldVersion,
      now: nowVersion,
      requests,
      tolerance: model.rehearsal.tolerance,
      signal: options.signal,
      onRequest: () => options.onProgress?.({ ...progress, done: ++done }),
    });
  }
  const oldSide = sideReport(from, oldVersion, old.refused.get(version), replayed.oldTimes);
  // Somebody wrote into the folder between the two loads: what would be compared are two models.
  const changed =
    isServing(oldVersion) && isServing(nowVersion) && !isSameModel
      ? new AirlockError('MODEL_TAMPERED', { message: `Its files changed after they were loaded on ${from}` })
      : undefined;
  const nowSide = sideReport(
    to,
    changed === undefined ? nowVersion : undefined,
    changed ?? now.refused.get(version),
    replayed.nowTimes,
  );
  const { answered, endings, outputs } = replayed;
  const sourceCount = (source: string) => collected.requests.filter((request) => request.source === source).length;
  return {
    name: model.name,
    version: String(version),
    identity: (oldVersion ?? nowVersion)?.identity ?? '',
    ...judge({ answered, endings, outputs, old: oldSide, now: nowSide }, model.rehearsal),
    notes: [...collected.notes, ...replayed.notes],
    sources: {
      golden: sourceCount('golden'),
      recorded: sourceCount('recorded'),
      warmup: sourceCount('warmup'),
      generated: sourceCount('generated'),
    },
    answered,
    endings,
    outputs,
    old: oldSide,
    now: nowSide,
  };
}

function isServing(version: ModelVersion | undefined): version is ModelVersion {
  return version?.state === 'AVAILABLE';
}

function sideReport(
  tensorflow: string,
  version: ModelVersion | undefined,
  refused: AirlockError | undefined,
  times: SideReport['times'],
): SideReport {
  const error =
    version?.state === 'AVAILABLE' ? undefined : (version?.error ?? refused ?? new AirlockError('MODEL_NOT_AVAILABLE'));
  return {
    tensorflow,
    loadError: error && { code: error.code, message: printable(error.message, 500) },
    times,
    memoryBytes: version?.workerReport.usage?.memoryBytes,
    restarts: version?.workerReport.restarts ?? 0,
  };
}

/** A model of which no version could be opened on either side. */
function nothingThere(model: ModelConfig, old: OpenModel, now: OpenModel, from: string, to: string): ModelRehearsal {
  const why = (side: OpenModel): AirlockError | undefined => [...side.refused.values()].at(0);
  const none = { golden: 0, recorded: 0, warmup: 0, generated: 0 };
  const empty = { answered: 0, endings: [], outputs: [] };
  const sides = {
    old: sideReport(from, undefined, why(old), timings([])),
    now: sideReport(to, undefined, why(now), timings([])),
  };
  const judged = judge({ ...empty, ...sides }, model.rehearsal);
  return { name: model.name, version: '0', identity: '', ...judged, notes: [], sources: none, ...empty, ...sides };
}

const maxReasons = 900;

function reasonsOf(models: readonly ModelRehearsal[]): readonly string[] {
  const reasons = models.flatMap(({ name, version, reasons: own }) =>
    own.map((reason) => printable(`${name} version ${version}: ${reason}`, 1_000)),
  );
  if (models.length === 0) return ['the configuration serves no model'];
  return reasons.length <= maxReasons ? reasons : [...reasons.slice(0, maxReasons), `and ${reasons.length - maxReasons} more`];
}

function rehearsedModel({ name, version, identity, verdict, answered, outputs }: ModelRehearsal): RehearsedModel {
  const most = (pick: (output: (typeof outputs)[number]) => number): number =>
    outputs.some(({ nonFiniteChanges }) => nonFiniteChanges > 0) ? -1 : Math.max(0, ...outputs.map(pick));
  return {
    name,
    version,
    // A model that was never opened has none.
    identity: identity === '' ? 'unknown' : identity,
    verdict,
    requests: answered,
    maxAbsolute: most(({ maxAbsolute }) => maxAbsolute),
    maxRelative: most(({ maxRelative }) => maxRelative),
    classFlips: outputs.reduce((sum, { classFlips }) => sum + classFlips, 0),
  };
}
