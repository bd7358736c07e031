// Moves every model version of a server from one TensorFlow to another, one after the other, watches the new ones for a while beside the old ones, and goes back by itself
// when they are worse. Knows workers only through ModelVersion, and time only through its clock; writes nothing down.
import { AirlockError } from '../core/index.ts';
import type { RolloutCounts, RolloutEnd } from '../runtime/index.ts';
import type { ModelVersion } from './model-version.ts';
import type { TrialRules } from './trial.ts';

/** What a rollout needs of a ModelVersion. */
export type Movable = Pick<
  ModelVersion,
  'version' | 'state' | 'tensorflow' | 'keptTensorflow' | 'trial' | 'verdict' | 'moveTo' | 'goBack' | 'letGo' | 'left'
>;

export interface MovableVersion {
  readonly model: string;
  readonly version: Movable;
  /** How its new worker is tried. */
  readonly rules: Omit<TrialRules, 'refuseDrift'>;
}

export interface RolloutClock {
  nowMs(): number;
  /** Settles early when `signal` fires. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export interface RolloutOptions {
  readonly from: string;
  readonly to: string;
  /** What is served now; asked again and again, because versions come and go. */
  readonly versions: () => readonly MovableVersion[];
  /** Makes a TensorFlow the one that versions are loaded with from now on. @throws when it cannot be. */
  readonly use: (tensorflow: string) => Promise<void>;
  /** How long both are kept after all have moved; 0 for a way back, which nobody has to watch. */
  readonly observeMs: number;
  /** See TrialRules. */
  readonly refuseDrift: boolean;
  /** Why it has to stop: somebody asked for something else, or the server ends; `undefined` while it goes on. */
  readonly signal: AbortSignal;
  /** The server ends, and with it every load: what goes back waits for none. Default never. */
  readonly stop?: AbortSignal;
  readonly clock?: RolloutClock;
  readonly onProgress?: (progress: RolloutProgress) => void;
}

export interface RolloutProgress {
  readonly phase: 'moving' | 'observing' | 'going back';
  /** Versions that have moved, and all. */
  readonly moved: number;
  readonly total: number;
  /** Which one is being moved. */
  readonly model?: string | undefined;
  readonly counts: RolloutCounts;
}

/** Between two looks at the new workers, and at versions that are still loading. */
const lookMs = 250;

const systemClock: RolloutClock = {
  nowMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      signal.addEventListener('abort', end, { once: true });
    }),
};

export const noCounts: RolloutCounts = {
  requests: 0,
  failed: 0,
  saved: 0,
  compared: 0,
  drifted: 0,
  unstable: 0,
  maxAbsolute: 0,
  maxRelative: 0,
};

/** The larger one, where -1 is infinite. */
function larger(a: number, b: number): number {
  return a < 0 || b < 0 ? -1 : Math.max(a, b);
}

function sum(a: RolloutCounts, b: RolloutCounts): RolloutCounts {
  return {
    requests: a.requests + b.requests,
    failed: a.failed + b.failed,
    saved: a.saved + b.saved,
    compared: a.compared + b.compared,
    drifted: a.drifted + b.drifted,
    unstable: a.unstable + b.unstable,
    maxAbsolute: larger(a.maxAbsolute, b.maxAbsolute),
    maxRelative: larger(a.maxRelative, b.maxRelative),
  };
}

const maxTextLength = 2_000;

/** Why a rollout goes back. */
class Refusal {
  readonly outcome: 'failed' | 'rolled back' | 'cancelled';
  readonly why: string;
  readonly detail: string | undefined;

  constructor(outcome: Refusal['outcome'], why: string, detail?: string) {
    this.outcome = outcome;
    this.why = why;
    this.detail = detail?.slice(0, maxTextLength);
  }

  /** @param what what could not be moved, when it was one version. */
  static from(thrown: unknown, what = ''): Refusal {
    const { code, message, detail } = AirlockError.from(thrown);
    return new Refusal('failed', `${what}${message} (${code})`.slice(0, maxTextLength), detail);
  }
}

export class Rollout {
  readonly #options: RolloutOptions;
  readonly #clock: RolloutClock;
  #movedMs: number | undefined;
  #observedMs = 0;
  #moved = 0;

