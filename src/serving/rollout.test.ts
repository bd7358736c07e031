// The way of a rollout through made-up versions and a clock that jumps: each step, each failure, and what is left after it.
import { describe, expect, it } from 'vitest';
import { AirlockError } from '../core/index.ts';
import type { VersionState } from './model-version.ts';
import { type Movable, type MovableVersion, noCounts, Rollout, type RolloutOptions, type RolloutProgress } from './rollout.ts';
import { Trial, type TrialRules } from './trial.ts';

const rules = { tolerance: { absolute: 0, relative: 0 }, mirrorPercent: 0, maxFailedPercent: 1 };

class FakeVersion implements Movable {
  readonly version: bigint;
  state: VersionState = 'AVAILABLE';
  tensorflow: string;
  keptTensorflow: string | undefined;
  trial: Trial | undefined;
  verdict: string | undefined;
  /** What a move does; default nothing. */
  onMove: (signal: AbortSignal) => Promise<void> = () => Promise.resolve();
  readonly log: string[] = [];
  lastRules: TrialRules | undefined;

  constructor(version: bigint, tensorflow = 'old') {
    this.version = version;
    this.tensorflow = tensorflow;
  }

  async moveTo(tensorflow: string, given: TrialRules, signal: AbortSignal): Promise<void> {
    this.log.push(`to ${tensorflow}`);
    this.lastRules = given;
    await this.onMove(signal);
    this.keptTensorflow = this.tensorflow;
    this.tensorflow = tensorflow;
    this.trial = new Trial(given);
  }

  goBack(): boolean {
    if (this.keptTensorflow === undefined) return false;
    this.log.push('back');
    this.tensorflow = this.keptTensorflow;
    this.keptTensorflow = undefined;
    this.trial = undefined;
    return true;
  }

  letGo(): Promise<void> {
    this.log.push('let go');
    this.keptTensorflow = undefined;
    this.trial = undefined;
    return Promise.resolve();
  }

  left(): Promise<void> {
    return Promise.resolve();
  }
}

/** Time passes only in `sleep`; `onTime` is called after each. */
function fakeClock(onTime: (nowMs: number) => void = () => undefined) {
  let nowMs = 0;
  return {
    nowMs: () => nowMs,
    sleep: (ms: number): Promise<void> => {
      nowMs += ms;
      onTime(nowMs);
      return Promise.resolve();
    },
  };
}

interface Setup {
  readonly versions: FakeVersion[];
  readonly used: string[];
  readonly progress: RolloutProgress[];
  readonly abort: AbortController;
  readonly run: () => ReturnType<Rollout['run']>;
}

function setUp(versions: FakeVersion[], options: Partial<RolloutOptions> = {}): Setup {
  const used: string[] = [];
  const progress: RolloutProgress[] = [];
  const abort = new AbortController();
  const rollout = new Rollout({
    from: 'old',
    to: 'new',
    versions: (): MovableVersion[] => versions.map((version) => ({ model: `m${version.version}`, version, rules })),
    use: (tensorflow) => {
      used.push(tensorflow);
      return Promise.resolve();
    },
    observeMs: 1_000,
    refuseDrift: true,
    signal: abort.signal,
    clock: fakeClock(),
    onProgress: (one) => progress.push(one),
    ...options,
  });
  return { versions, used, progress, abort, run: () => rollout.run() };
}

const where = (versions: readonly FakeVersion[]): string => versions.map(({ tensorflow }) => tensorflow).join(' ');

