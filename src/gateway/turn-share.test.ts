// Turns of the event loop are those of setImmediate; work takes as long as the test says, by a clock of its own.
import { describe, expect, it } from 'vitest';
import { TurnShare } from './turn-share.ts';

let clockMs = 0;
const spend = (ms: number) => {
  clockMs += ms;
};
const newTurns = () => new TurnShare(() => clockMs);
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('TurnShare', () => {
  it('is free until a turn has had its share, and again in the next', async () => {
    const turns = newTurns();
    turns.go(() => spend(0.1));
    expect(turns.isFree).toBe(true);
    turns.go(() => spend(1.2));
    expect(turns.isFree).toBe(false);
    await nextTurn();
    expect(turns.isFree).toBe(true);
  });

  it('counts what throws, and passes it on', () => {
    const turns = newTurns();
    const refusal = new Error('refused');
    const work = () => {
      spend(1.2);
      throw refusal;
    };
    expect(() => turns.go(work)).toThrow(refusal);
    expect(turns.isFree).toBe(false);
  });

  it('takes those that wait in their order, a part of them in each turn, and newcomers after them', async () => {
    const turns = newTurns();
    const begun: string[] = [];
    let turn = 0;
    const step = (name: string, again: boolean) => () => {
      begun.push(`${turn} ${name}`);
      spend(0.6);
      if (again) turns.wait(step(`${name} again`, false));
    };
    for (const name of ['a', 'b', 'c']) turns.wait(step(name, name === 'a'));
    expect(turns.isFree).toBe(false);
    for (; turn < 5; turn++) await nextTurn();
    expect(begun.map((line) => line.slice(2))).toEqual(['a', 'b', 'c', 'a again']);
    // Two of 0.6 ms use up the millisecond of a turn.
    expect(new Set(begun.map((line) => line[0])).size).toBeGreaterThan(1);
    expect(turns.isFree).toBe(true);
  });
});
