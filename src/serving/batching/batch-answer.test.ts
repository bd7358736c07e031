// A batch that fails: each member gets its own answer or its own error, after a bounded number of runs, whichever and however many members are bad.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { floats, floatsOf } from '../../../tests/support/tensors.ts';
import { AirlockError, type ErrorCode } from '../../core/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { answerBatch, type BatchHooks, type BatchMember } from './batch-answer.ts';

class Member implements BatchMember {
  readonly inputs: readonly Tensor[];
  readonly rows: number;
  outputs: readonly Tensor[] | undefined;
  error: AirlockError | undefined;

  constructor(values: readonly number[]) {
    this.inputs = [floats([values.length, 1], ...values)];
    this.rows = values.length;
  }

  get isSettled(): boolean {
    return this.outputs !== undefined || this.error !== undefined;
  }

  succeed(outputs: readonly Tensor[]): void {
    this.outputs = outputs;
  }

  fail(error: AirlockError): void {
    this.error = error;
  }
}

/** Answers the double of each row; a row below zero fails the run with `code`. */
function hooks(code: ErrorCode = 'TENSORFLOW_INVALID_ARGUMENT') {
  const runs: number[] = [];
  const culprits: Member[] = [];
  const ended = new Set<readonly Tensor[]>();
  const made: BatchHooks<Member> = {
    run: async (inputs) => {
      const values = floatsOf(inputs[0]);
      runs.push(values.length);
      if (values.some((value) => value < 0)) {
        if (code === 'WORKER_CRASHED') ended.add(inputs);
        throw new AirlockError(code);
      }
      return [floats([values.length, 1], ...values.map((value) => 2 * value))];
    },
    hasEnded: (inputs) => ended.has(inputs),
    onSplit: () => undefined,
    onCulprit: (member) => culprits.push(member),
    onWrongRows: () => undefined,
  };
  return { made, runs, culprits };
}

describe('answerBatch', () => {
  it('finds one culprit among many in the runs that halving takes, and answers all others', async () => {
    const members = Array.from({ length: 32 }, (_, i) => new Member([i === 13 ? -1 : i]));
    const { made, runs, culprits } = hooks('WORKER_CRASHED');
    await answerBatch(members, made);
    expect(culprits).toEqual([members[13]]);
    expect(members[13].error?.code).toBe('WORKER_CRASHED');
    expect(members.filter(({ error }) => error !== undefined)).toHaveLength(1);
    expect(runs).toHaveLength(1 + 2 * 5);
  });

  it('gives each its own rows or its own error, and settles all, whoever fails', async () => {
    const rows = fc.array(fc.integer({ min: -2, max: 50 }), { minLength: 1, maxLength: 3 });
    const codes = fc.constantFrom<ErrorCode>('TENSORFLOW_INTERNAL', 'WORKER_CRASHED', 'MODEL_NOT_AVAILABLE', 'DEADLINE_EXCEEDED');
    await fc.assert(
      fc.asyncProperty(fc.array(rows, { minLength: 1, maxLength: 20 }), codes, async (all, code) => {
        const members = all.map((values) => new Member(values));
        const { made, runs } = hooks(code);
        await answerBatch(members, made);
        for (const [index, { outputs, error }] of members.entries()) {
          if (outputs !== undefined) expect(floatsOf(outputs[0])).toEqual(all[index].map((value) => 2 * value));
          else expect(error?.code).toBe(code);
          if (all[index].some((value) => value < 0)) expect(outputs).toBeUndefined();
          else if (code === 'TENSORFLOW_INTERNAL') expect(error).toBeUndefined();
        }
        expect(runs.length).toBeLessThan(2 * members.length);
        // Each end costs the model a restart.
        const failed = code === 'WORKER_CRASHED' ? 2 * Math.ceil(Math.log2(members.length)) + 2 : Number.POSITIVE_INFINITY;
        expect(runs.length).toBeLessThanOrEqual(2 * failed + members.length);
      }),
    );
  });

  it('finds two culprits, wherever they are, and answers all others', async () => {
    for (const [one, other] of [
      [0, 1],
      [0, 31],
      [13, 22],
      [15, 16],
      [30, 31],
    ]) {
      const members = Array.from({ length: 32 }, (_, i) => new Member([i === one || i === other ? -1 : i]));
      const { made, culprits } = hooks('WORKER_CRASHED');
      await answerBatch(members, made);
      expect(culprits).toEqual([members[one], members[other]]);
      expect(members.filter(({ error }) => error !== undefined)).toEqual(culprits);
    }
  });

  it('spends no more ends of the worker on a batch than finding two culprits takes', async () => {
    const members = Array.from({ length: 32 }, () => new Member([-1]));
    const { made, runs } = hooks('WORKER_CRASHED');
    await answerBatch(members, made);
    expect(members.every(({ error }) => error?.code === 'WORKER_CRASHED')).toBe(true);
    expect(runs.length).toBeLessThanOrEqual(12 + 5);
  });

  it('runs a batch again whose worker ended because of somebody else, and gives up after a few times', async () => {
    let runs = 0;
    const { made, culprits } = hooks();
    const crash = (times: number): BatchHooks<Member> => ({
      ...made,
      run: async (inputs, members, attempt) => {
        if (++runs <= times) throw new AirlockError('WORKER_CRASHED');
        return made.run(inputs, members, attempt);
      },
    });
    const members = [new Member([1]), new Member([2])];
    await answerBatch(members, crash(2));
    expect(members.map(({ outputs }) => outputs && floatsOf(outputs[0]))).toEqual([[2], [4]]);
    const one = new Member([1]);
    runs = 0;
    await answerBatch([one], crash(99));
    expect(one.error?.code).toBe('WORKER_CRASHED');
    expect(runs).toBe(3);
    expect(culprits).toEqual([]);
  });

  it('never cuts an answer that does not have the rows of the batch', async () => {
    let wrong = 0;
    const members = [new Member([1]), new Member([2])];
    await answerBatch(members, {
      ...hooks().made,
      run: async (inputs) => [floats([1, 1], floatsOf(inputs[0])[0])],
      onWrongRows: () => wrong++,
    });
    expect(wrong).toBe(1);
    expect(members.map(({ outputs }) => outputs && floatsOf(outputs[0]))).toEqual([[1], [2]]);
  });
});
