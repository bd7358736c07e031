// Follows what the store says about which TensorFlow should serve: looks once a second, has every model version moved when somebody asked for it, and writes down what came
// of it. It asks for nothing itself except the way back from what does not hold.
import type { AuditLog } from '../audit/index.ts';
import type { Config } from '../config/index.ts';
import { AirlockError, ownerMark } from '../core/index.ts';
import {
  assertRehearsed,
  changeSelection,
  chosenVersion,
  type RolloutEnd,
  readSelection,
  recordEnded,
  type Selection,
  type ServedIdentity,
  type ServingNote,
  writeServingNote,
} from '../runtime/index.ts';
import {
  type ModelVersion,
  type MovableVersion,
  noCounts,
  Rollout,
  type RolloutProgress,
  type RuntimeSlots,
} from '../serving/index.ts';
import { goneBackFrom, type RolloutStart, rolloutTrouble } from './rollout-start.ts';

/** What is needed of a ModelCatalog. */
export interface WatchedCatalog {
  readonly models: readonly {
    readonly name: string;
    status(all: object): readonly (MovableVersion['version'] & Pick<ModelVersion, 'identity'>)[];
  }[];
}

export interface RolloutWatchOptions {
  readonly config: Pick<Config, 'store' | 'runtime' | 'models'>;
  readonly slots: Pick<RuntimeSlots, 'current' | 'open' | 'use' | 'release'>;
  readonly audit: Pick<AuditLog, 'append'>;
  /** What `startRollout` found. */
  readonly started: RolloutStart;
  /** A step of a change, for the log. */
  readonly onRollout: (text: string) => void;
  readonly onTrouble: (text: string) => void;
  /** Another TensorFlow serves from now on. */
  readonly onSelected?: (tensorflow: string) => void;
  /** Between two looks at the store. Default 1000. */
  readonly pollMs?: number;
}

/** For the status of the server. */
export interface RolloutState {
  /** What versions are loaded with. */
  readonly tensorflow: string;
  readonly configured: string;
  /** The other slot that must stay installed. */
  readonly kept: string | undefined;
  readonly running: ({ readonly id: string; readonly from: string; readonly to: string } & RolloutProgress) | undefined;
  readonly last: ({ readonly id: string; readonly from: string; readonly to: string } & RolloutEnd) | undefined;
}

/** The end of the server is no decision about a change: the next one goes on with it. */
const stopping = 'the server stops';

interface Running {
  readonly selection: Selection;
  readonly from: string;
  readonly abort: AbortController;
  progress: RolloutProgress;
  ended: Promise<void>;
}

export class RolloutWatch {
  readonly #options: RolloutWatchOptions;
  #catalog: WatchedCatalog | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  #running: Running | undefined;
  #last: RolloutState['last'];
  #selection: Selection | undefined;
  /** What was dealt with: a change and the way back from it have one id. */
  #handled = '';
  #noted = '';
  #trouble = '';
  #closed = false;
  readonly #stop = new AbortController();

  /** @param options `slots.current` is what `startRollout` gave. */
  constructor(options: RolloutWatchOptions) {
    this.#options = options;
  }

