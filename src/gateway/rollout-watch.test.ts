// Servers that follow a store, with made-up models and slots: what each of them does about a change, what it writes down, and what several of them that share one store
// make of each other's words.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Config } from '../config/index.ts';
import { AirlockError, ownerMark } from '../core/index.ts';
import {
  askPromotion,
  askRollback,
  readHistory,
  readSelection,
  readServingNote,
  readStoreState,
  rolloutOf,
  type Selection,
} from '../runtime/index.ts';
import type { JailFindings } from '../sandbox/index.ts';
import { ModelCatalog, type MovableVersion } from '../serving/index.ts';
import { startRollout } from './rollout-start.ts';
import { RolloutWatch } from './rollout-watch.ts';
import { serverStatusJson } from './server-status.ts';

const [before, after] = ['2.12.1', '2.21.0'];

let store = '';
let servers: Server[] = [];
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'airlock-rollout-'));
  servers = [];
});
afterEach(async () => {
  await Promise.all(servers.map(({ watch }) => watch.close()));
  rmSync(store, { recursive: true, force: true });
});

type Served = MovableVersion['version'] & { readonly identity: string };

class FakeVersion implements Served {
  readonly version = 1n;
  readonly identity = 'abc';
  readonly trial = undefined;
  state: Served['state'] = 'AVAILABLE';
  keptTensorflow: string | undefined;
  verdict: string | undefined;
  tensorflow: string;
  /** Before a move is done. */
  onMove: (tensorflow: string) => Promise<void> = () => Promise.resolve();

  constructor(tensorflow: string) {
    this.tensorflow = tensorflow;
  }

  async moveTo(tensorflow: string): Promise<void> {
    await this.onMove(tensorflow);
    this.keptTensorflow = this.tensorflow;
    this.tensorflow = tensorflow;
  }

  goBack(): boolean {
    if (this.keptTensorflow === undefined) return false;
    this.tensorflow = this.keptTensorflow;
    this.keptTensorflow = undefined;
    return true;
  }

  letGo(): Promise<void> {
    this.keptTensorflow = undefined;
    return Promise.resolve();
  }

  left(): Promise<void> {
    return Promise.resolve();
  }
}

interface Server {
  readonly watch: RolloutWatch;
  readonly version: FakeVersion;
  readonly troubles: string[];
  readonly released: string[];
  readonly events: string[];
  readonly current: () => string;
}

function serve(observeMs = 0, pollMs = 5): Server {
  const started = startRollout(store, before);
  let current = started.tensorflow;
  const version = new FakeVersion(current);
  const [troubles, released, events]: string[][] = [[], [], []];
  const watch = new RolloutWatch({
    config: {
      store,
      runtime: { tensorflow: before, rollout: { observeMs, mirrorPercent: 0, maxFailedPercent: 1 } } as Config['runtime'],
      models: [],
    },
    slots: {
      get current() {
        return current;
      },
      open: () => Promise.resolve(),
      use: (tensorflow) => {
        current = tensorflow;
      },
      release: (tensorflow) => {
        released.push(tensorflow);
        return Promise.resolve();
      },
    },
    audit: {
      append: (event) => {
        events.push(event);
        return { seq: 0, hash: '' };
      },
    },
    started,
    onRollout: () => undefined,
    onTrouble: (text) => troubles.push(text),
    pollMs,
  });
  const server = { watch, version, troubles, released, events, current: () => current };
  servers.push(server);
  return server;
}

function begin(server: Server): Server {
  server.watch.start({ models: [{ name: 'm', status: () => [server.version] }] }, Promise.resolve());
  return server;
}

const promote = (): Selection =>
  askPromotion(store, readStoreState(store, before, before), { version: after, by: 'me', unsafeUnrehearsed: true });
const rollBack = (): Selection => askRollback(store, before, { by: 'me' });
const endOf = ({ id }: Selection) => readHistory(store).entries.find(({ asked }) => asked.id === id)?.ended;

async function until(what: string, test: () => boolean): Promise<void> {
  for (const end = Date.now() + 2_000; !test(); await new Promise((resolve) => setTimeout(resolve, 2)))
    if (Date.now() > end) throw new Error(`not within 2 s: ${what}`);
}

