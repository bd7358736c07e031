// Resource bombs, as models and as inputs: each works where nothing stands in its way (bounded here, so that it does no harm), the scan refuses it as a constant, and where
// it is served nevertheless its limits hold: the request is refused or ended, the honest model beside it never notices, and the workers stay within their memory.
//
//   AIRLOCK_BOMBS=all npx vitest run tests/security/resources/bombs      the long form: each bomb against each limit
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareSeverity } from '../../../../src/core/index.ts';
import { scanInProcess } from '../../../../src/scan/engine/index.ts';
import { needsRuntime } from '../../../support/runtime.ts';
import { temporaryFolder } from '../../../support/server.ts';
import { type Bomb, bombModel, writeBombModel } from './bomb-graph.ts';
import { BombWorld, bombBody, freeMemoryMiB } from './bomb-world.ts';
import { bombs, doublingCalls } from './bombs.ts';

const isLong = process.env.AIRLOCK_BOMBS === 'all';

const floatsPerMiB = 2 ** 18;

interface Facts {
  /** The size that takes so many MiB, or most of a second. */
  readonly harmful: (mebibytes: number) => number;
  /** More than any machine has. */
  readonly absurd: number;
  /** The rule of the scan that refuses the absurd size when it is a constant. */
  readonly rule: string | undefined;
  readonly takes?: 'time';
  /** In CI it meets the limits of a worker too; each costs a worker's restart. */
  readonly isShort?: true;
}

interface Case extends Facts {
  readonly bomb: Bomb;
}

/** In the order of what they take when nothing holds them: TensorFlow keeps what it once had, so each has to take more than those before it to be seen. */
const facts: Readonly<Record<string, Facts>> = {
  fill: { harmful: (mebibytes) => mebibytes * floatsPerMiB, absurd: 1.5e10, rule: 'memory/large-tensor', isShort: true },
  tile: { harmful: (mebibytes) => (mebibytes * floatsPerMiB) / 16, absurd: 1e10, rule: 'memory/large-tensor' },
  broadcast_to: { harmful: (mebibytes) => (mebibytes * floatsPerMiB) / 16, absurd: 1e9, rule: 'memory/large-tensor' },
  range: { harmful: (mebibytes) => (mebibytes * floatsPerMiB) / 2, absurd: 7e10, rule: 'memory/large-tensor' },
  one_hot: { harmful: (mebibytes) => Math.sqrt(mebibytes * floatsPerMiB), absurd: 120_000, rule: 'memory/large-tensor' },
  attention: { harmful: (mebibytes) => Math.sqrt(mebibytes * floatsPerMiB), absurd: 90_000, rule: 'memory/large-tensor' },
  wide_rows: { harmful: (mebibytes) => (mebibytes * floatsPerMiB) / 100_000, absurd: 150_000, rule: 'memory/large-tensor' },
  // The scan does not see what a list in a loop grows to.
  list_growth: { harmful: (mebibytes) => 2 * mebibytes, absurd: 1e6, rule: undefined },
  string_doubling: { harmful: () => 28, absurd: 60, rule: 'memory/loop-growth', isShort: true },
  nested_loops: { harmful: () => 250, absurd: 1e6, rule: 'hang/long-loop', takes: 'time' },
  endless_loop: { harmful: () => 1, absurd: 1, rule: 'hang/endless-loop', takes: 'time', isShort: true },
};

const byName = new Map(bombs.map((bomb) => [bomb.name, bomb]));
const cases: readonly Case[] = Object.entries(facts).flatMap(([name, fact]) => {
  const bomb = byName.get(name);
  return bomb === undefined ? [] : [{ bomb, ...fact }];
});
const sizes = Object.fromEntries(cases.map(({ bomb, absurd }) => [bomb.name, absurd]));
const short = cases.filter(({ isShort = false }) => isLong || isShort);