  /** From now on the store is followed; nothing moves before `loaded` has settled. */
  start(catalog: WatchedCatalog, loaded: Promise<void>): void {
    this.#catalog = catalog;
    const { ended } = this.#options.started;
    if (ended !== undefined) this.#record('runtime change ended', ended);
    void loaded.then(() => this.#schedule(0));
  }

  /** Stops a change that is under way; what served before it serves then. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#stop.abort();
    this.#running?.abort.abort(stopping);
    await this.#looking;
    await this.#running?.ended;
  }

  get state(): RolloutState {
    const { slots, config } = this.#options;
    const running = this.#running;
    return {
      tensorflow: slots.current,
      configured: config.runtime.tensorflow,
      kept: chosenVersion(this.#selection, config.runtime.tensorflow, slots.current).kept,
      running: running && {
        id: running.selection.id,
        from: running.from,
        to: running.selection.version,
        ...running.progress,
      },
      last: this.#last,
    };
  }

  #schedule(ms: number): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().finally(() => this.#schedule(this.#options.pollMs ?? 1_000));
    }, ms);
    this.#timer.unref();
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    try {
      await this.#follow(readSelection(this.#options.config.store));
      this.#note();
      this.#trouble = '';
    } catch (thrown) {
      const text = rolloutTrouble(thrown);
      // Once, not once a second.
      if (text !== this.#trouble) this.#options.onTrouble(text);
      this.#trouble = text;
    }
  }

  async #follow(selection: Selection | undefined): Promise<void> {
    const { slots, config } = this.#options;
    this.#selection = selection;
    if (selection === undefined || selection.configured !== config.runtime.tensorflow) return;
    const key = `${selection.id} ${selection.kind}`;
    if (key === this.#handled) return;
    this.#handled = key;
    if (this.#running !== undefined) {
      this.#running.abort.abort(`TensorFlow ${selection.version} was asked for`);
      await this.#running.ended;
    }
    if (this.#closed) return;
    if (selection.version === slots.current) {
      if (selection.state !== 'done')
        this.#end(selection, slots.current, { outcome: 'completed', movedMs: 0, observedMs: 0, moved: 0, counts: noCounts });
      return;
    }
    const running: Running = {
      selection,
      from: slots.current,
      abort: new AbortController(),
      progress: { phase: 'moving', moved: 0, total: 0, counts: noCounts },
      ended: Promise.resolve(),
    };
    this.#running = running;
    running.ended = this.#run(running)
      .catch((thrown: unknown) => this.#options.onTrouble(rolloutTrouble(thrown)))
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #run(running: Running): Promise<void> {
    const { slots, onSelected, onRollout } = this.#options;
    const { selection, from } = running;
    const { version: to, kind, by, reason } = selection;
    let end: RolloutEnd;
    try {
      if (kind === 'promote') this.#assertRehearsed(selection, from);
      this.#markBegun(selection);
      this.#record('runtime change begun', { id: selection.id, kind, from, to, by, ...(reason === undefined ? {} : { reason }) });
      onRollout(`moving from TensorFlow ${from} to ${to}: ${kind === 'promote' ? 'promoted' : 'rolled back'} by ${by}`);
      end = await this.#rollout(running).run();
    } catch (thrown) {
      const { code, message, detail } = AirlockError.from(thrown);
      const why = { why: `${message} (${code})`, ...(detail === undefined ? {} : { detail: detail.slice(0, 2_000) }) };
      end = { outcome: 'failed', ...why, movedMs: 0, observedMs: 0, moved: 0, counts: noCounts };
    }
    this.#end(selection, from, end);
    onSelected?.(slots.current);
    const unused = slots.current === to ? from : to;
    // One that could not be moved back still runs in its jail.
    if (!this.#versions().some(({ version }) => version.state !== 'END' && version.tensorflow === unused))
      await slots.release(unused);
  }

  /** @throws for a promotion that cannot be marked: the next start would try it again, also where it was what ended this server. A way back is tried all the same. */
  #markBegun(selection: Selection): void {
    const begun = (now: Selection): Selection | undefined =>
      now.state === 'pending' ? { ...now, state: 'moving', owner: ownerMark() } : undefined;
    if (selection.kind === 'rollback') this.#change(selection, begun);
    else this.#changeOrThrow(selection, begun);
  }

