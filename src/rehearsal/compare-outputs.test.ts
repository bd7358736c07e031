// The comparison and the verdict at their edges.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultRehearsalConfig } from '../config/index.ts';
import { type DType, type Tensor, type TensorValue, tensorFromValue } from '../tensor/index.ts';
import { OutputTally } from './compare-outputs.ts';
import { type JudgedParts, judge, worstVerdict } from './judge.ts';
import type { SideReport } from './rehearsal-types.ts';
import { timings } from './replay.ts';

const general = { absolute: 1e-5, relative: 1e-4 };
const tensor = (value: TensorValue, dtype: DType = 'DT_FLOAT'): Tensor =>
  tensorFromValue({ alias: 'y', tensorName: 'y:0', dtype, shape: null }, value, { allowNonFinite: true });

function compare(old: Tensor, now: Tensor, again = old, own?: { absolute: number; relative: number }) {
  const tally = new OutputTally('y', own, general);
  tally.add(old, again, now);
  return tally.result;
}

describe('OutputTally', () => {
  it('takes what is within absolute + relative × |old|, and not a bit more', () => {
    const own = { absolute: 0.5, relative: 0.25 };
    const from = (now: number) => compare(tensor([4]), tensor([now]), tensor([4]), own).outside;
    expect([5.5, 2.5, 4].map(from)).toEqual([0, 0, 0]);
    expect([5.5001, 2.4999, Number.NaN].map(from)).toEqual([1, 1, 1]);
  });

  it('counts what became NaN or infinite, and takes NaN for NaN', () => {
    const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    expect(compare(tensor(bad), tensor(bad))).toMatchObject({ outside: 0, nonFiniteChanges: 0, identical: 1 });
    expect(compare(tensor([1, ...bad]), tensor([Number.NaN, ...bad.toReversed()]))).toMatchObject({
      nonFiniteChanges: 3,
      maxAbsolute: 0,
    });
  });

  it('demands integers and strings exactly, also beyond 2^53, unless the output has a tolerance of its own', () => {
    const big = 2n ** 60n;
    expect(compare(tensor([big], 'DT_INT64'), tensor([big + 1n], 'DT_INT64'))).toMatchObject({ outside: 1, maxAbsolute: 1 });
    expect(compare(tensor([100_000], 'DT_INT32'), tensor([100_001], 'DT_INT32')).outside).toBe(1);
    const own = { absolute: 1, relative: 0 };
    expect(compare(tensor([big], 'DT_INT64'), tensor([big + 1n], 'DT_INT64'), undefined, own).outside).toBe(0);
    expect(compare(tensor(['ab', 'c'], 'DT_STRING'), tensor(['a', 'bc'], 'DT_STRING')).stringChanges).toBe(1);
    expect(compare(tensor([true], 'DT_BOOL'), tensor([false], 'DT_BOOL')).outside).toBe(1);
  });

  it('reads half, bfloat16 and 64 bits as what they are', () => {
    for (const dtype of ['DT_HALF', 'DT_BFLOAT16', 'DT_DOUBLE'] as const)
      expect(compare(tensor([1], dtype), tensor([1.5], dtype))).toMatchObject({ maxAbsolute: 0.5, outside: 1 });
  });

  it('tells another type, another shape', () => {
    expect(compare(tensor([1]), tensor([1], 'DT_DOUBLE'))).toMatchObject({ typeChanges: 1, numbers: 0 });
    expect(compare(tensor([[1, 2]]), tensor([1, 2]))).toMatchObject({ shapeChanges: 1, numbers: 0 });
  });

  it('decides nothing about what differs by itself', () => {
    expect(compare(tensor([1]), tensor([9]), tensor([2]))).toMatchObject({ undecidable: 1, compared: 0, outside: 0 });
    expect(compare(tensor([1]), tensor([9]), tensor([1 + 1e-6]))).toMatchObject({ undecidable: 0, outside: 1 });
    expect(compare(tensor(['a'], 'DT_STRING'), tensor(['a'], 'DT_STRING'), tensor(['b'], 'DT_STRING')).undecidable).toBe(1);
  });

  it('counts a class that became another, and no order of classes that were equal', () => {
    const flips = (old: number[][], now: number[][]) => compare(tensor(old), tensor(now)).classFlips;
    expect(
      flips(
        [
          [0.9, 0.1],
          [0.2, 0.8],
        ],
        [
          [0.1, 0.9],
          [0.2, 0.8],
        ],
      ),
    ).toBe(1);
    expect(flips([[0.5, 0.500001]], [[0.500001, 0.5]])).toBe(0);
    expect(flips([[Number.NaN, 0.1]], [[0.2, 0.1]])).toBe(1);
    // One score for each row is no class, and neither is a vector.
    expect(flips([[0.9], [0.1]], [[0.1], [0.9]])).toBe(0);
    expect(compare(tensor([0.9, 0.1]), tensor([0.1, 0.9])).rows).toBe(0);
    expect(
      compare(
        tensor([
          [0.9, 0.1],
          [0.2, 0.8],
        ]),
        tensor([
          [0.1, 0.9],
          [0.2, 0.8],
        ]),
      ).flips,
    ).toEqual([{ from: 0, to: 1, count: 1 }]);
  });

  it('finds nothing between a tensor and itself, and puts each number into one bin', () => {
    fc.assert(
      fc.property(fc.array(fc.float(), { minLength: 1 }), fc.array(fc.float(), { minLength: 1 }), (a, b) => {
        expect(compare(tensor(a), tensor(a))).toMatchObject({ identical: 1, outside: 0, maxAbsolute: 0, classFlips: 0 });
        const other = a.map((value, at) => b[at % b.length] ?? value);
        const { histogram, numbers } = compare(tensor(a), tensor(other));
        expect(histogram.reduce((sum, count) => sum + count, 0)).toBe(numbers);
      }),
    );
  });
});

