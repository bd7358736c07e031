// Over a hundred attacks by somebody who owns a worker: each works in a process without a jail, and none at the levels that a server
// starts at. The processes are started by the real jail and sealed by the worker's code; matrix.mjs says which layer stops what.
import { beforeAll, describe, expect, it } from 'vitest';
import { type Jail, openJail } from '../../../src/sandbox/index.ts';
import { isRoot, lacksLevel, notBuilt, optionsFor } from '../../support/jail-level.ts';
import { type Attack, attacks, attemptAll, insideFolder, type Outcomes } from './trial.mjs';

const runLimitMs = 300_000;

async function attackAll(jail: Jail, chosen: readonly Attack[]): Promise<Outcomes> {
  const results = await attemptAll(jail, chosen, { seal: jail.level !== 'none' });
  await jail.close();
  return results;
}

describe.skipIf(notBuilt !== '')(`without a jail${notBuilt}`, () => {
  let unjailed: Outcomes;

  beforeAll(async () => {
    const usual = attacks.filter(({ apart }) => apart === undefined);
    unjailed = await attackAll(await openJail(optionsFor('none')), usual);
  }, runLimitMs);

  for (const { name, shows, needs, apart } of attacks) {
    const condition = apart === undefined ? needs && ` (skipped without ${needs})` : ` (skipped: ${apart})`;
    it.skipIf(apart !== undefined)(`${name} works: ${shows}${condition ?? ''}`, ({ skip }) => {
      const outcome = unjailed.outcomes.get(name);
      // Whether a machine has what an attack needs shows only when it is made.
      if (needs !== undefined && !outcome?.worked) skip(outcome?.by);
      expect(outcome).toEqual({ worked: true });
    });
  }

  it('enough of them work to show something', () => {
    const working = [...unjailed.outcomes.values()].filter(({ worked }) => worked);
    expect(working.length).toBeGreaterThanOrEqual(isRoot ? 90 : 60);
  });

  it('the server and the files show it', () => {
    const { before, after } = unjailed;
    for (const way of ['tcp', 'udp', 'abstract', 'path', 'signals']) expect(after[way]).not.toBe(before[way]);
    expect(after.files).not.toEqual(before.files);
    expect(after.priority).not.toBe(before.priority);
  });
});

describe.each(['process', 'full'] as const)('at level %s', (level) => {
  const whyNot = lacksLevel(level);
  let jailed: Outcomes;

  beforeAll(async () => {
    if (whyNot !== '') return;
    const jail = await openJail({ ...optionsFor(level), readable: [insideFolder] });
    expect(jail.level).toBe(level);
    jailed = await attackAll(jail, attacks);
  }, runLimitMs);

  for (const { name } of attacks) {
    it.skipIf(whyNot !== '')(`${name} is refused${whyNot}`, () => {
      expect(jailed.outcomes.get(name)).toEqual({
        worked: false,
        by: expect.stringMatching(/^(E[A-Z]+|SIG(SYS|XFSZ)|no effect)$/),
      });
    });
  }

  it.skipIf(whyNot !== '')(`the server and the files are as they were${whyNot}`, () =>
    expect(jailed.after).toEqual(jailed.before),
  );
});
