import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { AirlockError } from '../../core/index.ts';
import type { OverLimit, RunProfile } from '../../profile/index.ts';
import type { RunContext } from '../runner.ts';
import { ProfileKeeper } from './profile-keeper.ts';
import { ProfileSampler, type ProfileSamplerOptions } from './profile-sampler.ts';

const none = { ops: {}, nodes: {} };

const trace = (us: number, traceBytes = 1_000): RunProfile => ({
  nodes: [
    { node: 'a', op: 'MatMul', startUs: 0, durationUs: us, selfUs: us, peakBytes: 10, outputBytes: 10, thread: 0 },
    { node: 'b', op: 'Relu', startUs: us, durationUs: us / 4, selfUs: us / 4, peakBytes: 10, outputBytes: 10, thread: 0 },
  ],
  durationUs: us,
  peakBytes: 10,
  traceBytes,
});

/** A sampler whose clock and whose worker are given by hand. */
function sampled(options: Partial<ProfileSamplerOptions>) {
  const clock = { ms: 1_000 };
  const contexts: RunContext[] = [];
  const worker: { answer: () => Promise<[]>; us: number; traceBytes: number } = {
    answer: async () => [],
    us: 2_000,
    traceBytes: 1_000,
  };
  const sampler = new ProfileSampler({ percent: 100, limits: none, nowMs: () => clock.ms, ...options });
  const runner = sampler.before({
    run: (_index, _inputs, context) => {
      contexts.push(context);
      context.onProfile?.(trace(worker.us, worker.traceBytes));
      return worker.answer();
    },
  });
  const run = (context: RunContext = { client: 'c' }) => runner.run(0, [], context);
  const traced = () => contexts.filter(({ onProfile }) => onProfile !== undefined).length;
  return { sampler, clock, contexts, worker, run, traced };
}

describe('sampling', () => {
  it.each([
    [1, 1_000, 10],
    [12.5, 80, 10],
    [0.1, 3_000, 3],
    [100, 50, 50],
  ])('takes %d %% of the runs', async (percent, runs, expected) => {
    const { run, clock, traced, sampler } = sampled({ percent });
    for (let i = 0; i < runs; i++) {
      clock.ms += 100;
      await run();
    }
    expect(traced()).toBe(expected);
    expect(sampler.profile.runs).toBe(expected);
  });

  it('waits after a trace as long as its length asks for, and makes up for nothing afterwards', async () => {
    const { run, clock, traced, worker } = sampled({});
    worker.traceBytes = 1_000_000;
    await run();
    for (let i = 0; i < 99; i++) {
      clock.ms += 10;
      await run();
    }
    expect(traced()).toBe(1);
    clock.ms += 10;
    await run();
    await run();
    expect(traced()).toBe(2);
  });

  it('leaves a request alone that is not sampled, and one that is traced for somebody else', async () => {
    const { run, contexts, sampler } = sampled({ percent: 50 });
    const own: RunContext = { client: 'x' };
    await run(own);
    expect(contexts[0]).toBe(own);
    const onProfile = (): void => undefined;
    await run({ client: 'y', onProfile });
    expect(contexts[1].onProfile).toBe(onProfile);
    expect(sampler.profile.runs).toBe(0);
  });
});

describe('limits of operations', () => {
  it('are told of, not more than once in ten seconds, and all counted; the request is answered', async () => {
    const told: (readonly OverLimit[])[] = [];
    const limits = { ops: { MatMul: { maxMs: 1 } }, nodes: { a: { maxMs: 1 }, b: { maxMs: 1 } } };
    const { run, clock, sampler, worker } = sampled({ limits, onOverLimit: (found) => told.push(found) });
    for (let i = 0; i < 3; i++) {
      clock.ms += 4_000;
      expect(await run()).toEqual([]);
    }
    expect(sampler.overLimit).toBe(6);
    expect(told.map((found) => found.map(({ kind, name }) => `${kind} ${name}`))).toEqual([['op MatMul', 'node a']]);
    worker.us = 500;
    clock.ms += 60_000;
    await run();
    expect(told).toHaveLength(1);
    expect(sampler.report((op) => op === 'MatMul')).toMatchObject({
      overLimit: 6,
      tracedRuns: 4,
      ops: [{ op: 'MatMul' }, { op: 'other' }],
    });
  });

  it('are not there for a run that was ended, and what such runs spend their time with is said', async () => {
    const { run, worker } = sampled({});
    worker.answer = () => Promise.reject(new AirlockError('MODEL_NOT_AVAILABLE'));
    await expect(run()).rejects.toMatchObject({ code: 'MODEL_NOT_AVAILABLE', detail: undefined });
    worker.answer = () => Promise.reject(new AirlockError('DEADLINE_EXCEEDED', { detail: 'killed' }));
    await expect(run()).rejects.toMatchObject({
      code: 'DEADLINE_EXCEEDED',
      message: expect.stringContaining('MatMul (80 %), Relu (20 %)'),
      detail: 'killed; by its profile the time goes to a (80 %), b (20 %)',
    });
    const unseen = sampled({ percent: 1 });
    unseen.worker.answer = worker.answer;
    await expect(unseen.run()).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED', detail: 'killed' });
  });
});

describe('profiles in the store', () => {
  const store = mkdtempSync(path.join(tmpdir(), 'airlock-profiles-'));
  afterAll(() => rmSync(store, { recursive: true, force: true }));
  const about = { model: 'digits', version: 3n, identity: 'sha256:1', tensorflow: '2.21.0' };
  const file = path.join(store, 'profiles', 'digits-3.json');

  function keep(troubles: string[] = []): ProfileKeeper {
    return new ProfileKeeper(store, (text) => troubles.push(text));
  }

  it('outlive a server, for the same files on the same TensorFlow', () => {
    const first = keep();
    const profile = first.open(about);
    profile.add(trace(2_000));
    first.close();
    expect(readdirSync(path.dirname(file))).toEqual(['digits-3.json']);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700);
    const second = keep();
    expect(second.open(about).runs).toBe(1);
    for (const other of [{ identity: 'sha256:2' }, { tensorflow: '2.20.0' }, { version: 4n }])
      expect(second.open({ ...about, ...other }).runs).toBe(0);
    // Nothing was added, so nothing is written over it.
    second.close();
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ runs: 1, identity: 'sha256:1' });
  });

  it('are not read from a file that somebody else may have written', () => {
    const troubles: string[] = [];
    const keeper = keep(troubles);
    chmodSync(file, 0o622);
    expect(keeper.open(about).runs).toBe(0);
    chmodSync(file, 0o600);
    writeFileSync(file, '{"format":1}');
    expect(keeper.open(about).runs).toBe(0);
    rmSync(file);
    symlinkSync('/etc/hostname', file);
    expect(keeper.open(about).runs).toBe(0);
    expect(troubles).toHaveLength(3);
    keeper.close();
    rmSync(file);
  });

  it('have a name that a file may have, whatever the model is called', () => {
    const keeper = keep();
    const profile = keeper.open({ ...about, model: '../../up', version: 1n });
    profile.add(trace(1));
    keeper.drop(profile);
    expect(readdirSync(path.dirname(file)).some((name) => /^[0-9a-f]{32}-1\.json$/.test(name))).toBe(true);
    keeper.close();
  });

  it('that cannot be kept are told of, and nothing else happens', () => {
    const troubles: string[] = [];
    const keeper = new ProfileKeeper('/etc/hostname', (text) => troubles.push(text));
    keeper.open(about).add(trace(1));
    keeper.close();
    expect(troubles).toEqual([expect.stringContaining('is begun anew'), expect.stringContaining('could not be kept')]);
  });
});
