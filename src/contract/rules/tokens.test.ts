import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numbers, type RuleDraft, refusedBy, runRules } from '../../../tests/support/contracts.ts';
import type { TokenRules } from '../contract-types.ts';

const token = fc.integer({ min: 0, max: 4 });
const row = fc.array(token, { minLength: 6, maxLength: 6 });

function rulesOf(tokens: Partial<TokenRules>): RuleDraft {
  return { dtype: 'DT_INT32', tokens: { padSide: 'right', specialIds: [], ...tokens } };
}
const refused = (tokens: Partial<TokenRules>, rows: readonly (readonly number[])[]): string[] =>
  refusedBy(runRules(rulesOf(tokens), numbers('DT_INT32', rows.flat(), [rows.length, rows[0]?.length ?? 0])).findings);

/** A row without the padding of one side, as text arithmetic. */
function bodyOf(values: readonly number[], side: 'left' | 'right'): number[] {
  const text = values.join('');
  return [...(side === 'left' ? text.replace(/^0+/, '') : text.replace(/0+$/, ''))].map(Number);
}

describe('tokens', () => {
  it.each(['left', 'right'] as const)('padding stands at the %s only', (padSide) => {
    fc.assert(
      fc.property(row, (values) => {
        const isBroken = bodyOf(values, padSide).includes(0);
        expect(refused({ padId: 0, padSide }, [[1, 1, 1, 1, 1, 1], values])).toEqual(isBroken ? ['tokens.padding'] : []);
      }),
    );
  });

  it.each(['left', 'right'] as const)('begin, end and length are those without padding at the %s', (padSide) => {
    fc.assert(
      fc.property(row, (values) => {
        const body = bodyOf(values, padSide);
        const rules = { padSide, startsWith: 1, endsWith: 2, length: { min: 2, max: 4 }, padId: 0 };
        const expected = [
          ...(body.includes(0) ? ['tokens.padding'] : []),
          ...(body[0] === 1 ? [] : ['tokens.startsWith']),
          ...(body.at(-1) === 2 ? [] : ['tokens.endsWith']),
          ...(body.length >= 2 && body.length <= 4 ? [] : ['tokens.length']),
        ];
        expect(refused(rules, [values])).toEqual(expected);
      }),
    );
  });

  it('counts special tokens and repeats, without padding', () => {
    fc.assert(
      fc.property(row, token, fc.integer({ min: 1, max: 5 }), (values, maxSpecialTokens, maxRepeatRun) => {
        const body = bodyOf(values, 'right');
        const specials = body.filter((value) => value === 1 || value === 3).length;
        const longest = Math.max(0, ...[...body.join('').matchAll(/([1-4])\1*/g)].map(([run]) => run.length));
        expect(refused({ padId: 0, specialIds: [1, 3], maxSpecialTokens }, [values]).includes('tokens.maxSpecialTokens')).toBe(
          specials > maxSpecialTokens,
        );
        expect(refused({ padId: 0, maxRepeatRun }, [values]).includes('tokens.maxRepeatRun')).toBe(longest > maxRepeatRun);
      }),
    );
  });

  it('tells 64-bit ids apart that are one double', () => {
    const big = 2n ** 53n;
    const tokens: TokenRules = { padSide: 'right', specialIds: [], startsWith: big + 1n, maxRepeatRun: 1 };
    const run = (values: bigint[]) => refusedBy(runRules({ dtype: 'DT_INT64', tokens }, numbers('DT_INT64', values)).findings);
    expect(run([big + 1n, big, big + 1n])).toEqual([]);
    expect(run([big, big + 1n])).toEqual(['tokens.startsWith']);
    expect(run([big + 1n, big + 1n])).toEqual(['tokens.maxRepeatRun']);
  });

  it('has no token to begin or end with in a row of padding', () => {
    expect(refused({ padId: 0, startsWith: 1 }, [[0, 0]])).toEqual(['tokens.startsWith']);
    // What follows such a row, or comes before it, is another row's.
    expect(
      refused({ padId: 0, padSide: 'left', startsWith: 1 }, [
        [0, 0],
        [1, 1],
      ]),
    ).toEqual(['tokens.startsWith']);
    expect(
      refused({ padId: 0, endsWith: 1 }, [
        [1, 1],
        [0, 0],
      ]),
    ).toEqual(['tokens.endsWith']);
    expect(refused({ padId: 0, startsWith: 1, endsWith: 1, length: { min: 1 } }, [])).toEqual([]);
  });

  it('takes a row without elements for one without tokens', () => {
    const all = ['tokens.startsWith', 'tokens.endsWith', 'tokens.length'];
    const tokens: TokenRules = { padSide: 'right', specialIds: [], startsWith: 1, endsWith: 2, length: { min: 2 } };
    const run = (shape: number[], rules = tokens) =>
      runRules({ dtype: 'DT_INT32', tokens: rules }, numbers('DT_INT32', [], shape)).findings;
    for (const shape of [[3, 0], [0], [2, 2, 0]]) expect(refusedBy(run(shape))).toEqual(all);
    expect(run([3, 0]).kept[0].violation).toMatchObject({ path: 'x', got: 'no token' });
    for (const shape of [
      [0, 0],
      [2, 0, 0],
    ])
      expect(refusedBy(run(shape))).toEqual([]);
    expect(refusedBy(run([3, 0], { padSide: 'right', specialIds: [], maxSpecialTokens: 0, length: { max: 4 } }))).toEqual([]);
    // As many rows as a shape can name take no time, and no more of them are reported than of any others.
    const { counts } = run([2 ** 40, 0]);
    expect([...counts.values()]).toEqual([32, 32, 32]);
  });
});