  #rollout(running: Running): Rollout {
    const { slots, config } = this.#options;
    const { selection, from, abort } = running;
    const isWayBack = selection.kind === 'rollback';
    return new Rollout({
      from,
      to: selection.version,
      versions: () => this.#versions(),
      use: async (tensorflow) => {
        await slots.open(tensorflow);
        slots.use(tensorflow);
      },
      observeMs: isWayBack ? 0 : config.runtime.rollout.observeMs,
      // Who goes back wants other answers than he gets; who accepted a change knows of it.
      refuseDrift: !isWayBack && selection.verdict !== 'changed',
      signal: abort.signal,
      stop: this.#stop.signal,
      onProgress: (progress) => {
        running.progress = progress;
      },
    });
  }

  #versions(): MovableVersion[] {
    const { config } = this.#options;
    const { mirrorPercent, maxFailedPercent } = config.runtime.rollout;
    return (this.#catalog?.models ?? []).flatMap((model) => {
      const { rehearsal, limits } = config.models.find(({ name }) => name === model.name) ?? {};
      return model.status({}).map((version) => ({
        model: model.name,
        version,
        rules: {
          tolerance: rehearsal?.tolerance ?? { absolute: 1e-5, relative: 1e-4 },
          mirrorPercent,
          maxFailedPercent,
          timeoutMs: limits?.timeoutMs ?? 0,
        },
      }));
    });
  }

  #served(): ServedIdentity[] {
    return (this.#catalog?.models ?? []).flatMap((model) =>
      model
        .status({})
        .filter(({ state }) => state === 'AVAILABLE')
        .map(({ version, identity }) => ({ name: model.name, version: String(version), identity })),
    );
  }

  /** Once more, on what is served now: who promoted may have looked at an older note, or at none. */
  #assertRehearsed({ verdict, version, accepted }: Selection, from: string): void {
    if (verdict === 'unrehearsed') return;
    assertRehearsed(this.#options.config.store, {
      from,
      to: version,
      served: this.#served(),
      acceptChanges: verdict === 'changed' && accepted !== undefined,
    });
  }

  #end(selection: Selection, from: string, end: RolloutEnd): void {
    const { config, onRollout, onTrouble } = this.#options;
    const { id, version: to, kind } = selection;
    if (end.outcome === 'cancelled' && end.why === stopping) {
      // The next start goes on with it, unless another server is at it or has done it.
      this.#change(selection, ({ owner, ...now }) =>
        now.state === 'moving' && owner === ownerMark() ? { ...now, state: 'pending' } : undefined,
      );
      return;
    }
    this.#last = { id, from, to, ...end };
    try {
      // First: whoever sees that it has ended may ask for the next change at once, by what the note says.
      this.#note();
    } catch (thrown) {
      onTrouble(rolloutTrouble(thrown));
    }
    // Another server went back from it: what that one said of the change is what came of it, and it is not asked for once more.
    const isFollowing = kind === 'rollback' && selection.state === 'done';
    const written = isFollowing ? undefined : this.#change(selection, (now) => settled(now, end));
    const isOverruled = written?.id === id && written.kind !== kind;
    try {
      if (!isFollowing && !isOverruled) recordEnded(config.store, id, end);
    } catch (thrown) {
      onTrouble(rolloutTrouble(thrown));
    }
    const { outcome, why, detail, movedMs, observedMs, moved, counts } = end;
    const more = detail === undefined ? {} : { detail };
    const about = { id, kind, from, to, outcome, ...(why === undefined ? {} : { why: why.slice(0, 2_000) }), ...more };
    this.#record('runtime change ended', { ...about, movedMs, observedMs, moved, ...counts });
    const seen = `${counts.requests} requests, ${counts.failed} failed (${counts.saved} answered by the old workers), ${counts.drifted} of ${counts.compared} answers differ`;
    onRollout(
      outcome === 'completed'
        ? `TensorFlow ${to} serves; ${moved} model versions moved in ${Math.round(movedMs)} ms; ${seen}`
        : `TensorFlow ${from} serves: the change to ${to} ${outcome === 'failed' ? 'failed' : `was ${outcome}`}: ${why ?? ''}${detail === undefined ? '' : `: ${detail}`}; ${seen}`,
    );
  }

  /** As `#changeOrThrow`; undefined when it cannot be written, which is said. */
  #change(expected: Selection, change: (now: Selection) => Selection | undefined): Selection | undefined {
    try {
      return this.#changeOrThrow(expected, change);
    } catch (thrown) {
      this.#options.onTrouble(rolloutTrouble(thrown));
      return undefined;
    }
  }

  /** Changes the selection if it is still the one that this is about, and gives what was there before. */
  #changeOrThrow(expected: Selection, change: (now: Selection) => Selection | undefined): Selection | undefined {
    let seen: Selection | undefined;
    let mine: Selection | undefined;
    this.#selection = changeSelection(this.#options.config.store, (now) => {
      seen = now;
      mine = now?.id === expected.id && now.kind === expected.kind ? change(now) : undefined;
      return mine;
    });
    // What this server wrote it need not follow; what another one wrote it must.
    if (mine !== undefined) this.#handled = `${mine.id} ${mine.kind}`;
    return seen;
  }

  #record(event: string, data: object): void {
    try {
      this.#options.audit.append(event, data);
    } catch (thrown) {
      this.#options.onTrouble(`the audit log: ${AirlockError.from(thrown).message}`);
    }
  }

  /** Tells the command line; only when there is something new to tell. */
  #note(): void {
    const { slots, config } = this.#options;
    const running = this.#running;
    const note: ServingNote = {
      format: 1,
      owner: ownerMark(),
      configured: config.runtime.tensorflow,
      tensorflow: slots.current,
      models: this.#served(),
      ...(running === undefined ? {} : { rollout: noteOf(running) }),
    };
    const text = JSON.stringify(note);
    if (text === this.#noted) return;
    writeServingNote(config.store, note);
    this.#noted = text;
  }
}

function noteOf({ selection, progress }: Running): NonNullable<ServingNote['rollout']> {
  const { phase, moved, total, model, counts } = progress;
  const { requests, failed } = counts;
  return { id: selection.id, phase, moved, total, ...(model === undefined ? {} : { model }), requests, failed };
}

/** What the selection says after the end of a change. */
function settled({ owner: _owner, ...now }: Selection, { outcome, why }: RolloutEnd): Selection {
  if (outcome === 'completed') return { ...now, state: 'done' };
  if (now.kind === 'promote') return goneBackFrom(now, why ?? outcome);
  // The way back did not work out: what was promoted goes on, and can be gone back from once more.
  return {
    ...now,
    kind: 'promote',
    version: now.previous,
    previous: now.version,
    by: 'airlock',
    reason: (why ?? outcome).slice(0, 2_000),
    state: 'done',
  };
}
