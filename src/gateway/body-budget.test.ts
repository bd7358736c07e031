// The budget of all bodies: never overdrawn, shared between clients, and given back whatever becomes of a request.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAirlockError } from '../core/index.ts';
import { BodyBudget, type BodyShare } from './body-budget.ts';

const kibibyte = 1024;

function codeOf(action: () => void): string | undefined {
  try {
    action();
    return undefined;
  } catch (thrown) {
    return isAirlockError(thrown) ? thrown.code : 'another';
  }
}

describe('BodyBudget', () => {
  it('refuses what does not fit and takes it after a release', () => {
    const budget = new BodyBudget(100);
    const [first, second] = [budget.open('a'), budget.open('b')];
    first.add(60);
    expect(codeOf(() => second.add(41))).toBe('SERVER_OVERLOADED');
    first.release();
    first.release();
    second.add(100);
    expect(budget.usedBytes).toBe(100);
  });

  it('leaves room for the next client, however much one asks for', () => {
    const budget = new BodyBudget(1_000 * kibibyte, 50);
    const greedy = Array.from({ length: 30 }, () => budget.open('greedy'));
    const codes = greedy.map((share) => codeOf(() => share.add(50 * kibibyte)));
    expect(codes.filter((code) => code === undefined)).toHaveLength(10);
    expect(codes.at(-1)).toBe('CLIENT_OVERLOADED');
    // Half of what is free is there for the second one, and so on.
    const second = budget.open('second');
    second.add(250 * kibibyte);
    expect(codeOf(() => second.add(kibibyte))).toBe('CLIENT_OVERLOADED');
    budget.open('third').add(125 * kibibyte);
    for (const share of greedy) share.release();
    second.add(100 * kibibyte);
  });

  it('leaves room for a 21st client beside 20 that take all they can', () => {
    const budget = new BodyBudget(100_000 * kibibyte, 50);
    const shares = Array.from({ length: 20 }, (_, index) => budget.open(`attacker${index}`));
    for (let round = 0; round < 2_000; round++) for (const share of shares) codeOf(() => share.add(100 * kibibyte));
    budget.open('honest').add(4_000 * kibibyte);
    expect(budget.usedBytes).toBeGreaterThan(90_000 * kibibyte);
  });

  it('takes the whole of a body that is alone, and any body where clients have no bound', () => {
    const budget = new BodyBudget(1_000 * kibibyte, 50);
    const alone = budget.open('a');
    alone.add(600 * kibibyte);
    alone.add(400 * kibibyte);
    alone.release();
    const open = new BodyBudget(1_000 * kibibyte, 100);
    open.open('a').add(500 * kibibyte);
    open.open('a').add(500 * kibibyte);
  });

  it('holds exactly what open shares hold, within every bound, and forgets clients that hold nothing', () => {
    const step = fc.tuple(fc.nat(5), fc.nat(60 * kibibyte), fc.boolean());
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), fc.array(step, { maxLength: 60 }), (percent, steps) => {
        const maxBytes = 200 * kibibyte;
        const budget = new BodyBudget(maxBytes, percent);
        const open = (index: number) => ({ share: budget.open(`c${index % 3}`), held: 0 });
        const shares: { share: BodyShare; held: number }[] = Array.from({ length: 6 }, (_, index) => open(index));
        for (const [index, bytes, release] of steps) {
          const one = shares[index];
          if (release) {
            one.share.release();
            one.held = 0;
          } else if (codeOf(() => one.share.add(bytes)) === undefined) one.held += bytes;
          expect(budget.usedBytes).toBe(shares.reduce((sum, { held }) => sum + held, 0));
          expect(budget.usedBytes).toBeLessThanOrEqual(maxBytes);
        }
        for (const { share } of shares) share.release();
        expect([budget.usedBytes, budget.clientCount]).toEqual([0, 0]);
      }),
    );
  });
});