describe('a rollout', () => {
  it('moves one version after the other, watches all of them, and lets the old ones go', async () => {
    let moving = 0;
    let most = 0;
    const versions = [1n, 2n, 3n].map((number) => new FakeVersion(number));
    for (const version of versions) {
      version.onMove = async () => {
        most = Math.max(most, ++moving);
        await Promise.resolve();
        moving--;
      };
    }
    const { run, used, progress } = setUp(versions);
    expect(await run()).toEqual({ outcome: 'completed', movedMs: 0, observedMs: 1_000, moved: 3, counts: noCounts });
    expect(most).toBe(1);
    expect(used).toEqual(['new']);
    expect(where(versions)).toBe('new new new');
    expect(versions.map(({ log }) => log)).toEqual([1, 2, 3].map(() => ['to new', 'let go']));
    expect(progress.map(({ phase, moved, total }) => `${phase} ${moved}/${total}`)).toEqual(
      expect.arrayContaining(['moving 0/3', 'moving 1/3', 'moving 3/3', 'observing 3/3']),
    );
  });

  it('goes back with those that have moved when one does not load, and says which', async () => {
    const versions = [new FakeVersion(1n), new FakeVersion(2n), new FakeVersion(3n)];
    versions[1].onMove = () => Promise.reject(new AirlockError('MODEL_LOAD_FAILED', { detail: 'an operation' }));
    const { run, used } = setUp(versions);
    const end = await run();
    expect(end).toMatchObject({ outcome: 'failed', moved: 1, observedMs: 0 });
    expect(end.why).toMatch(/^m2 version 2: .*MODEL_LOAD_FAILED\)$/);
    expect(end.detail).toBe('an operation');
    expect(where(versions)).toBe('old old old');
    expect(used).toEqual(['new', 'old']);
    expect(versions[2].log).toEqual([]);
  });

  it('fails before it moves anything when the other slot cannot be used', async () => {
    const versions = [new FakeVersion(1n)];
    const { run } = setUp(versions, {
      use: (tensorflow) => (tensorflow === 'new' ? Promise.reject(new AirlockError('RUNTIME_NOT_INSTALLED')) : Promise.resolve()),
    });
    expect(await run()).toMatchObject({ outcome: 'failed', moved: 0, why: expect.stringContaining('RUNTIME_NOT_INSTALLED') });
    expect(versions[0].log).toEqual([]);
  });

  it('goes back when one of the new workers is worse, in the middle of watching', async () => {
    const versions = [new FakeVersion(1n), new FakeVersion(2n)];
    const { run } = setUp(versions, {
      clock: fakeClock((nowMs) => {
        if (nowMs >= 500) versions[1].verdict = 'it is worse';
      }),
    });
    expect(await run()).toMatchObject({ outcome: 'rolled back', why: 'm2 version 2: it is worse', observedMs: 500, moved: 2 });
    expect(where(versions)).toBe('old old');
    expect(versions[0].log).toEqual(['to new', 'back']);
  });

  it('looks at those that have moved while it moves others', async () => {
    const versions = [new FakeVersion(1n), new FakeVersion(2n), new FakeVersion(3n)];
    versions[1].onMove = () => {
      versions[0].verdict = 'it is worse';
      return Promise.resolve();
    };
    const { run } = setUp(versions);
    expect(await run()).toMatchObject({ outcome: 'rolled back', moved: 2 });
    expect(versions[2].log).toEqual([]);
    expect(where(versions)).toBe('old old old');
  });

  it('does not mind a version that is taken away while it moves', async () => {
    const versions = [new FakeVersion(1n), new FakeVersion(2n)];
    versions[0].onMove = () => {
      versions[0].state = 'END';
      return Promise.reject(new AirlockError('MODEL_NOT_AVAILABLE'));
    };
    expect(await setUp(versions).run()).toMatchObject({ outcome: 'completed', moved: 1 });
    expect(versions[1].tensorflow).toBe('new');
  });

  it('waits for a version that loads on the old one, and moves it then', async () => {
    const versions = [new FakeVersion(1n), new FakeVersion(2n)];
    versions[1].state = 'LOADING';
    const { run } = setUp(versions, {
      clock: fakeClock((nowMs) => {
        if (nowMs >= 500) versions[1].state = 'AVAILABLE';
      }),
    });
    expect(await run()).toMatchObject({ outcome: 'completed', moved: 2, movedMs: 500 });
    expect(where(versions)).toBe('new new');
  });

  it('moves back a version that came meanwhile and was loaded on the new one', async () => {
    const versions = [new FakeVersion(1n)];
    const { run } = setUp(versions, {
      clock: fakeClock((nowMs) => {
        if (nowMs === 250) versions.push(new FakeVersion(2n, 'new'));
        if (nowMs === 500) versions[0].verdict = 'it is worse';
      }),
    });
    expect(await run()).toMatchObject({ outcome: 'rolled back' });
    expect(where(versions)).toBe('old old');
    expect(versions[1].log).toEqual(['to old', 'let go']);
  });

  it('waits for a version that still loads on the new one when it goes back, and moves it back then', async () => {
    const late = new FakeVersion(2n, 'new');
    late.state = 'LOADING';
    const versions = [new FakeVersion(1n), late];
    versions[0].onMove = () => Promise.reject(new AirlockError('MODEL_LOAD_FAILED'));
    const { run } = setUp(versions, {
      clock: fakeClock(() => {
        late.state = 'AVAILABLE';
      }),
    });
    expect(await run()).toMatchObject({ outcome: 'failed' });
    expect(where(versions)).toBe('old old');
  });

  it('does not wait for such a version when the server ends: that ends the load too', async () => {
    const late = new FakeVersion(2n, 'new');
    late.state = 'LOADING';
    const abort = new AbortController();
    const stop = new AbortController();
    const { run } = setUp([new FakeVersion(1n), late], { signal: abort.signal, stop: stop.signal });
    abort.abort('the server stops');
    stop.abort();
    expect(await run()).toMatchObject({ outcome: 'cancelled' });
  });

  it('leaves such a version on the new one when it does not load on the old one', async () => {
    const late = new FakeVersion(2n, 'new');
    late.onMove = () => Promise.reject(new AirlockError('MODEL_LOAD_FAILED'));
    const versions = [new FakeVersion(1n), late];
    versions[0].verdict = 'it is worse';
    expect(await setUp(versions).run()).toMatchObject({ outcome: 'rolled back' });
    expect(where(versions)).toBe('old new');
  });

  it.each(['moving', 'observing'])('goes back when it is stopped while it is %s', async (phase) => {
    const versions = [new FakeVersion(1n), new FakeVersion(2n)];
    const { run, abort } = setUp(versions, {
      clock: fakeClock(() => {
        if (phase === 'observing') abort.abort('somebody asked for something else');
      }),
    });
    versions[1].onMove = (signal) => {
      if (phase !== 'moving') return Promise.resolve();
      abort.abort('somebody asked for something else');
      return Promise.reject(new AirlockError(signal.aborted ? 'CANCELLED' : 'INTERNAL'));
    };
    expect(await run()).toMatchObject({ outcome: 'cancelled', why: 'somebody asked for something else' });
    expect(where(versions)).toBe('old old');
  });

  it('keeps what a model calls its outputs short and on one line', async () => {
    const version = new FakeVersion(1n);
    const { run } = setUp([version], {
      clock: fakeClock(() => {
        const { trial } = version;
        const output = `\u001b[2J\n${'y'.repeat(10_000)}`;
        for (let count = 0; count < 5; count++) trial?.compare({ same: false, maxAbsolute: 1, maxRelative: 1, output }, true);
        version.verdict = trial?.verdict(0);
      }),
    });
    const { outcome, why = '' } = await run();
    expect([outcome, why.length < 500]).toEqual(['rolled back', true]);
    expect(why).toMatch(/^[\x20-\x7e…]+$/);
  });

  it('adds up what was seen before the trials end', async () => {
    const versions = [new FakeVersion(1n), new FakeVersion(2n)];
    const { run } = setUp(versions, {
      clock: fakeClock((nowMs) => {
        for (const { trial } of versions) if (trial !== undefined && nowMs === 1_000) trial.requests = 5;
      }),
    });
    expect((await run()).counts).toMatchObject({ requests: 10 });
  });

  it('tells the trials whether answers may differ', async () => {
    const version = new FakeVersion(1n);
    await setUp([version], { refuseDrift: false }).run();
    expect(version.lastRules?.refuseDrift).toBe(false);
  });

  it('watches nothing on a way back, and has nothing to do where nothing is served', async () => {
    expect(await setUp([new FakeVersion(1n)], { observeMs: 0 }).run()).toMatchObject({ outcome: 'completed', observedMs: 0 });
    expect(await setUp([]).run()).toMatchObject({ outcome: 'completed', moved: 0 });
  });
});
