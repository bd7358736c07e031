// Models that reach out of their process through TensorFlow's own operations. Each attack is shown to work where nothing holds the worker, and to
// reach nothing at every level that the server starts with; afterwards the model answers again.
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Jail } from '../../../src/sandbox/index.ts';
import { until } from '../../support/server.ts';
import type { Attack } from './attack.ts';
import { fileReads } from './file-reads.ts';
import { fileWrites } from './file-writes.ts';
import { HostileModel, type Level, lacks, type Outcome, openJailAt } from './hostile-worker.ts';
import { network } from './network.ts';
import { World } from './world.ts';

const levels: readonly Level[] = ['none', 'process', 'full'];
const worlds = await Promise.all(levels.map(async (level) => ({ level, world: await World.open() })));

describe.each(worlds)('hostile models at level $level', ({ level, world }) => {
  const attacks = [...fileReads(world), ...fileWrites(world), ...network(world)];
  const missing = lacks(level);
  let jail: Jail;
  let model: HostileModel;
  beforeAll(async () => {
    if (missing !== '') return;
    jail = await openJailAt(level);
    model = await HostileModel.open({ jail, directory: path.join(world.directory, 'model'), attacks });
  });
  afterAll(async () => {
    await model?.close();
    await jail?.close();
    world.close();
  });

  const fire = async ({ name }: Attack): Promise<Outcome> => {
    const outcome = await model.fire(name);
    await model.recovered();
    return outcome;
  };

  if (level === 'none') {
    it.skipIf(missing !== '').each(attacks)(`works: $name${missing}`, async (attack) => {
      const { answer } = await fire(attack);
      await until('the attack works', () => attack.worked(answer), 5000);
    });
    return;
  }

  it.skipIf(missing !== '').each(attacks)(`reaches nothing: $name${missing}`, async (attack) => {
    const { answer, tookMs } = await fire(attack);
    expect(attack.worked(answer)).toBe(false);
    expect(tookMs).toBeLessThan(2500);
  });

  it.skipIf(missing !== '')(`has reached nothing when all is over${missing}`, () => {
    expect(attacks.filter(({ worked }) => worked(undefined)).map(({ name }) => name)).toEqual([]);
  });
});
