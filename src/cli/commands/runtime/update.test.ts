// The ways out of `airlock runtime update`, with a rehearsal that is made up and slots that are empty folders; tests/e2e/runtime-update.test.ts has real ones.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ownerMark } from '../../../core/index.ts';
import { type Rehearsal, type RehearseOptions, rehearse } from '../../../rehearsal/index.ts';
import {
  archOfMachine,
  askPromotion,
  askRollback,
  changeSelection,
  type RehearsalVerdict,
  readHistory,
  readSelection,
  readStoreState,
  recordEnded,
  verifySlot,
  writeRehearsal,
  writeServingNote,
} from '../../../runtime/index.ts';
import { main } from '../../main.ts';

vi.mock('../../../rehearsal/index.ts', async (original) => ({
  ...(await original<typeof import('../../../rehearsal/index.ts')>()),
  rehearse: vi.fn(),
}));
vi.mock('../../../runtime/index.ts', async (original) => ({
  ...(await original<typeof import('../../../runtime/index.ts')>()),
  verifySlot: vi.fn(async () => undefined),
}));

const [from, to, next] = ['2.19.1', '2.20.0', '2.21.0'];
let folder = '';
let store = '';
let config = '';

interface Ended {
  readonly code: number;
  readonly json: Record<string, unknown>;
  readonly err: string;
}

async function update(...args: readonly string[]): Promise<Ended> {
  const [stdout, stderr] = [new PassThrough({ encoding: 'utf8' }), new PassThrough({ encoding: 'utf8' })];
  const io = { stdout, stderr, env: process.env, isTerminal: false };
  const code = await main(['runtime', 'update', config, '--offline', '--json', ...args], io);
  return { code, json: JSON.parse(String(stdout.read())), err: String(stderr.read() ?? '') };
}

/** What the next rehearsals will say. */
function rehearsed(verdict: RehearsalVerdict, meanwhile: () => void | Promise<void> = () => undefined): void {
  vi.mocked(rehearse).mockImplementation(async (options: RehearseOptions) => {
    await meanwhile();
    const at = new Date().toISOString();
    const record = {
      format: 1,
      id: `r${Math.random().toString(16).slice(2)}`,
      from: options.from ?? from,
      to: options.to,
      startedAt: at,
      endedAt: at,
      verdict,
      reasons: [],
      models: [],
    } as const;
    writeRehearsal(store, record);
    return { record, htmlPath: '/r.html', html: '', models: [], withoutTraffic: [] } satisfies Rehearsal;
  });
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'airlock-update-'));
  store = join(folder, 'store');
  for (const version of [from, to, next])
    mkdirSync(join(store, 'runtimes', `${version}-${archOfMachine()}`), { recursive: true });
  config = join(folder, 'airlock.yaml');
  mkdirSync(join(folder, 'm'));
  const models = [{ name: 'm', path: join(folder, 'm'), unsafeUnsigned: true }];
  writeFileSync(config, JSON.stringify({ store, runtime: { tensorflow: from, rollout: { observeMs: '1s' } }, models }));
  rehearsed('same');
});
afterEach(() => {
  vi.mocked(rehearse).mockReset();
  vi.mocked(verifySlot).mockReset();
  rmSync(folder, { recursive: true, force: true });
});

const state = () => readStoreState(store, from, next);
const promote = (version: string) => askPromotion(store, state(), { version, by: 'ada', unsafeUnrehearsed: true });
const none = { requests: 0, failed: 0, saved: 0, compared: 0, drifted: 0, unstable: 0, maxAbsolute: 0, maxRelative: 0 };
const ended = { movedMs: 0, observedMs: 0, moved: 0, counts: none };
/** As a server writes what came of it. */
function end(id: string, outcome: 'completed' | 'rolled back', why?: string): void {
  changeSelection(store, (now) => {
    if (now === undefined) throw new Error('nothing was asked for');
    if (outcome === 'completed') return { ...now, state: 'done' };
    return { ...now, kind: 'rollback', version: now.previous, previous: now.version, by: 'airlock', state: 'done' };
  });
  recordEnded(store, id, { ...ended, outcome, ...(why === undefined ? {} : { why }) });
}

it('says before a rehearsal, and not after it, that its report has no place', async () => {
  const stderr = new PassThrough({ encoding: 'utf8' });
  const io = { stdout: new PassThrough(), stderr, env: process.env, isTerminal: false };
  expect(await main(['runtime', 'rehearse', to, config, '--html', config], io)).toBe(2);
  expect(String(stderr.read())).toContain('exists already');
  expect(rehearse).not.toHaveBeenCalled();
});