describe('a server', () => {
  it('moves when it is asked to, says what came of it, and moves back', async () => {
    const one = begin(serve());
    const asked = promote();
    await until('it has moved', () => endOf(asked)?.outcome === 'completed');
    expect([one.version.tensorflow, one.current(), readSelection(store)?.state]).toEqual([after, after, 'done']);
    const back = rollBack();
    await until('it has moved back', () => endOf(back)?.outcome === 'completed');
    expect([one.version.tensorflow, one.current(), readSelection(store)]).toMatchObject([before, before, { kind: 'rollback' }]);
    await until('the note says so', () => readServingNote(store)?.tensorflow === before);
    expect(one.released).toEqual([before, after]);
    expect(one.events).toEqual(['runtime change begun', 'runtime change ended', 'runtime change begun', 'runtime change ended']);
    expect(one.troubles).toEqual([]);
  });

  it('has told the command line what serves when the history says that a change has ended', async () => {
    const one = begin(serve(0, 200));
    await until('it has told', () => readServingNote(store)?.tensorflow === before);
    const asked = promote();
    await until('it has moved', () => endOf(asked) !== undefined);
    expect(readStoreState(store, before, before)).toMatchObject({ tensorflow: after, kept: before });
    one.version.onMove = () => Promise.reject(new AirlockError('MODEL_LOAD_FAILED'));
    const back = rollBack();
    await until('it has failed', () => endOf(back) !== undefined);
    expect(readStoreState(store, before, before)).toMatchObject({ tensorflow: after, kept: before });
  });

  it('ends a change in favour of the way back that is asked for meanwhile', async () => {
    const one = begin(serve(60_000));
    const asked = promote();
    await until('it observes', () => one.watch.state.running?.phase === 'observing');
    const back = rollBack();
    await until('it has ended', () => endOf(back) !== undefined);
    expect([endOf(asked)?.outcome, endOf(back)?.outcome, one.version.tensorflow]).toEqual(['cancelled', 'completed', before]);
    expect(endOf(asked)?.why).toBe('TensorFlow 2.12.1 was asked for');
  });

  it('says what came of a change that was taken back before it had begun', async () => {
    const asked = promote();
    const back = rollBack();
    begin(serve());
    await until('it has ended', () => readSelection(store)?.state === 'done');
    expect([endOf(asked)?.outcome, endOf(back)?.outcome]).toEqual(['cancelled', 'completed']);
  });

  it('lets the next one go on when it is stopped half way', async () => {
    const one = begin(serve(60_000));
    const asked = promote();
    await until('it observes', () => one.watch.state.running?.phase === 'observing');
    await one.watch.close();
    expect([one.version.tensorflow, readSelection(store)?.state, endOf(asked)]).toEqual([before, 'pending', undefined]);
    begin(serve());
    await until('it has moved', () => endOf(asked)?.outcome === 'completed');
  });

  it('names what is kept while it moves', async () => {
    const one = begin(serve(60_000));
    promote();
    await until('it observes', () => one.watch.state.running?.phase === 'observing');
    expect(one.watch.state).toMatchObject({ tensorflow: after, kept: before });
  });

  it('begins nothing that it cannot mark as begun: a start after its death would try it again', async () => {
    const one = serve();
    promote();
    // Nobody can take the lock of the folder.
    mkdirSync(join(rolloutOf(store), `.lock-${ownerMark()}`));
    begin(one);
    await until('it has given up', () => one.events.includes('runtime change ended'));
    expect([one.version.tensorflow, one.events]).toEqual([before, ['runtime change ended']]);
    expect(one.troubles.length).toBeGreaterThan(0);
  });

  it('does not take the jail away from a version that stays on the other TensorFlow', async () => {
    const one = serve(60_000);
    const versions = [one.version];
    one.watch.start({ models: [{ name: 'm', status: () => versions }] }, Promise.resolve());
    const asked = promote();
    await until('it observes', () => one.watch.state.running?.phase === 'observing');
    // It came meanwhile, and does not load on the TensorFlow that the others go back to.
    const late = new FakeVersion(after);
    late.onMove = () => Promise.reject(new AirlockError('MODEL_LOAD_FAILED'));
    versions.push(late);
    one.version.verdict = 'it is worse';
    await until('it has gone back', () => endOf(asked)?.outcome === 'rolled back' && one.watch.state.running === undefined);
    expect([one.version.tensorflow, late.tensorflow, one.released]).toEqual([before, after, []]);
  });

  it('tells clients no path and no user, and the history everything', async () => {
    const one = begin(serve());
    const detail = 'looked in /srv/airlock/runtimes';
    one.version.onMove = () => Promise.reject(new AirlockError('RUNTIME_NOT_INSTALLED', { detail }));
    const failed = promote();
    await until('it has failed', () => endOf(failed) !== undefined && one.watch.state.running === undefined);
    expect(endOf(failed)).toMatchObject({ outcome: 'failed', detail });
    const isolation: JailFindings = { level: 'process', layers: [], surroundings: [] };
    const scans = { scanned: [], auditHead: { seq: 0, hash: '' } };
    const status = serverStatusJson(isolation, new ModelCatalog([]), scans, undefined, one.watch.state);
    expect(status).toContain('RUNTIME_NOT_INSTALLED');
    expect(status).not.toMatch(/srv|\bme\b/);
  });

  it('changes nothing by what others could have written', async () => {
    const one = serve();
    promote();
    chmodSync(join(rolloutOf(store), 'selection.json'), 0o622);
    begin(one);
    await until('it complains', () => one.troubles.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(one.troubles).toEqual([expect.stringContaining('STORE_UNSAFE')]);
    expect(one.version.tensorflow).toBe(before);
  });
});

describe('two servers that share a store', () => {
  it('both follow it', async () => {
    const [one, two] = [begin(serve()), begin(serve())];
    const asked = promote();
    await until('both have moved', () => one.version.tensorflow === after && two.version.tensorflow === after);
    await until('it is done', () => endOf(asked)?.outcome === 'completed' && readSelection(store)?.state === 'done');
  });

  it.each([
    ['had moved', 0],
    ['still observed', 60_000],
  ])('both go back when one of them cannot move and the other %s, and the history says why', async (_what, observeMs) => {
    const [one, two] = [begin(serve(observeMs)), begin(serve())];
    let fail = (_error: Error): void => undefined;
    two.version.onMove = () => new Promise((_resolve, reject) => (fail = reject));
    const asked = promote();
    await until('one has moved', () => one.version.tensorflow === after);
    if (observeMs === 0) await until('it is done', () => endOf(asked)?.outcome === 'completed');
    fail(new AirlockError('MODEL_LOAD_FAILED'));
    await until('one is back', () => one.version.tensorflow === before && one.watch.state.running === undefined);
    await until(
      'both have said so',
      () => one.events.filter((event) => event === 'runtime change ended').length > (observeMs === 0 ? 1 : 0),
    );
    expect(readSelection(store)).toMatchObject({ kind: 'rollback', state: 'done', version: before });
    expect(endOf(asked)).toMatchObject({ outcome: 'failed', why: expect.stringContaining('MODEL_LOAD_FAILED') });
  });

  it('both go back when one cannot move and the other completes before it looks again', async () => {
    const [one, two] = [begin(serve(0, 300)), begin(serve())];
    let [fail, pass] = [(_error: Error): void => undefined, (): void => undefined];
    one.version.onMove = () => new Promise((resolve) => (pass = resolve));
    two.version.onMove = () => new Promise((_resolve, reject) => (fail = reject));
    const asked = promote();
    await until('both move', () => one.watch.state.running !== undefined && two.watch.state.running !== undefined);
    fail(new AirlockError('MODEL_LOAD_FAILED'));
    await until('one has failed', () => readSelection(store)?.kind === 'rollback');
    one.version.onMove = () => Promise.resolve();
    pass();
    await until('the other has moved', () => one.version.tensorflow === after);
    await until('it is back', () => one.version.tensorflow === before && one.watch.state.running === undefined);
    expect(endOf(asked)).toMatchObject({ outcome: 'failed' });
  });

  it('leave it done when the slower one stops', async () => {
    const one = begin(serve(60_000));
    const asked = promote();
    await until('one observes', () => one.watch.state.running?.phase === 'observing');
    begin(serve());
    await until('two has moved', () => endOf(asked)?.outcome === 'completed');
    await one.watch.close();
    expect(readSelection(store)?.state).toBe('done');
  });

  it('do not move for ever when one can only go there and the other only stay', async () => {
    const [one, two] = [begin(serve()), begin(serve())];
    let moves = 0;
    let fail = (_error: Error): void => undefined;
    two.version.onMove = () => {
      moves++;
      return moves === 1
        ? new Promise((_resolve, reject) => (fail = reject))
        : Promise.reject(new AirlockError('MODEL_LOAD_FAILED'));
    };
    one.version.onMove = (to) => (to === before ? Promise.reject(new AirlockError('MODEL_LOAD_FAILED')) : Promise.resolve());
    promote();
    await until('one has moved', () => readSelection(store)?.state === 'done');
    fail(new AirlockError('MODEL_LOAD_FAILED'));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect([moves, readSelection(store)?.kind]).toEqual([1, 'rollback']);
  });
});
