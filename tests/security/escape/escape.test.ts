// Over a hundred attacks by somebody who owns a worker: each works in a process without a jail, and none at the levels that a server
// starts at. The processes are started by the real jail and sealed by the worker's code; matrix.mjs says which layer stops what.
import { beforeAll, describe, expect, it } from 'vitest';
import { examineJail, type Jail, openJail } from '../../../src/sandbox/index.ts';
import { type Attack, attacks, attemptAll, insideFolder, type Outcomes } from './trial.mjs';

const runLimitMs = 300_000;
const isRoot = process.getuid?.() === 0;

async function attackAll(jail: Jail, chosen: readonly Attack[]): Promise<Outcomes> {
  const results = await attemptAll(jail, chosen, { seal: jail.level !== 'none' });
  await jail.close();
  return results;
}

// Before the tests are named: some of what attacks need is missing on one machine or another, and shows only when they are made.
const usual = attacks.filter(({ apart }) => apart === undefined);
const unjailed = await attackAll(await openJail({ required: 'process', unsafeLevel: 'none' }), usual);

function whyNotShown({ name, needs, apart }: Attack): string | undefined {
  if (apart !== undefined) return apart;
  const outcome = unjailed.outcomes.get(name);
  return outcome?.worked || needs === undefined ? undefined : `needs ${needs}: ${outcome?.by}`;
}

describe('without a jail', () => {
  for (const attack of attacks) {
    const reason = whyNotShown(attack);
    const title = `${attack.name} works: ${attack.shows}`;
    it.skipIf(reason !== undefined)(reason === undefined ? title : `${title} (${reason})`, () => {
      expect(unjailed.outcomes.get(attack.name)).toEqual({ worked: true });
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

const best = await examineJail();
const levels = [
  // A program that is not there turns namespaces off.
  {
    level: 'process',
    options: { required: 'process', bubblewrap: '/nonexistent/bwrap' },
    lacks: best.level !== 'full' && best.level !== 'process',
  },
  { level: 'full', options: { required: 'full' }, lacks: best.level !== 'full' },
] as const;

describe.each(levels)('at level $level', ({ level, options, lacks }) => {
  const because = lacks ? ` (this machine has ${best.level} only)` : '';
  let jailed: Outcomes;

  beforeAll(async () => {
    if (lacks) return;
    const jail = await openJail({ ...options, readable: [insideFolder] });
    expect(jail.level).toBe(level);
    jailed = await attackAll(jail, attacks);
  }, runLimitMs);

  for (const { name } of attacks) {
    it.skipIf(lacks)(`${name} is refused${because}`, () => {
      expect(jailed.outcomes.get(name)).toEqual({
        worked: false,
        by: expect.stringMatching(/^(E[A-Z]+|SIG(SYS|XFSZ)|no effect)$/),
      });
    });
  }

  it.skipIf(lacks)(`the server and the files are as they were${because}`, () => expect(jailed.after).toEqual(jailed.before));
});
