// After its actions a tensor is looked at once more: no action hands over what another rule refuses.
import { describe, expect, it } from 'vitest';
import {
  contractOf,
  numbers,
  type RuleDraft,
  refusedBy,
  runRules,
  signatureOf,
  strings,
  textsOf,
} from '../../tests/support/contracts.ts';
import type { Tensor } from '../tensor/index.ts';
import { compileContract } from './compiled-contract.ts';

const replace = (value: unknown) => ({ kind: 'replace', with: value });
const words = (...values: string[]) => strings(values);
const vocabulary = { file: 'v', sha256: '', maxUnknownFraction: 0, entries: new Set(['a']) };

function run(rules: RuleDraft, tensor: Tensor) {
  const verdict = runRules(rules, tensor);
  return { refused: refusedBy(verdict.findings), tensor: verdict.tensors[0], verdict };
}

describe('a second look', () => {
  it('refuses a replacement that breaks the rules of strings', () => {
    const list = { dtype: 'DT_STRING', allowed: ['a', '[UNKNOWN]'], onViolation: { allowed: replace('[UNKNOWN]') } } as const;
    expect(run({ ...list, string: { pattern: '[a-z]+' } }, words('a')).refused).toEqual([]);
    expect(run({ ...list, string: { pattern: '[a-z]+' } }, words('a', 'b')).refused).toEqual(['string.pattern']);
    expect(run({ ...list, string: { maxBytes: 4 } }, words('b')).refused).toEqual(['string.maxBytes']);
    const cut = { ...list.onViolation, 'string.maxBytes': { kind: 'truncate', side: 'right' } };
    // Cut once more, it would be no value of the list.
    expect(run({ ...list, string: { maxBytes: 4 }, onViolation: cut }, words('b')).refused).toEqual(['string.maxBytes']);
    expect(run({ ...list, string: { maxBytes: 9 }, onViolation: cut }, words('b')).refused).toEqual([]);
  });

  it('asks for the size of what replacements made', () => {
    const onViolation = { 'string.controlCharacters': replace('a text of 23 characters') };
    const rules = (maxBytes: number): RuleDraft => ({
      dtype: 'DT_STRING',
      maxBytes,
      string: { controlCharacters: 'reject' },
      onViolation,
    });
    expect(run(rules(46), words('\u0001', '\u0002')).refused).toEqual([]);
    expect(run(rules(45), words('\u0001', '\u0002')).refused).toEqual(['maxBytes']);
    expect(run(rules(20), words('fine')).refused).toEqual([]);
    expect(run({ ...rules(20), modes: { maxBytes: 'shadow' } }, words('\u0001')).verdict.findings.counts.size).toBe(1);
  });

  it('holds numbers from a list to the bounds', () => {
    const rules = { dtype: 'DT_INT32', allowed: [1, 9], max: 5, onViolation: { allowed: replace(9) } } as const;
    expect(run(rules, numbers('DT_INT32', [1])).refused).toEqual([]);
    expect(run(rules, numbers('DT_INT32', [2])).refused).toEqual(['max']);
    expect(run({ ...rules, modes: { max: 'shadow' } }, numbers('DT_INT32', [2])).tensor).toEqual(numbers('DT_INT32', [9]));
    expect(
      run({ ...rules, onViolation: { ...rules.onViolation, max: { kind: 'log' } } }, numbers('DT_INT32', [2])).refused,
    ).toEqual([]);
    const clip = { ...rules.onViolation, max: { kind: 'clip' } };
    expect(run({ ...rules, onViolation: clip }, numbers('DT_INT32', [2])).refused).toEqual(['max']);
  });

  it('lets a vocabulary put in place what is not in it', () => {
    const rules = { dtype: 'DT_STRING', vocabulary, onViolation: { vocabulary: replace('[UNK]') } } as const;
    const given = run(rules, words('a', 'b', '[UNK]'));
    expect(given.refused).toEqual([]);
    expect(textsOf(given.tensor)).toEqual(['a', '[UNK]', '[UNK]']);
    expect([...given.verdict.findings.counts.values()]).toEqual([2]);
    const ids = { ...vocabulary, entries: new Set(['7']) };
    const numeric = { dtype: 'DT_INT64', vocabulary: ids, onViolation: { vocabulary: replace(0) } } as const;
    expect(run(numeric, numbers('DT_INT64', [7n, 8n, 0n])).tensor).toEqual(numbers('DT_INT64', [7n, 0n, 0n]));
  });

  it('counts and reports nothing twice', () => {
    const onViolation = { 'string.controlCharacters': replace('ok'), 'string.maxBytes': { kind: 'log' } };
    const string = { controlCharacters: 'reject', minBytes: 9, maxBytes: 1 } as const;
    const rules: RuleDraft = { dtype: 'DT_STRING', string, onViolation, modes: { 'string.minBytes': 'shadow' } };
    const { verdict, tensor } = run(rules, words('\u0001', 'fine'));
    expect(textsOf(tensor)).toEqual(['ok', 'fine']);
    expect([...verdict.findings.counts].map(([{ name }, count]) => `${name} ${count}`).sort()).toEqual([
      'string.controlCharacters 1',
      'string.maxBytes 2',
      'string.minBytes 2',
    ]);
    expect(verdict.findings.refused).toBe(false);
  });

  it('says nothing of what a model answered', () => {
    const rules = { dtype: 'DT_INT32', allowed: [1, 9], max: 5, onViolation: { allowed: replace(9) } } as const;
    const draft = { inputs: {}, outputs: { y: rules } };
    const compiled = compileContract(contractOf(draft), [signatureOf(draft)]).signature('s');
    const verdict = compiled?.checkOutputs([numbers('DT_INT32', [2])], 1, { draw: 0.5 });
    expect(verdict?.findings.error('MODEL_OUTPUT_REFUSED').message).toMatch(/expected at most 5, got something else$/);
  });
});
