// A large request is checked in steps: with the verdict of the same check in one, and also while another request is between its own steps.
import { describe, expect, it } from 'vitest';
import { type ContractDraft, contractOf, numbers, signatureOf, strings } from '../../tests/support/contracts.ts';
import { encodeExample } from '../../tests/support/example.ts';
import type { Tensor } from '../tensor/index.ts';
import { compileContract } from './compiled-contract.ts';
import type { CompiledSignature, InputVerdict } from './compiled-contract-types.ts';
import { inOneStep } from './rules/element-steps.ts';

const draft: ContractDraft = {
  inputs: {
    age: { dtype: 'DT_INT32', max: 120, onViolation: { max: { kind: 'clip' } } },
    message: {
      dtype: 'DT_STRING',
      example: {
        unknownFeatures: 'reject',
        maxFeatures: 8,
        features: new Map([['age', { kind: 'int64', required: true, count: { min: 1, max: 1 }, max: 120 }]]),
        sparse: [],
        ragged: [],
      },
    },
    text: {
      dtype: 'DT_STRING',
      string: { encoding: 'utf8', controlCharacters: 'allow', bidiControls: 'allow', invisible: 'allow', pattern: '[a-z]*' },
      onViolation: { 'string.pattern': { kind: 'replace', with: 'x' } },
    },
  },
  maxViolations: 5_000,
};

const compiled = (): CompiledSignature => {
  const signature = compileContract(contractOf(draft), [signatureOf(draft)]).signature('s');
  if (signature === undefined) throw new Error('no signature');
  return signature;
};
const paths = ['age', 'message', 'text'].map((name) => (index?: number) => `${name}[${index}]`);

/** Three tensors of 3,000 elements, of which those at `bad` break a rule each. */
function tensorsWith(bad: readonly number[]): Tensor[] {
  const place = (at: number): boolean => bad.includes(at);
  const fill = <Value>(good: Value, other: Value): Value[] =>
    Array.from({ length: 3_000 }, (_, at) => (place(at) ? other : good));
  const message = (age: bigint) => encodeExample(new Map([['age', { kind: 'int64', values: [age] }]]));
  return [numbers('DT_INT32', fill(20, 121)), strings(fill(message(20n), message(121n))), strings(fill('abc', 'A'))];
}

const plain = ({ findings, ...rest }: InputVerdict) => ({ ...rest, kept: findings.kept, counts: [...findings.counts] });

describe('checkInSteps()', () => {
  it.each([[[]], [[0]], [[1_023, 1_024, 2_999]]])('gives the verdict of checkInputs(), with mistakes at %o', (bad) => {
    const signature = compiled();
    const tensors = tensorsWith(bad);
    const inSteps = inOneStep(signature.checkInSteps(tensors, paths, { draw: 0.5 }));
    expect(plain(inSteps)).toEqual(plain(signature.checkInputs(tensors, paths, { draw: 0.5 })));
    expect(inSteps.findings.refused).toBe(bad.length > 0);
  });

  it('takes several steps for one tensor', () => {
    let count = 0;
    for (const _ of compiled().checkInSteps(tensorsWith([]), paths, { draw: 0.5 })) count++;
    expect(count).toBeGreaterThan(6);
  });

  it('keeps requests apart that are checked in turns', () => {
    const signature = compiled();
    const bodies = [tensorsWith([]), tensorsWith([7, 2_000]), tensorsWith(Array.from({ length: 3_000 }, (_, at) => at))];
    const alone = bodies.map((tensors) => plain(signature.checkInputs(tensors, paths, { draw: 0.5 })));
    const running = bodies.map((tensors) => signature.checkInSteps(tensors, paths, { draw: 0.5 }));
    const verdicts: (object | undefined)[] = running.map(() => undefined);
    while (verdicts.includes(undefined)) {
      for (const [index, steps] of running.entries()) {
        if (verdicts[index] !== undefined) continue;
        const { done, value } = steps.next();
        if (done === true) verdicts[index] = plain(value);
      }
    }
    expect(verdicts).toEqual(alone);
  });
});
