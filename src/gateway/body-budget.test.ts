// The budget of all bodies: never overdrawn, and given back whatever becomes of a request.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAirlockError } from '../core/index.ts';
import { BodyBudget } from './body-budget.ts';

describe('BodyBudget', () => {
  it('refuses what does not fit and takes it after a release', () => {
    const budget = new BodyBudget(100);
    const [first, second] = [budget.open(), budget.open()];
    first.add(60);
    let code: string | undefined;
    try {
      second.add(41);
    } catch (thrown) {
      code = isAirlockError(thrown) ? thrown.code : undefined;
    }
    expect(code).toBe('SERVER_OVERLOADED');
    first.release();
    first.release();
    second.add(100);
    expect(budget.usedBytes).toBe(100);
  });

  it('holds exactly what open shares hold, within the limit', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(4), fc.nat(50), fc.boolean())), (steps) => {
        const budget = new BodyBudget(120);
        const shares = Array.from({ length: 5 }, () => ({ share: budget.open(), held: 0 }));
        for (const [index, bytes, release] of steps) {
          const one = shares[index];
          if (release) {
            one.share.release();
            one.held = 0;
          } else {
            try {
              one.share.add(bytes);
              one.held += bytes;
            } catch {
              // Refused: nothing was taken.
            }
          }
          expect(budget.usedBytes).toBe(shares.reduce((sum, { held }) => sum + held, 0));
          expect(budget.usedBytes).toBeLessThanOrEqual(120);
        }
      }),
    );
  });
});
