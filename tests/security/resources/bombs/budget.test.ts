// The memory of the machine: two models that may each take more than is left are sent bombs at the same time, again and again. Each of them alone is within its own limits;
// the budget of all of them is what holds.
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { needsRuntime } from '../../../support/runtime.ts';
import { BombWorld, bombBody, freeMemoryMiB } from './bomb-world.ts';
import { bombs } from './bombs.ts';

vi.mock('../../../../src/runtime/verify-slot.ts', async (original) =>
  (await import('../../../support/verify-once.ts')).verifyOnce(await original()),
);

const missing = needsRuntime || (freeMemoryMiB() > 4_000 ? '' : ' (skipped without 4 GB of free memory)');
const budgetMiB = 1_000;
/** Three workers that do nothing have some 400 MiB; one bomb fits beside them, two do not. */
const bombMiB = 450;
/** What a worker can take between two looks of the server's, on a busy machine. */
const lateMiB = 200;

describe.skipIf(missing !== '')(`the memory of all workers${missing}`, () => {
  let world: BombWorld;
  beforeAll(async () => {
    const limits = { memoryMiB: 4_096, timeoutMs: 5_000 };
    world = await BombWorld.open([{ form: 'input', bombs, sizes: {}, models: { first: { limits }, second: { limits } } }], {
      limits: { machine: { memoryMiB: budgetMiB } },
    });
  });
  afterAll(() => world?.close());

  it('stays within the budget, and nobody else notices', async () => {
    const [fill] = bombs;
    const body = bombBody(fill, 'input', bombMiB * 2 ** 18);
    const codes: (string | undefined)[] = [];
    for (let round = 0; round < 2; round++) {
      const both = await Promise.all([world.send('first', body), world.send('second', body)]);
      for (const { code } of both) codes.push(code);
      // Both: what the one keeps of its bomb must not keep the other away.
      await Promise.all([world.recovered('first', 'input'), world.recovered('second', 'input')]);
    }
    const { faults, restarts, answered } = world.honest;
    expect(faults).toEqual([]);
    expect(restarts).toBe(0);
    expect(answered).toBeGreaterThan(10);
    expect(world.memory.mostMiB).toBeLessThan(budgetMiB + lateMiB);
    // Otherwise there was nothing to hold.
    expect(codes.some((code) => code !== undefined)).toBe(true);
  }, 60_000);
});
