// The order in which clients get the worker: equal shares of its time, nothing lost, and no room for one client at the cost of another.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairQueue } from './fair-queue.ts';

interface Item {
  readonly client: string;
  readonly weight: number;
  readonly id: number;
}

let ids = 0;
const item = (client: string, weight = 1): Item => ({ client, weight, id: ids++ });

function filled(...counts: readonly (readonly [string, number, number?])[]): FairQueue<Item> {
  const queue = new FairQueue<Item>();
  for (const [client, count, weight] of counts) for (let i = 0; i < count; i++) queue.push(item(client, weight));
  return queue;
}

function drain(queue: FairQueue<Item>): Item[] {
  const all: Item[] = [];
  for (let next = queue.take(); next !== undefined; next = queue.take()) all.push(next);
  return all;
}

describe('FairQueue', () => {
  it('lets a newcomer wait for no more than one request of each other client', () => {
    const queue = filled(['flood', 200]);
    for (let i = 0; i < 50; i++) queue.take();
    queue.push(item('honest'));
    const order = drain(queue).map(({ client }) => client);
    expect(order.indexOf('honest')).toBeLessThanOrEqual(1);
  });

  it('shares time, not requests: one slow request counts as many quick ones', () => {
    const queue = filled(['slow', 20, 10], ['quick', 200, 1]);
    const taken = { slow: 0, quick: 0 };
    for (let i = 0; i < 110; i++) {
      const next = queue.take();
      if (next !== undefined) taken[next.client as keyof typeof taken] += next.weight;
    }
    expect(Math.abs(taken.slow - taken.quick)).toBeLessThanOrEqual(10);
  });

  it('keeps the order of each client, and loses and invents nothing, whatever is done to it', () => {
    const step = fc.oneof(
      fc.record({ push: fc.constantFrom('a', 'b', 'c', 'd'), weight: fc.integer({ min: 1, max: 9 }) }),
      fc.constant('take' as const),
      fc.constant('more' as const),
      fc.constant('drop' as const),
      fc.record({ remove: fc.integer({ min: 2, max: 5 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
        const queue = new FairQueue<Item>();
        const inside = new Set<Item>();
        const takeOut = (one: Item | undefined): void => {
          if (one !== undefined) expect(inside.delete(one)).toBe(true);
        };
        for (const one of steps) {
          if (one === 'take') {
            const next = queue.take();
            if (next !== undefined) expect([...inside].find(({ client }) => client === next.client)).toBe(next);
            else expect(inside.size).toBe(0);
            takeOut(next);
          } else if (one === 'more') {
            let count = 0;
            for (const next of queue.takeMore(({ id }) => (count >= 3 ? 'stop' : id % 2 === 0 && ++count > 0 ? 'take' : 'leave')))
              takeOut(next);
          } else if (one === 'drop') takeOut(queue.dropFor('z'));
          else if ('remove' in one) queue.remove(({ id }) => id % one.remove === 0).forEach(takeOut);
          else {
            const added = item(one.push, one.weight);
            queue.push(added);
            inside.add(added);
          }
          expect(queue.length).toBe(inside.size);
          expect(new Set(queue)).toEqual(inside);
        }
        drain(queue).forEach(takeOut);
        expect(inside.size).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  it('takes for a batch from each client in turn', () => {
    const queue = filled(['flood', 50], ['a', 2], ['b', 1]);
    const leader = queue.take();
    let left = 4;
    const others = queue.takeMore(() => (left-- > 0 ? 'take' : 'stop'));
    const clients = [leader, ...others].map((one) => one?.client);
    expect(clients.filter((client) => client === 'a')).toHaveLength(2);
    expect(clients.filter((client) => client === 'b')).toHaveLength(1);
  });

  it('makes room at the cost of who has most waiting, and of the newcomer when that is himself', () => {
    const queue = filled(['flood', 5], ['a', 1]);
    const newest = [...queue].filter(({ client }) => client === 'flood').at(-1);
    expect(queue.dropFor('honest')).toBe(newest);
    expect(queue.dropFor('flood')).toBeUndefined();
    expect(filled(['a', 1], ['b', 1]).dropFor('c')).toBeUndefined();
  });

  it('says no more than what really goes before the next one of a client', () => {
    const clients = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', 'me'), fc.integer({ min: 1, max: 9 })), { maxLength: 40 });
    fc.assert(
      fc.property(clients, fc.nat(20), (items, takes) => {
        const queue = new FairQueue<Item>();
        for (const [client, weight] of items) queue.push(item(client, weight));
        for (let i = 0; i < takes; i++) queue.take();
        const said = queue.weightBefore('me');
        const mine = item('me');
        queue.push(mine);
        let before = 0;
        for (let next = queue.take(); next !== undefined && next !== mine; next = queue.take()) before += next.weight;
        expect(said).toBeLessThanOrEqual(before);
      }),
    );
  });
});
