// What follows from broken rules: modes and samples, what is kept, and what a client is told.
import { describe, expect, it } from 'vitest';
import type { Action } from './contract-types.ts';
import { type BoundRule, Findings } from './findings.ts';

const rule = (
  mode: BoundRule['mode'],
  kind: 'reject' | 'log' | 'clip' = 'reject',
  name: BoundRule['name'] = 'max',
): BoundRule => ({
  id: `s/inputs/x/${name}`,
  name,
  mode,
  action: { kind },
});
const findings = (draw = 0.5, limit = 10): Findings => new Findings({ limit, draw, sampleFraction: 0.3 });
const report = (given: Findings, broken: BoundRule, path = 'x[1]', got = '7'): Action | undefined =>
  given.report(
    broken,
    () => path,
    'at most 3',
    () => got,
  );

describe('a rule that is broken', () => {
  it('acts by its mode, in a sample only on the requests that are drawn', () => {
    const outcomes = (mode: BoundRule['mode'], draw: number) => {
      const given = findings(draw);
      report(given, rule(mode));
      return [given.kept[0].outcome, given.refused, given.refusals];
    };
    for (const draw of [0, 0.29, 0.3, 0.9]) {
      expect(outcomes('enforce', draw)).toEqual(['reject', true, 1]);
      expect(outcomes('shadow', draw)).toEqual(['shadow', false, 0]);
      expect(outcomes('sample', draw)).toEqual(draw < 0.3 ? ['reject', true, 1] : ['shadow', false, 0]);
    }
  });

  it('gives the check an action only where the check has to act', () => {
    expect(report(findings(), rule('enforce', 'clip'))).toEqual({ kind: 'clip' });
    expect(report(findings(), rule('shadow', 'clip'))).toBeUndefined();
    expect(report(findings(), rule('enforce', 'reject'))).toBeUndefined();
    expect(report(findings(), rule('enforce', 'log'))).toBeUndefined();
  });

  it('is counted beyond the limit, and the first refusal is kept even then', () => {
    const given = findings(0.5, 2);
    const [watching, refusing] = [rule('shadow'), rule('enforce', 'reject', 'min')];
    for (let time = 0; time < 3; time++) report(given, watching);
    for (let time = 0; time < 3; time++) report(given, refusing);
    expect(given.kept.map(({ outcome }) => outcome)).toEqual(['shadow', 'shadow', 'reject']);
    expect([...given.counts.values()]).toEqual([3, 3]);
    expect(given.refusals).toBe(3);
  });

  it('makes no text of what is not kept, and shows no more than 40 characters of a value, in a safe spelling', () => {
    const given = findings(0.5, 1);
    report(given, rule('enforce'), 'x[0]', `a\x1b\u202e${'b'.repeat(100)}`);
    const [{ violation }] = given.kept;
    expect(violation.got).toBe(`a\\u{1b}\\u{202e}${'b'.repeat(37)}…`);
    given.report(
      rule('enforce'),
      () => expect.fail('a path that nobody reads'),
      '',
      () => expect.fail('a value that nobody reads'),
    );
    expect(given.refusals).toBe(2);
  });
});

describe('the refusal', () => {
  it('says the first reason, how many more there are, and lists what refuses and nothing else', () => {
    const given = findings();
    report(given, rule('shadow'), 'x[0]');
    report(given, rule('enforce', 'log'), 'x[1]');
    report(given, rule('enforce'), 'x[2]', '9');
    const one = given.error('CONTRACT_VIOLATION');
    expect(one.message).toMatch(/ at x\[2\]: expected at most 3, got 9$/);
    expect(one).toMatchObject({
      code: 'CONTRACT_VIOLATION',
      violations: [{ path: 'x[2]', rule: 'max', ruleId: 's/inputs/x/max', expected: 'at most 3', got: '9' }],
    });
    report(given, rule('enforce'), 'x[3]');
    report(given, rule('enforce'), 'x[4]');
    const more = given.error('MODEL_OUTPUT_REFUSED');
    expect(more.message).toMatch(/ at x\[2\]: expected at most 3, got 9 \(and 2 more\)$/);
    expect(more.code).toBe('MODEL_OUTPUT_REFUSED');
    expect(more.violations).toHaveLength(3);
  });

  it('names no place where there is none', () => {
    const given = findings();
    report(given, rule('enforce'), '');
    expect(given.error('CONTRACT_VIOLATION').message).toMatch(/[^ ]: expected at most 3, got 7$/);
    expect(given.error('CONTRACT_VIOLATION').message).not.toContain(' at :');
  });
});
