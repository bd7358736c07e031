// Watches the folder of one model and says which of its versions should be served. A version that is still being copied must never
// be among them: it has to lie still, to be readable, and to have every file that it names. Nothing here loads a model, and no state
// of the disk makes the watching stop.
import { lstat, realpath } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { VersionPolicy } from '../config/index.ts';
import { AirlockError } from '../core/index.ts';
import {
  assertModelComplete,
  isSavedModelFolder,
  listModelFolder,
  readSavedModel,
  type SavedModelInfo,
  snapshotTree,
  type TreeSnapshot,
} from '../model/index.ts';
import type { AdmittedModel } from './admission.ts';
import type { ScannedVersion } from './scan-gate.ts';

export interface AspiredVersion {
  readonly version: bigint;
  /** What is loaded: the version's own folder, or the staged copy of a signed one. */
  readonly directory: string;
  readonly savedModel: SavedModelInfo;
  /** Of a signed model. */
  readonly admitted?: AdmittedModel;
  /** Of one that is read where it lies: what its files looked like when they were judged. */
  readonly snapshotDigest?: string;
  /** Undefined where scans are off. */
  readonly scanned?: ScannedVersion;
}

export interface VersionSourceOptions {
  /** Holds one folder per version, named by its number; or is itself the folder of one version. */
  readonly baseDirectory: string;
  readonly policy: VersionPolicy;
  /** Called after the first look, and then whenever the set has changed; sorted by version. */
  readonly onChange: (aspired: readonly AspiredVersion[]) => void;
  /** Called at the end of every look, when `problems` and `baseProblem` are up to date; default nothing. */
  readonly onLook?: () => void;
  /** Time between two looks; default 1000. */
  readonly pollMs?: number;
  /** How long nothing in a version's folder may have changed; default 2000. */
  readonly settleMs?: number;
  /** Names in the base folder; default 10,000. */
  readonly maxChildren?: number;
  readonly clock?: VersionClock;
  /** For a signed model; nothing of a version is read before it has passed. Default: the versions are read where they lie. */
  readonly admit?: ((version: bigint, directory: string, snapshotDigest: string) => Promise<AdmittedModel>) | undefined;
  /** Scans what will be loaded; a version that it does not let pass is not served. Default: nothing is scanned. */
  readonly scan?: ((version: bigint, directory: string, contentDigest: string) => Promise<ScannedVersion>) | undefined;
}

/** Both in milliseconds. Files carry wall-clock times; durations are measured with the clock that nobody sets. */
export interface VersionClock {
  wallMs(): number;
  monotonicMs(): number;
}

const systemClock: VersionClock = { wallMs: () => Date.now(), monotonicMs: () => performance.now() };

const maxVersion = 2n ** 63n - 1n;
/** What the machine could not do, and not what the model is. */
const passingCodes: ReadonlySet<string> = new Set(['MODEL_NOT_AVAILABLE', 'WORKER_START_FAILED', 'AUDIT_LOG_FAILED']);

interface Sighting {
  readonly folderId: string;
  readonly digest: string;
  /** When the folder was first seen as it is now. */
  readonly sinceMs: number;
  /** That it has lain still for long enough; it stays so until something in it changes. */
  readonly isSettled?: true;
  /** Set once the version was accepted; from then on it stays until its folder goes. */
  readonly accepted?: AspiredVersion;
  /** Why the folder, as it is now, cannot be served. */
  readonly refusal?: AirlockError;
}

export class VersionSource {
  readonly #options: Required<Omit<VersionSourceOptions, 'admit' | 'scan'>> & Pick<VersionSourceOptions, 'admit' | 'scan'>;
  readonly #sightings = new Map<bigint, Sighting>();
  /** When each folder was first listed; minus infinity for those that were there at the first look. */
  #listedSinceMs: ReadonlyMap<bigint, number> | undefined;
  #problems: ReadonlyMap<bigint, AirlockError> = new Map();
  #baseProblem: AirlockError | undefined;
  #aspired: readonly AspiredVersion[] | undefined;
  #timer: NodeJS.Timeout | undefined;
  #polling: Promise<void> | undefined;
  #stopped = false;

