// Bombs that a request sets off, before they run: what its shapes decide is predicted, never too low, and refused by the prediction; what hangs on a value has no bound, and
// is refused where the policy says so. The worker never meets them.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AirlockError } from '../../../../src/core/index.ts';
import { type CostModel, evaluateCost, type SignatureCost } from '../../../../src/cost/index.ts';
import { scanInProcess } from '../../../../src/scan/engine/index.ts';
import { type Model, openModel } from '../../../../src/serving/index.ts';
import { needsRuntime } from '../../../support/runtime.ts';
import { reachableSandbox } from '../../../support/sandbox.ts';
import { root, temporaryFolder, until } from '../../../support/server.ts';
import { FamilyMemory } from '../family-memory.ts';
import { type Case, cases } from './bomb-facts.ts';
import { type BombForm, bombModel, writeBombModel } from './bomb-graph.ts';
import { bombBody } from './bomb-world.ts';
import { bombs } from './bombs.ts';

const mebibyte = 2 ** 20;
const bombMiB = 600;
const byRows = cases.filter(({ bomb }) => bomb.by !== 'number');
const byNumber = cases.filter(({ bomb }) => bomb.by === 'number');

let folder: string;
beforeAll(() => {
  folder = temporaryFolder();
});
afterAll(() => rmSync(folder, { recursive: true }));

const known = new Map<string, Promise<CostModel>>();

/** Worked out once for each form and sizes. */
function costOf(form: BombForm, sizes: Readonly<Record<string, number>>): Promise<CostModel> {
  const key = JSON.stringify([form, sizes]);
  const cost = known.get(key) ?? workOut(join(folder, `${form}-${known.size}`), form, sizes);
  known.set(key, cost);
  return cost;
}

async function workOut(at: string, form: BombForm, sizes: Readonly<Record<string, number>>): Promise<CostModel> {
  writeBombModel(at, bombModel(bombs, form, sizes));
  const { cost } = await scanInProcess({ path: join(at, '1'), tensorflow: '2.21.0', withCost: true });
  if (cost === undefined) throw new Error('no cost');
  return cost;
}

const signatureOf = (cost: CostModel, name: string): SignatureCost | undefined =>
  cost.signatures.find((signature) => signature.name === name);

describe('the cost model', () => {
  it.each(byRows)('bounds the memory of $bomb.name by what a request sends', async ({ bomb, harmful }) => {
    const found = signatureOf(await costOf('input', {}), bomb.name);
    expect(found?.gaps).toEqual([]);
    const rows = Math.ceil(harmful(bombMiB));
    const sizes = new Map(found?.variables.map(({ name, axis }) => [name, axis === 0 ? rows : 1]));
    const bytes = evaluateCost(found?.peakBytes ?? Number.NaN, sizes);
    expect(bytes).toBeGreaterThan(bombMiB * mebibyte);
    expect(bytes).toBeLessThan(4 * bombMiB * mebibyte);
  });

  it.each(byNumber)('says that nothing bounds $bomb.name', async ({ bomb }) => {
    const found = signatureOf(await costOf('input', {}), bomb.name);
    expect(found?.gaps.map(({ why }) => why)).toContain(/loop|doubling|growth/.test(bomb.name) ? 'loop' : 'shape');
  });

  it.each(cases.filter(({ takes }) => takes === undefined))('never says too little of $bomb.name as a constant', async (one) => {
    const { bomb, harmful } = one;
    const sizes = Object.fromEntries(cases.map((each) => [each.bomb.name, Math.ceil(each.harmful(bombMiB))]));
    const found = signatureOf(await costOf('model', sizes), bomb.name);
    // Of a string that is doubled so often this is the least.
    const leastMiB = bomb.name === 'string_doubling' ? 2 ** harmful(bombMiB) / mebibyte : bombMiB;
    // With a gap it speaks of the part that it knows, and says so.
    if (found?.gaps.length === 0) expect(found.peakBytes).toBeGreaterThanOrEqual(leastMiB * mebibyte);
    else expect(found?.gaps).toContainEqual(expect.objectContaining({ why: expect.stringMatching(/loop|shape/) }));
  });
});

describe.skipIf(needsRuntime !== '')(`a model with limits of cost${needsRuntime}`, () => {
  let model: Model;
  let memory: FamilyMemory;
  beforeAll(async () => {
    const at = join(folder, 'served');
    writeBombModel(at, bombModel(bombs, 'input', {}));
    model = await openModel({
      path: join(at, '1'),
      store: join(root, '.airlock'),
      unsafeUnsigned: true,
      sandbox: reachableSandbox,
      // Loops without an end are found by the scan, and would keep it from being served.
      refuseAt: 'critical',
      costLimits: { maxRequestMemoryMiB: 64, unknownCost: 'refuse' },
    });
    memory = new FamilyMemory();
  });
  afterAll(async () => {
    await model?.close();
    await memory?.close();
  });

  async function refusal(one: Case, size: number): Promise<AirlockError> {
    const body = Buffer.from(bombBody(one.bomb, 'input', size));
    const answer: unknown = await model.predictJson(body).catch((thrown) => thrown);
    if (answer instanceof AirlockError) return answer;
    throw new Error(`${one.bomb.name} was answered`);
  }

  it.each(byRows)('refuses $bomb.name by its prediction, and answers when it is small', async (one) => {
    const { code, violations } = await refusal(one, Math.ceil(one.harmful(bombMiB)));
    expect(code).toBe('COST_EXCEEDED');
    expect(violations[0]).toMatchObject({ path: 'x', rule: 'maxRequestMemoryMiB' });
    const small = await model.predictJson(Buffer.from(bombBody(one.bomb, 'input', 2)));
    expect(JSON.parse(small.toString())).toHaveProperty('outputs');
  });

  it.each(byNumber)('refuses $bomb.name, whose cost nobody knows', async (one) => {
    expect((await refusal(one, one.absurd)).code).toBe('COST_UNKNOWN');
  });

  it('and no worker took anything for it', async () => {
    // TensorFlow keeps what it once had.
    await until('the memory was looked at', () => memory.looks > 5);
    expect(memory.mostMiB).toBeLessThan(400);
  });
});
