// Which inputs are remembered, for how long, and which are not taken for them.
import { describe, expect, it } from 'vitest';
import { floats, strings } from '../../../tests/support/tensors.ts';
import { PoisonList } from './poison-list.ts';

const one = [floats([1, 2], 1, 2)];

describe('PoisonList', () => {
  it('takes two ends of a worker, for one may be a coincidence', () => {
    const list = new PoisonList();
    expect(list.verdict(0, one)).toBeUndefined();
    expect(list.strike(0, one, 1)).toBe(false);
    expect(list.verdict(0, one)).toBe('suspect');
    expect(list.strike(0, [floats([1, 2], 1, 2)], 1)).toBe(true);
    expect(list.verdict(0, one)).toBe('poisoned');
    expect(list.strike(0, one, 1)).toBe(false);
  });

  it('takes no other input for it: not another signature, shape, type or cut of the same bytes', () => {
    const list = new PoisonList();
    list.strike(0, one, 2);
    list.strike(0, [strings([2], ['ab', 'c'])], 2);
    expect(list.verdict(1, one)).toBeUndefined();
    expect(list.verdict(0, [floats([2, 1], 1, 2)])).toBeUndefined();
    expect(list.verdict(0, [floats([1, 2], 1, 3)])).toBeUndefined();
    expect(list.verdict(0, [{ ...one[0], dtype: 'DT_INT32' } as (typeof one)[0]])).toBeUndefined();
    expect(list.verdict(0, [strings([2], ['a', 'bc'])])).toBeUndefined();
    expect(list.verdict(0, [strings([2], ['ab', 'c'])])).toBe('poisoned');
  });

  it('forgets after a while, the oldest when there are too many, and who was only near and is answered', () => {
    let nowMs = 0;
    const list = new PoisonList({ maxEntries: 2, ttlMs: 100, clock: () => nowMs });
    for (const value of [1, 2, 3]) list.strike(0, [floats([1], value)], 2);
    expect([1, 2, 3].map((value) => list.verdict(0, [floats([1], value)]))).toEqual([undefined, 'poisoned', 'poisoned']);
    nowMs = 100;
    expect(list.verdict(0, [floats([1], 3)])).toBeUndefined();
    list.strike(0, [floats([1], 4)], 0);
    list.absolve(0, [floats([1], 4)]);
    expect(list.verdict(0, [floats([1], 4)])).toBeUndefined();
    list.strike(0, [floats([1], 5)], 1);
    list.absolve(0, [floats([1], 5)]);
    expect(list.verdict(0, [floats([1], 5)])).toBe('suspect');
  });

  it('takes a suspect that was answered three times since for any other, and no poisoned one', () => {
    const list = new PoisonList();
    const two = [floats([1], 2)];
    list.strike(0, one, 1);
    list.strike(0, two, 2);
    for (let answers = 1; answers <= 3; answers++) {
      expect([list.verdict(0, one), list.verdict(0, two)]).toEqual(['suspect', 'poisoned']);
      list.acquit(0, one);
      list.acquit(0, two);
    }
    expect([list.verdict(0, one), list.verdict(0, two)]).toEqual([undefined, 'poisoned']);
    list.strike(0, one, 1);
    list.acquit(0, one);
    list.acquit(0, one);
    list.strike(0, one, 1);
    expect(list.verdict(0, one)).toBe('poisoned');
  });

  it('is empty again when all was forgotten, so that it costs nothing', () => {
    let nowMs = 0;
    const list = new PoisonList({ ttlMs: 100, clock: () => nowMs });
    list.strike(0, one, 1);
    nowMs = 200;
    expect(list.verdict(0, one)).toBeUndefined();
    expect(list.size).toBe(0);
  });
});
