// Resource bombs, as models and as inputs: each works where nothing stands in its way (bounded here, so that it does no harm), the scan refuses it as a constant, and where
// it is served nevertheless its limits hold: the request is refused or ended, the honest model beside it never notices, and the workers stay within their memory.
//
//   AIRLOCK_BOMBS=all npx vitest run tests/security/resources/bombs      the long form: each bomb set off, and against each limit
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { compareSeverity } from '../../../../src/core/index.ts';
import { scanInProcess } from '../../../../src/scan/engine/index.ts';
import { needsRuntime } from '../../../support/runtime.ts';
import { temporaryFolder } from '../../../support/server.ts';
import { type Case, cases } from './bomb-facts.ts';
import { type Bomb, type BombForm, bombModel, writeBombModel } from './bomb-graph.ts';
import { BombWorld, bombBody, freeMemoryMiB } from './bomb-world.ts';
import { bombs, doublingCalls } from './bombs.ts';

vi.mock('../../../../src/runtime/verify-slot.ts', async (original) =>
  (await import('../../../support/verify-once.ts')).verifyOnce(await original()),
);

const isLong = process.env.AIRLOCK_BOMBS === 'all';

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

  it.each(cases)('refuses $bomb.name as a constant', async ({ bomb, absurd, rule }) => {
    expect(await refusals(bomb, absurd)).toContain(rule);
  });

  it.each(cases.filter(({ bomb }) => bomb.name !== 'endless_loop'))(
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
  it.each(short.map((one, index) => ({ ...one, mebibytes: firstMiB + index * stepMiB })))(
    '$bomb.name works where nothing holds it',
    async ({ bomb, takes, harmful, mebibytes }) => {
      const { status, code, tookMiB, tookMs } = await world.send('open', bombBody(bomb, 'input', Math.round(harmful(mebibytes))));
      if (bomb.name === 'endless_loop') expect(code).toBe('DEADLINE_EXCEEDED');
      else expect(status).toBe(200);
      if (takes === 'time') expect(tookMs).toBeGreaterThan(200);
      else expect(tookMiB).toBeGreaterThan(stepMiB / 2);
    },
  );

  async function attack(model: string, form: BombForm, body: string, codes: readonly string[]): Promise<void> {
    const { code, tookMs } = await world.send(model, body);
    await world.recovered(model, form);
    expect(codes).toContain(code);
    expect(tookMs).toBeLessThan(5_000);
  }

  it.each(short)('$bomb.name of a request is ended by the limits of the worker', async (one) => {
    const size = one.takes === 'time' ? one.absurd : Math.round(one.harmful(workerMiB + 100));
    await attack('guarded', 'input', bombBody(one.bomb, 'input', size), endingsOf(one));
  });

  it.each(short)('$bomb.name of a model is ended by the limits of the worker', async (one) => {
    await attack('constant', 'model', bombBody(one.bomb, 'model', 0), endingsOf(one));
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