  constructor(options: RolloutOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Goes the whole way; never rejects. Afterwards one TensorFlow serves, and no worker of the other is left. */
  async run(): Promise<RolloutEnd> {
    const startMs = this.#clock.nowMs();
    let refusal: Refusal | undefined;
    try {
      refusal = await this.#move();
      this.#movedMs = this.#clock.nowMs() - startMs;
      refusal ??= await this.#observe();
    } catch (thrown) {
      refusal = Refusal.from(thrown);
    }
    const movedMs = this.#movedMs ?? this.#clock.nowMs() - startMs;
    // Before the trials end.
    const counts = this.#counts();
    if (refusal === undefined) await this.#letGo();
    else await this.#goBack();
    return {
      outcome: refusal?.outcome ?? 'completed',
      ...(refusal === undefined ? {} : { why: refusal.why }),
      ...(refusal?.detail === undefined ? {} : { detail: refusal.detail }),
      movedMs: Math.round(movedMs),
      observedMs: Math.round(this.#observedMs),
      moved: this.#moved,
      counts,
    };
  }

  async #move(): Promise<Refusal | undefined> {
    const { to, use, signal } = this.#options;
    // First, so that a version that arrives meanwhile is loaded with the new one at once.
    await use(to);
    for (;;) {
      if (signal.aborted) return this.#stopped();
      const verdict = this.#verdict();
      if (verdict !== undefined) return verdict;
      const left = this.#options.versions().filter(({ version }) => version.tensorflow !== to);
      const next = left.find(({ version }) => version.state === 'AVAILABLE');
      if (next !== undefined) {
        const failure = await this.#moveOne(next);
        if (failure !== undefined) return failure;
      } else if (left.some(({ version }) => version.state === 'START' || version.state === 'LOADING')) {
        await this.#clock.sleep(lookMs, signal);
      } else return undefined;
    }
  }

  async #moveOne({ model, version, rules }: MovableVersion): Promise<Refusal | undefined> {
    const { to, signal, refuseDrift } = this.#options;
    this.#tell('moving', model);
    try {
      await version.moveTo(to, { ...rules, refuseDrift }, signal);
      this.#moved++;
      return undefined;
    } catch (thrown) {
      if (signal.aborted) return this.#stopped();
      // Somebody took the version away meanwhile; there is nothing to move.
      if (version.state !== 'AVAILABLE') return undefined;
      return Refusal.from(thrown, `${model} version ${version.version}: `);
    } finally {
      this.#tell('moving');
    }
  }

  async #observe(): Promise<Refusal | undefined> {
    const { observeMs, signal } = this.#options;
    const startMs = this.#clock.nowMs();
    for (;;) {
      this.#observedMs = this.#clock.nowMs() - startMs;
      const verdict = this.#verdict();
      if (verdict !== undefined) return verdict;
      if (this.#observedMs >= observeMs) return undefined;
      if (signal.aborted) return this.#stopped();
      this.#tell('observing');
      await this.#clock.sleep(Math.min(lookMs, observeMs - this.#observedMs), signal);
    }
  }

  /** What speaks against one of the new workers. */
  #verdict(): Refusal | undefined {
    for (const { model, version } of this.#options.versions()) {
      const why = version.tensorflow === this.#options.to ? version.verdict : undefined;
      if (why !== undefined) return new Refusal('rolled back', `${model} version ${version.version}: ${why}`);
    }
    return undefined;
  }

  #stopped(): Refusal {
    const { reason } = this.#options.signal;
    return new Refusal('cancelled', typeof reason === 'string' ? reason : 'it was stopped');
  }

  async #letGo(): Promise<void> {
    await Promise.all(this.#options.versions().map(({ version }) => version.letGo()));
  }

  /** First all that can at once, then those that came meanwhile and have nothing to go back to. */
  async #goBack(): Promise<void> {
    const { from, use, versions, stop = new AbortController().signal } = this.#options;
    // It is open: everything ran on it.
    await use(from).catch(() => undefined);
    this.#tell('going back');
    for (const { version } of versions()) version.goBack();
    const tried = new Set<Movable>();
    while (!stop.aborted) {
      const left = versions().filter(({ version }) => version.tensorflow !== from && !tried.has(version));
      const next = left.find(({ version }) => version.state === 'AVAILABLE');
      if (next === undefined) {
        if (!left.some(({ version }) => version.state === 'START' || version.state === 'LOADING')) break;
        await this.#clock.sleep(lookMs, stop);
        continue;
      }
      const { version, rules } = next;
      tried.add(version);
      try {
        await version.moveTo(from, { ...rules, refuseDrift: false, gateMs: 0 }, stop);
        await version.letGo();
      } catch {
        // It never ran on the old one, and runs on the new one: better than not at all.
      }
    }
    await Promise.all(versions().map(({ version }) => version.left()));
  }

  #counts(): RolloutCounts {
    return this.#options.versions().reduce((all, { version }) => sum(all, version.trial?.counts ?? noCounts), noCounts);
  }

  #tell(phase: RolloutProgress['phase'], model?: string): void {
    const { to, versions, onProgress } = this.#options;
    const served = versions().filter(({ version }) => version.state !== 'END');
    const moved = served.filter(({ version }) => version.tensorflow === to).length;
    onProgress?.({ phase, moved, total: served.length, model, counts: this.#counts() });
  }
}