describe('airlock runtime update', { timeout: 20_000 }, () => {
  it('asks the next server where none runs, with how old the data is that it judged by', async () => {
    const { code, json } = await update();
    expect(code).toBe(0);
    expect(json).toMatchObject({ outcome: 'asked', from, to, report: '/r.html', error: null });
    expect(json.advisoryData).toMatchObject({ read: expect.stringMatching(/^\d{4}-\d\d-\d\d$/) });
    expect(readSelection(store)).toMatchObject({ version: to, state: 'pending' });
  });

  it('does not rehearse again while what was asked for waits for a server', async () => {
    await update();
    const { code, json, err } = await update();
    expect(code).toBe(1);
    expect(json).toMatchObject({ outcome: 'stopped', from, error: { code: 'PROMOTION_BUSY', exitCode: 1 } });
    expect(err).toContain('waits for a server to begin');
    expect(rehearse).toHaveBeenCalledTimes(1);
  });

  it('runs once at a time, and goes on after one that died', async () => {
    let second: Ended | undefined;
    rehearsed('same', async () => {
      second = await update();
    });
    expect((await update()).code).toBe(0);
    expect(second).toMatchObject({ code: 1, json: { outcome: 'stopped', error: { code: 'PROMOTION_BUSY' } } });
    expect(readdirSync(join(store, 'rollout')).sort()).toEqual(['history.jsonl', 'selection.json']);
    expect(readHistory(store).entries).toHaveLength(1);

    rmSync(join(store, 'rollout'), { recursive: true });
    rehearsed('same');
    mkdirSync(join(store, 'rollout'), { mode: 0o700 });
    const dead = { format: 1, owner: `${ownerMark()}1`, since: new Date().toISOString() };
    writeFileSync(join(store, 'rollout', 'updating.json'), JSON.stringify(dead), { mode: 0o600 });
    expect((await update()).code).toBe(0);
  });

  it('does not try again what the server went back from by itself', async () => {
    end(promote(to).id, 'rolled back', 'more than 1 % failed');
    const { code, json, err } = await update();
    expect(code).toBe(1);
    expect(json).toMatchObject({ outcome: 'stopped', to, error: { code: 'PROMOTION_FAILED' } });
    expect(err).toContain(`the last change to TensorFlow ${to} ended as rolled back: more than 1 % failed`);
    expect((await update('--check-only')).code).toBe(1);
    expect(rehearse).not.toHaveBeenCalled();
    expect(readSelection(store)).toMatchObject({ kind: 'rollback', version: from });
  });

  it('does not undo what a person went back from, until a person promotes it again', async () => {
    end(promote(to).id, 'completed');
    end(askRollback(store, from, { by: 'ada' }).id, 'completed');
    const { code, err } = await update();
    expect(code).toBe(1);
    expect(err).toContain(`A person has to decide: ada went back from TensorFlow ${to}`);
    end(promote(to).id, 'completed');
    expect((await update('--to', to)).json).toMatchObject({ outcome: 'nothing to do', from: to });
  });

  it('never goes back to an older version that its command line still names', async () => {
    end(promote(next).id, 'completed');
    const { code, json, err } = await update('--to', to);
    expect(code).toBe(2);
    expect(json).toMatchObject({ outcome: 'stopped', from: next, error: { code: 'USAGE' } });
    expect(err).toContain(`TensorFlow ${to} is older than ${next}`);
  });

  it('stops where somebody else was faster while it rehearsed', async () => {
    rehearsed('same', () => end(promote(next).id, 'completed'));
    const { code, json, err } = await update();
    expect(code).toBe(1);
    expect(json).toMatchObject({ outcome: 'stopped', from, to, report: '/r.html', error: { code: 'PROMOTION_BUSY' } });
    expect(err).toContain(`TensorFlow ${next} serves by now`);
    expect(readSelection(store)).toMatchObject({ version: next, state: 'done' });
  });

  it.each(['changed', 'failed'] as const)('prints one document where a rehearsal says %s', async (verdict) => {
    rehearsed(verdict);
    const { code, json } = await update();
    expect(code).toBe(1);
    expect(json).toMatchObject({ outcome: 'stopped', from, to, report: '/r.html', error: { code: 'REHEARSAL_DIFFERS' } });
    expect(readSelection(store)).toBeUndefined();
    expect(readdirSync(join(store, 'rollout'))).toEqual([]);
  });

  it('verifies a version that is installed already before it says so', async () => {
    vi.mocked(verifySlot).mockRejectedValueOnce(new Error('a byte'));
    expect(await update()).toMatchObject({ code: 1, json: { outcome: 'stopped', error: { code: 'INTERNAL' } } });
    expect(rehearse).not.toHaveBeenCalled();
  });

  it('says that its advisory data is old, also where it finds nothing to do', async () => {
    const values = JSON.parse(readFileSync(config, 'utf8'));
    writeFileSync(config, JSON.stringify({ ...values, runtime: { tensorflow: next, maxAdvisoryAgeMs: '1s' } }));
    const { code, json, err } = await update();
    expect(code).toBe(0);
    expect(json).toMatchObject({ outcome: 'nothing to do', advisoryData: { isOld: true } });
    expect(json.notes).toContainEqual(expect.stringContaining('airlock advisories update'));
    expect(err).toContain('days old');
  });

  it('prints one document for a configuration that is not there, and for one that is none', async () => {
    writeFileSync(config, '[');
    expect(await update()).toMatchObject({ code: 3, json: { outcome: 'stopped', from: null, error: { exitCode: 3 } } });
    rmSync(config);
    expect(await update()).toMatchObject({ code: 3, json: { error: { code: 'CONFIG_NOT_FOUND' } } });
  });

  it('does not wait for ever for a server that says nothing any more', async () => {
    const note = { format: 1, configured: from, tensorflow: from, models: [] } as const;
    // Of another container: nobody can tell whether it lives.
    writeServingNote(store, { ...note, owner: `1${ownerMark()}` });
    vi.useFakeTimers({ toFake: ['performance'] });
    const waited = update();
    for (let turn = 0; turn < 200 && readSelection(store) === undefined; turn++)
      await new Promise((done) => setTimeout(done, 25));
    vi.advanceTimersByTime(3_600_000);
    const { code, json } = await waited.finally(() => vi.useRealTimers());
    expect(code).toBe(0);
    expect(json).toMatchObject({ outcome: 'asked' });
  });
});
