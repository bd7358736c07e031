// Every rule with every action that it takes: what keeps to the rule goes on as it came and nothing is said of it; one step outside, just
// this rule is found, and its action gives what it promises, which then keeps to the rule.
import { describe, expect, it } from 'vitest';
import { actionsOf, type CaseName, type RuleCase, type RuleChange, ruleCases } from '../../../tests/support/contract-cases.ts';
import { contractOf, numbers, type RuleDraft, refusedBy, runRules, signatureOf } from '../../../tests/support/contracts.ts';
import { compileContract } from '../compiled-contract.ts';
import type { InputVerdict } from '../compiled-contract-types.ts';
import type { ActionKind } from '../contract-types.ts';

const names = Object.keys(ruleCases) as CaseName[];
const found = ({ findings }: InputVerdict): string[] => [...findings.counts.keys()].map(({ name }) => name);
const outcomes = ({ findings }: InputVerdict): string[] => [...new Set(findings.kept.map(({ outcome }) => outcome))];

function withAction(rules: RuleDraft, name: CaseName, action: object): RuleDraft {
  return { ...rules, onViolation: { [name]: action } };
}

function expectChange(name: CaseName, { rules, outside }: RuleCase, { action, becomes, of = outside }: RuleChange): void {
  expect(refusedBy(runRules(rules, of).findings)).toEqual([name]);
  const before = { ...of, bytes: of.bytes.slice() };
  const verdict = runRules(withAction(rules, name, action), of);
  expect(of).toEqual(before);
  expect(found(verdict)).toEqual([name]);
  expect(outcomes(verdict)).toEqual([action.kind]);
  expect(verdict.findings.refused).toBe(false);
  if ('box' in becomes) {
    const [{ resultWidth, resultHeight, firstFrameOnly }] = verdict.imageJobs;
    expect(`${resultWidth}×${resultHeight}`).toBe(becomes.box);
    expect(firstFrameOnly).toBe(true);
    return;
  }
  expect(verdict.tensors[0]).toEqual(becomes);
  expect(found(runRules(rules, becomes))).toEqual([]);
}

describe('each rule with each action', () => {
  const pairs = names.flatMap((name) => actionsOf(name).map((action): [CaseName, ActionKind] => [name, action]));
  it.each(pairs)('%s: %s', (name, kind) => {
    const one = ruleCases[name];
    const { rules, inside, outside, changes = {}, alwaysRefused } = one;
    const fine = runRules(withAction(rules, name, { kind: kind === 'log' ? 'log' : 'reject' }), inside);
    expect(found(fine)).toEqual([]);
    expect(fine.tensors[0]).toBe(inside);
    if (kind === 'reject' || kind === 'log') {
      const verdict = runRules(withAction(rules, name, { kind }), outside);
      expect(alwaysRefused === true ? found(verdict)[0] : found(verdict)).toEqual(alwaysRefused === true ? name : [name]);
      expect(verdict.findings.refused).toBe(kind === 'reject' || alwaysRefused === true);
      if (alwaysRefused !== true) expect(outcomes(verdict)).toEqual([name.startsWith('soft') ? 'shadow' : kind]);
      expect(verdict.tensors[0]).toBe(outside);
      return;
    }
    const change = changes[kind];
    if (change === undefined) throw new Error(`no case of ${name} with ${kind}`);
    expectChange(name, one, change);
  });
});

describe('the rows of an output', () => {
  const output = (rules: Partial<RuleDraft>, rows: number) => {
    const draft = { inputs: {}, outputs: { y: { dtype: 'DT_FLOAT', matchesBatch: true, ...rules } } } as const;
    const compiled = compileContract(contractOf(draft), [signatureOf(draft)]).signature('s');
    return compiled?.checkOutputs([numbers('DT_FLOAT', new Array(rows).fill(1))], 2, { draw: 0.5 }).findings.kept;
  };
  it.each(['reject', 'log'] as const)('matchesBatch: %s', (kind) => {
    const rules = { onViolation: { matchesBatch: { kind } } };
    expect(output(rules, 2)).toEqual([]);
    for (const rows of [1, 3]) expect(output(rules, rows)).toMatchObject([{ rule: { name: 'matchesBatch' }, outcome: kind }]);
  });

  it('matchesBatch only watches in shadow', () => {
    expect(output({ modes: { matchesBatch: 'shadow' } }, 3)).toMatchObject([{ outcome: 'shadow' }]);
  });
});

describe('each rule that only watches', () => {
  it.each(names)('%s finds the same, changes nothing and refuses nothing', (name) => {
    const { rules, outside, changes = {}, alwaysRefused } = ruleCases[name];
    for (const { action } of [{ action: { kind: 'reject' } }, ...Object.values(changes)]) {
      const watching = { ...withAction(rules, name, action), modes: { [name]: 'shadow' } };
      const verdict = runRules(watching, outside);
      expect(found(verdict)[0]).toBe(name);
      if (alwaysRefused !== true) expect(found(verdict)).toHaveLength(1);
      expect(verdict.findings.refused).toBe(alwaysRefused === true);
      expect(verdict.tensors[0]).toBe(outside);
      expect(verdict.imageJobs).toEqual([]);
    }
  });
});