describe('judge()', () => {
  const side = (more: Partial<SideReport> = {}): SideReport => ({
    tensorflow: '2.0.0',
    loadError: undefined,
    times: timings(Array.from({ length: 20 }, () => 2)),
    memoryBytes: 300e6,
    restarts: 0,
    ...more,
  });
  const same = compare(tensor([[1, 2]]), tensor([[1, 2]]));
  const parts: JudgedParts = {
    answered: 1,
    endings: [{ old: 'answered', now: 'answered', count: 1 }],
    outputs: [same],
    old: side(),
    now: side(),
  };
  const verdict = (more: Partial<JudgedParts>, rules = {}) =>
    judge({ ...parts, ...more }, { ...defaultRehearsalConfig, ...rules }).verdict;

  it('says same only when something was compared', () => {
    expect(verdict({})).toBe('same');
    expect(verdict({ answered: 0, endings: [], outputs: [] })).toBe('failed');
    expect(worstVerdict([])).toBe('failed');
    expect(worstVerdict(['same', 'changed'])).toBe('changed');
    expect(worstVerdict(['changed', 'failed'])).toBe('failed');
  });

  it('fails where the new one does not load or answer, and asks a person where it answers more', () => {
    expect(verdict({ now: side({ loadError: { code: 'MODEL_LOAD_FAILED', message: 'no' } }) })).toBe('failed');
    expect(verdict({ endings: [...parts.endings, { old: 'answered', now: 'DEADLINE_EXCEEDED', count: 1 }] })).toBe('failed');
    expect(verdict({ endings: [...parts.endings, { old: 'TENSORFLOW_INTERNAL', now: 'answered', count: 1 }] })).toBe('changed');
    const alike: JudgedParts['endings'][number] = { old: 'CONTRACT_VIOLATION', now: 'CONTRACT_VIOLATION', count: 1 };
    expect(verdict({ endings: [...parts.endings, alike] })).toBe('same');
  });

  it('asks a person about outputs that nothing could be decided about', () => {
    expect(verdict({ outputs: [same, compare(tensor([1]), tensor([1]), tensor([2]))] })).toBe('changed');
  });

  it('goes by ratios of time and memory where these are more than noise', () => {
    const times = (ms: number, count = 20) => ({ times: timings(Array.from({ length: count }, () => ms)) });
    expect(verdict({ now: side(times(4)) })).toBe('same');
    expect(verdict({ now: side(times(4.1)) })).toBe('changed');
    expect(verdict({ now: side(times(4.1, 19)) })).toBe('same');
    expect(verdict({ old: side(times(0.1)), now: side(times(1)) })).toBe('same');
    expect(verdict({ now: side({ memoryBytes: 450e6 }) })).toBe('same');
    expect(verdict({ now: side({ memoryBytes: 451e6 }) })).toBe('changed');
    expect(verdict({ old: side({ memoryBytes: 10e6 }), now: side({ memoryBytes: 70e6 }) })).toBe('same');
  });

  it('lets as many rows flip as the rules say', () => {
    const flipped = compare(
      tensor([
        [1, 0],
        [0, 1],
      ]),
      tensor([
        [0, 1],
        [0, 1],
      ]),
      undefined,
      { absolute: 0.4, relative: 1 },
    );
    expect({ rows: flipped.rows, flips: flipped.classFlips }).toEqual({ rows: 2, flips: 0 });
    const half = { ...same, rows: 2, classFlips: 1 };
    expect(verdict({ outputs: [half] }, { maxClassFlipPercent: 50 })).toBe('same');
    expect(verdict({ outputs: [half] }, { maxClassFlipPercent: 49 })).toBe('changed');
  });
});