  constructor(options: VersionSourceOptions) {
    const { policy } = options;
    if (policy.kind === 'latest' && !(Number.isSafeInteger(policy.count) && policy.count > 0)) {
      throw new RangeError('the number of latest versions must be a positive integer');
    }
    this.#options = {
      pollMs: 1000,
      settleMs: 2000,
      maxChildren: 10_000,
      clock: systemClock,
      onLook: () => undefined,
      ...options,
    };
  }

  /** Why versions that the policy asks for are not in the set, or why one that is has become doubtful; by version. */
  get problems(): ReadonlyMap<bigint, AirlockError> {
    return this.#problems;
  }

  /** Why the base folder could not be looked at the last time, or undefined. The set stays as it was meanwhile. */
  get baseProblem(): AirlockError | undefined {
    return this.#baseProblem;
  }

  /** Looks once, then goes on looking until `stop`. Resolves after the first look; never rejects because of the disk. */
  async start(): Promise<void> {
    await this.poll();
    this.#schedule();
  }

  /** Ends the watching; `onChange` is not called any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#polling;
  }

  /** Looks once, now. A look that is under way is joined. */
  poll(): Promise<void> {
    this.#polling ??= this.#look().finally(() => {
      this.#polling = undefined;
    });
    return this.#polling;
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      void this.poll().then(() => this.#schedule());
    }, this.#options.pollMs);
  }

  async #look(): Promise<void> {
    if (this.#stopped) return;
    const problems = new Map<bigint, AirlockError>();
    // TensorFlow Serving keeps what it serves too when it cannot look: a file system that is away for a moment is not a decision.
    let aspired = this.#aspired ?? [];
    try {
      const directories = await this.#listVersions(problems);
      this.#noteListed(directories);
      aspired = await this.#choose(directories, problems);
      this.#problems = problems;
      this.#baseProblem = undefined;
    } catch (thrown) {
      this.#baseProblem = AirlockError.from(thrown);
      this.#listedSinceMs ??= new Map();
    }
    if (!this.#stopped) this.#tell(aspired);
  }

  #tell(aspired: readonly AspiredVersion[]): void {
    const isNew = !isSameList(this.#aspired, aspired);
    this.#aspired = aspired;
    try {
      if (isNew) this.#options.onChange(aspired);
      this.#options.onLook();
    } catch (thrown) {
      // The next look must come whatever the listener does.
      this.#baseProblem = AirlockError.from(thrown);
    }
  }

  async #listVersions(problems: Map<bigint, AirlockError>): Promise<Map<bigint, string>> {
    const configured = resolve(this.#options.baseDirectory);
    // The operator may point at a link (a deployment that switches releases); a model may not.
    const base = await realpath(configured).catch((cause: unknown) => {
      throw new AirlockError('MODEL_NOT_AVAILABLE', { message: "The model's folder is not there", detail: configured, cause });
    });
    const names = (await listModelFolder(base, '', this.#options.maxChildren)) ?? [];
    const directories = new Map<bigint, string>();
    if (isSavedModelFolder(names)) return directories.set(versionOf(basename(configured)) ?? 1n, base);
    for (const name of names) {
      const version = versionOf(name);
      const directory = join(base, name);
      if (version === undefined || problems.has(version) || !(await isFolderOrLink(directory))) continue;
      if (directories.delete(version)) {
        problems.set(version, new AirlockError('MODEL_INVALID', { message: `More than one folder has the version ${version}` }));
      } else directories.set(version, directory);
    }
    return directories;
  }

  #noteListed(directories: ReadonlyMap<bigint, string>): void {
    const nowMs = this.#listedSinceMs === undefined ? Number.NEGATIVE_INFINITY : this.#options.clock.monotonicMs();
    this.#listedSinceMs = new Map(
      Array.from(directories.keys(), (version) => [version, this.#listedSinceMs?.get(version) ?? nowMs]),
    );
  }

  async #choose(
    directories: ReadonlyMap<bigint, string>,
    problems: Map<bigint, AirlockError>,
  ): Promise<readonly AspiredVersion[]> {
    const { policy } = this.#options;
    const wanted = policy.kind === 'specific' ? new Set(policy.versions) : [...directories.keys()].sort(descending);
    const aspired: AspiredVersion[] = [];
    const looked = new Set<bigint>();
    for (const version of wanted) {
      if (policy.kind === 'latest' && aspired.length === policy.count) break;
      const directory = directories.get(version);
      if (directory === undefined) {
        if (!problems.has(version)) problems.set(version, new AirlockError('MODEL_VERSION_NOT_FOUND'));
        continue;
      }
      looked.add(version);
      const accepted = await this.#judge(version, directory, problems);
      if (accepted !== undefined) aspired.push(accepted);
    }
    for (const version of this.#sightings.keys()) {
      if (!looked.has(version)) this.#sightings.delete(version);
    }
    return aspired.sort((a, b) => descending(b.version, a.version));
  }

  /** The version if it can be served; otherwise `problems` says why not. */
  async #judge(version: bigint, directory: string, problems: Map<bigint, AirlockError>): Promise<AspiredVersion | undefined> {
    const last = this.#sightings.get(version);
    let accepted = last?.accepted;
    try {
      const snapshot = await snapshotTree(directory);
      // The same name may by now be another folder, which has to earn its place anew.
      if (snapshot.folderId !== last?.folderId) accepted = undefined;
      if (accepted !== undefined) {
        if (snapshot.digest !== last?.digest) problems.set(version, changedError());
        return accepted;
      }
      const sighting = this.#sight(version, snapshot);
      if (sighting.refusal !== undefined) throw sighting.refusal;
      const mayTrustTimes = last === undefined && this.#elapsedMs(this.#listedSinceMs?.get(version)) >= this.#options.settleMs;
      if (sighting.isSettled !== true) this.#assertSettled(sighting, mayTrustTimes, snapshot.newestChangeMs);
      const settled = { ...sighting, isSettled: true } as const;
      this.#sightings.set(version, settled);
      accepted = await this.#accept(version, directory, settled);
    } catch (thrown) {
      problems.set(version, AirlockError.from(thrown));
    }
    return accepted;
  }

  #sight(version: bigint, { folderId, digest }: TreeSnapshot): Sighting {
    const last = this.#sightings.get(version);
    if (last?.folderId === folderId && last.digest === digest) return last;
    const sighting = { folderId, digest, sinceMs: this.#options.clock.monotonicMs() };
    this.#sightings.set(version, sighting);
    return sighting;
  }

  #elapsedMs(sinceMs: number | undefined): number {
    const nowMs = this.#options.clock.monotonicMs();
    return nowMs - (sinceMs ?? nowMs);
  }

  #assertSettled(sighting: Sighting, mayTrustTimes: boolean, newestChangeMs: number): void {
    const { clock, settleMs } = this.#options;
    // The files' own times vouch for what was there at the start, so that a start does not wait, and for older versions that were
    // not looked at before. For what came while we watched only watching counts: the wall clock may jump, and the clock of a file
    // server may lag behind it.
    if (mayTrustTimes && clock.wallMs() - newestChangeMs >= settleMs) return;
    if (this.#elapsedMs(sighting.sinceMs) >= settleMs) return;
    throw new AirlockError('MODEL_INCOMPLETE', { message: `The files of the version changed less than ${settleMs} ms ago` });
  }

  async #accept(version: bigint, directory: string, sighting: Sighting): Promise<AspiredVersion> {
    // What does not pass here is not remembered here: a signature may come later and lie elsewhere, and whoever judges paces itself.
    const admitted = await this.#options.admit?.(version, directory, sighting.digest);
    try {
      const accepted = await this.#read(version, directory, admitted, sighting.digest);
      this.#sightings.set(version, { ...sighting, accepted });
      return accepted;
    } catch (thrown) {
      await admitted?.release();
      const refusal = AirlockError.from(thrown);
      // What the machine could not do now it may do at the next look, although the files stay as they are.
      if (!passingCodes.has(refusal.code)) this.#sightings.set(version, { ...sighting, refusal });
      throw refusal;
    }
  }

  async #read(
    version: bigint,
    folder: string,
    admitted: AdmittedModel | undefined,
    snapshotDigest: string,
  ): Promise<AspiredVersion> {
    const directory = admitted?.directory ?? folder;
    const savedModel = await readSavedModel(directory);
    await assertModelComplete(directory, savedModel);
    const scanned = await this.#options.scan?.(version, directory, admitted?.manifest.identity ?? snapshotDigest);
    const read = { version, directory, savedModel, ...(scanned === undefined ? {} : { scanned }) };
    if (admitted !== undefined) return { ...read, admitted };
    if ((await snapshotTree(directory)).digest !== snapshotDigest) {
      throw new AirlockError('MODEL_INCOMPLETE', { message: 'The files of the version changed while they were read' });
    }
    return { ...read, snapshotDigest };
  }
}

/** The number that a folder's name stands for (`00000123` is 123), or undefined when it is none or does not fit int64. */
function versionOf(name: string): bigint | undefined {
  if (!/^[0-9]{1,64}$/.test(name)) return undefined;
  const version = BigInt(name);
  return version <= maxVersion ? version : undefined;
}

/** A link is looked at too, so that its refusal is reported instead of its absence. */
async function isFolderOrLink(path: string): Promise<boolean> {
  const stats = await lstat(path).catch(() => undefined);
  return stats !== undefined && (stats.isDirectory() || stats.isSymbolicLink());
}

function descending(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? 1 : -1;
}

function isSameList(a: readonly AspiredVersion[] | undefined, b: readonly AspiredVersion[]): boolean {
  return a !== undefined && a.length === b.length && a.every((version, index) => version === b[index]);
}

function changedError(): AirlockError {
  return new AirlockError('MODEL_INVALID', {
    message: 'The files of the version changed after it was accepted: give a changed model a new version number',
  });
}
