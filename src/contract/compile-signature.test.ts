// The stages of a compiled signature: what a refusal or a log of one stage means for the next, and outputs that a contract does not name.
import { describe, expect, it } from 'vitest';
import {
  type ContractDraft,
  contractOf,
  numbers,
  refusedBy,
  runContract,
  runRules,
  signatureOf,
} from '../../tests/support/contracts.ts';
import type { Tensor } from '../tensor/index.ts';
import { compileContract } from './compiled-contract.ts';

const fixed = (size: number) => ({ kind: 'fixed', size }) as const;
const symbol = (name: string) => ({ kind: 'symbol', name, multiplier: 1, offset: 0 }) as const;
const ints = (...values: number[]): Tensor => numbers('DT_INT32', values);
const log = { kind: 'log' } as const;

describe('rules are bound', () => {
  it('so that a soft bound only watches, and is not looked at when it is off', () => {
    const soft = (mode: string) =>
      runRules({ dtype: 'DT_INT32', softMax: 1, modes: { softMax: mode } }, ints(2)).findings.kept.map(({ outcome }) => outcome);
    expect(soft('enforce')).toEqual(['shadow']);
    expect(soft('off')).toEqual([]);
    const off: ContractDraft = { mode: 'off', inputs: { x: { dtype: 'DT_INT32', softMax: 1 } } };
    expect(runContract(off, { x: ints(2) }).findings.kept).toEqual([]);
  });

  it('so that making zeros positive changes nothing else', () => {
    const rules = { dtype: 'DT_FLOAT', max: 3, number: { negativeZero: 'normalize' } } as const;
    const { findings, tensors } = runRules(rules, numbers('DT_FLOAT', [-0, 4]));
    expect(refusedBy(findings)).toEqual(['max']);
    expect(tensors[0]).toEqual(numbers('DT_FLOAT', [0, 4]));
    expect(runRules({ dtype: 'DT_INT32', max: 3 }, ints(4)).findings.refused).toBe(true);
  });

  it('so that log stays log where no action could help', () => {
    const rules = { dtype: 'DT_INT32', shape: [fixed(1), fixed(2)], onViolation: { shape: log } } as const;
    const outcomes = (tensor: Tensor) => runRules(rules, tensor).findings.kept.map(({ outcome }) => outcome);
    expect(outcomes(ints(1, 2, 3))).toEqual(['log']);
    const truncating = { ...rules, onViolation: { shape: { kind: 'truncate', side: 'right' } } };
    expect(refusedBy(runRules(truncating, ints(1, 2, 3)).findings)).toEqual(['shape']);
  });
});

describe('the stages', () => {
  it('bind a dimension by no input whose shape is only logged', () => {
    const draft = (action: object): ContractDraft => ({
      dims: { n: { min: 1, max: 9 } },
      inputs: {
        a: { dtype: 'DT_INT32', shape: [symbol('n')], onViolation: { shape: action } },
        b: { dtype: 'DT_INT32', shape: [symbol('n')] },
      },
    });
    const run = (action: object) => {
      const { findings, dims } = runContract(draft(action), { a: ints(1, 2, 3), b: ints(1, 2) });
      return [findings.kept.map(({ rule, outcome }) => `${rule.id} ${outcome}`), dims.get('n')];
    };
    expect(run(log)).toEqual([['s/inputs/a/shape log'], 2]);
    expect(run({ kind: 'reject' })).toEqual([['s/inputs/b/shape reject'], 3]);
  });

  it('let two inputs that are only watched bind nothing for the request', () => {
    const watched = { dtype: 'DT_INT32', shape: [symbol('n')], modes: { shape: 'shadow' } } as const;
    const draft: ContractDraft = { dims: { n: { min: 1, max: 9 } }, inputs: { a: watched, b: watched } };
    const { findings, dims } = runContract(draft, { a: ints(1, 2, 3), b: ints(1, 2) });
    expect(findings.kept.map(({ rule }) => rule.id)).toEqual(['s/inputs/b/shape']);
    expect(dims.size).toBe(0);
  });

  it('count no elements of a tensor whose shape is refused, and look at no values of one whose size is', () => {
    const rules = { dtype: 'DT_INT32', shape: [fixed(1)], maxElements: 1, max: 0 } as const;
    const names = (tensor: Tensor) => runRules(rules, tensor).findings.kept.map(({ rule }) => rule.name);
    expect(names(ints(5, 5))).toEqual(['shape']);
    expect(names(ints(5))).toEqual(['max']);
    const sized = { dtype: 'DT_INT32', maxElements: 1, max: 0 } as const;
    expect(runRules(sized, ints(5, 5)).findings.kept.map(({ rule }) => rule.name)).toEqual(['maxElements']);
  });
});

describe('answers', () => {
  const y = { dtype: 'DT_INT32', shape: [fixed(1)], max: 3, matchesBatch: true, redact: true } as const;
  const draft: ContractDraft = { inputs: {}, outputs: { y } };
  const { outputs } = signatureOf({ inputs: {}, outputs: { a: y, y, z: y } });
  const compiled = compileContract(contractOf(draft), [{ ...signatureOf(draft), outputs }]).signature('s');
  const answer = (a: Tensor, y: Tensor, z: Tensor, batch = 1) => {
    const verdict = compiled?.checkOutputs([a, y, z], batch, { draw: 0.5 });
    return { rules: verdict?.findings.kept.map(({ rule }) => rule.id), tensors: verdict?.tensors };
  };

  it('leave as they came where the contract does not name them', () => {
    const [a, z] = [ints(9, 9), ints(8)];
    expect(answer(a, ints(3), z)).toEqual({ rules: [], tensors: [a, ints(0), z] });
  });

  it('are looked at for one kind of mistake after the other', () => {
    const [a, z] = [ints(9), ints(8)];
    expect(answer(a, ints(4), z).rules).toEqual(['s/outputs/y/max']);
    expect(answer(a, ints(4), z, 2).rules).toEqual(['s/outputs/y/matchesBatch']);
    expect(answer(a, ints(4, 4), z).rules?.at(0)).toBe('s/outputs/y/shape');
    expect(answer(a, ints(4, 4), z).rules).not.toContain('s/outputs/y/max');
    // Nothing is made of an answer that is refused.
    expect(answer(a, ints(4), z).tensors?.[1]).toEqual(ints(4));
  });
});

it('a signature is found by its name', () => {
  const contract = contractOf({ inputs: { x: { dtype: 'DT_INT32', max: 1 } } });
  const [[, rules]] = contract.signatures;
  const other = {
    ...rules,
    inputs: contractOf({ inputs: { x: { dtype: 'DT_INT32', max: 9 } } }).signatures.get('s')?.inputs ?? new Map(),
  };
  const signature = signatureOf({ inputs: { x: { dtype: 'DT_INT32' } } });
  const both = {
    ...contract,
    signatures: new Map([
      ['s', rules],
      ['t', other],
    ]),
  };
  const compiled = compileContract(both, [signature, { ...signature, name: 't' }]);
  const refused = (name: string) => compiled.signature(name)?.checkInputs([ints(5)], [() => 'x'], { draw: 0.5 }).findings.refused;
  expect([refused('s'), refused('t')]).toEqual([true, false]);
});