describe('the scan', () => {
  const folder = temporaryFolder();
  afterAll(() => rmSync(folder, { recursive: true }));

  async function refusals(bomb: Bomb, size: number): Promise<readonly string[]> {
    const at = join(folder, `${bomb.name}-${size}`);
    writeBombModel(at, bombModel([bomb], 'model', { [bomb.name]: size }));
    const { findings } = await scanInProcess({ path: join(at, '1'), tensorflow: '2.21.0' });
    return findings.filter(({ severity }) => compareSeverity(severity, 'high') >= 0).map(({ ruleId }) => ruleId);
  }

  it.each(cases.filter(({ rule }) => rule !== undefined))('refuses $bomb.name as a constant', async ({ bomb, absurd, rule }) => {
    expect(await refusals(bomb, absurd)).toContain(rule);
  });

  it.each(cases.filter(({ bomb, rule }) => rule !== undefined && bomb.name !== 'endless_loop'))(
    'takes $bomb.name with a small constant',
    async ({ bomb }) => {
      expect(await refusals(bomb, 3)).toEqual([]);
    },
  );

  it('refuses calls that double 24 times, and takes those that do it 4 times', async () => {
    expect(await refusals(doublingCalls(24), 1)).toContain('memory/composition');
    expect(await refusals(doublingCalls(4), 2)).toEqual([]);
  });
});

/** Codes of requests that a limit of the worker has ended, or that TensorFlow itself gave up for want of memory. */
const endings: Readonly<Record<'memory' | 'time', readonly string[]>> = {
  memory: [
    'WORKER_OUT_OF_MEMORY',
    'TENSORFLOW_RESOURCE_EXHAUSTED',
    'TENSORFLOW_INVALID_ARGUMENT',
    'CPU_TIME_EXCEEDED',
    'DEADLINE_EXCEEDED',
  ],
  time: ['DEADLINE_EXCEEDED', 'CPU_TIME_EXCEEDED'],
};

const endingsOf = ({ takes }: Case): readonly string[] => endings[takes ?? 'memory'];

const missing = needsRuntime || (freeMemoryMiB() > 4_000 ? '' : ' (skipped without 4 GB of free memory)');

describe.skipIf(missing !== '')(`bombs that are served${missing}`, () => {
  const budgetMiB = 2_400;
  const workerMiB = 450;
  const held = { memoryMiB: workerMiB, timeoutMs: 1_000, graceMs: 200 };
  let world: BombWorld;
  beforeAll(async () => {
    world = await BombWorld.open(
      [
        {
          form: 'input',
          bombs,
          sizes: {},
          models: {
            open: { limits: { memoryMiB: 4_096, timeoutMs: 2_500 } },
            guarded: { limits: held, spareWorker: true },
          },
        },
        { form: 'model', bombs, sizes, models: { constant: { limits: held, spareWorker: true } } },
      ],
      { limits: { machine: { memoryMiB: budgetMiB } } },
    );
  });
  afterAll(() => world?.close());

  const firstMiB = 200;
  const stepMiB = 40;
  it.each(cases.map((one, index) => ({ ...one, mebibytes: firstMiB + index * stepMiB })))(
    '$bomb.name works where nothing holds it',
    async ({ bomb, takes, harmful, mebibytes }) => {
      const { status, code, tookMiB, tookMs } = await world.send('open', bombBody(bomb, 'input', Math.round(harmful(mebibytes))));
      if (bomb.name === 'endless_loop') expect(code).toBe('DEADLINE_EXCEEDED');
      else expect(status).toBe(200);
      if (takes === 'time') expect(tookMs).toBeGreaterThan(200);
      else expect(tookMiB).toBeGreaterThan(stepMiB / 2);
    },
  );

  /** The worker may be ended only after its answer. */
  async function attack(model: string, body: string, codes: readonly string[]): Promise<void> {
    const { code, tookMs } = await world.send(model, body);
    await setTimeout(2 * held.graceMs);
    await world.recovered(model);
    expect(codes).toContain(code);
    expect(tookMs).toBeLessThan(5_000);
  }

  it.each(short)('$bomb.name of a request is ended by the limits of the worker', async (one) => {
    const size = one.takes === 'time' ? one.absurd : Math.round(one.harmful(workerMiB + 100));
    await attack('guarded', bombBody(one.bomb, 'input', size), endingsOf(one));
  });

  it.each(short)('$bomb.name of a model is ended by the limits of the worker', async (one) => {
    await attack('constant', bombBody(one.bomb, 'model', 0), endingsOf(one));
  });

  it('nobody else noticed', () => {
    const { answered, faults, restarts, slowestMs } = world.honest;
    expect(faults).toEqual([]);
    expect(restarts).toBe(0);
    expect(answered).toBeGreaterThan(100);
    expect(slowestMs).toBeLessThan(5_000);
    expect(world.memory.looks).toBeGreaterThan(100);
    expect(world.memory.mostMiB).toBeLessThan(budgetMiB);
  });
});
