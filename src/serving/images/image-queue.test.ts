// Turns at the decoder of images, with work that ends when the test says so.
import { describe, expect, it } from 'vitest';
import { ImageQueue } from './image-queue.ts';

function make(maxQueued = 64) {
  const queue = new ImageQueue(maxQueued);
  const log: string[] = [];
  const ends = new Map<string, () => void>();
  /** Work that is over when `end` names it. */
  const add = (name: string, owner: object, timeoutMs = 60_000) =>
    queue
      .run({ owner, timeoutMs }, async (isOverdue) => {
        log.push(name);
        await new Promise<void>((resolve) => ends.set(name, resolve));
        return isOverdue() ? 'overdue' : 'done';
      })
      .catch((error: { code: string }) => error.code);
  const end = async (name: string) => {
    ends.get(name)?.();
    await new Promise(setImmediate);
  };
  return { queue, log, add, end };
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('ImageQueue', () => {
  it('works on one at a time, and lets owners take turns', async () => {
    const { log, add, end } = make();
    const [one, two, three] = [{}, {}, {}];
    const all = [add('a1', one), add('a2', one), add('a3', one), add('b1', two), add('b2', two), add('c1', three)];
    await end('');
    expect(log).toEqual(['a1']);
    for (const name of ['a1', 'a2', 'b1', 'c1', 'a3', 'b2']) await end(name);
    expect(log).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2']);
    expect(await Promise.all(all)).toEqual(new Array(6).fill('done'));
  });

  it('bounds each owner for itself', async () => {
    const { add, end } = make(2);
    const [one, two] = [{}, {}];
    const all = [add('a1', one), add('a2', one)];
    expect(await add('a3', one)).toBe('SERVER_OVERLOADED');
    all.push(add('b1', two), add('b2', two));
    expect(await add('b3', two)).toBe('SERVER_OVERLOADED');
    for (const name of ['a1', 'a2', 'b1', 'b2', 'a4']) await end(name);
    const last = add('a4', one);
    await end('');
    await end('a4');
    expect(await Promise.all([...all, last])).toEqual(new Array(5).fill('done'));
  });

  it('fails what waits too long at its time, and never starts it', async () => {
    const { log, add, end } = make(2);
    const owner = {};
    const first = add('a', owner);
    const start = performance.now();
    expect(await add('b', owner, 30)).toBe('DEADLINE_EXCEEDED');
    expect(performance.now() - start).toBeGreaterThan(25);
    // Its place is free again.
    const third = add('c', owner);
    await end('a');
    await end('c');
    expect(await Promise.all([first, third])).toEqual(['done', 'done']);
    expect(log).toEqual(['a', 'c']);
  });

  it('lets work that is overdue go on, which can ask, and starts the next only after it', async () => {
    const { queue, add, log, end } = make();
    const owner = {};
    let sawOverdue: boolean | undefined;
    const late = queue
      .run({ owner, timeoutMs: 10 }, async (isOverdue) => {
        await wait(60);
        sawOverdue = isOverdue();
      })
      .catch((error: { code: string }) => error.code);
    const next = add('next', owner);
    expect(await late).toBe('DEADLINE_EXCEEDED');
    expect(log).toEqual([]);
    await expect.poll(() => log).toEqual(['next']);
    expect(sawOverdue).toBe(true);
    await end('next');
    expect(await next).toBe('done');
  });

  it('takes what came while the server was busy for in time', async () => {
    const { queue } = make();
    const result = queue.run(
      { owner: {}, timeoutMs: 5 },
      () => new Promise<string>((resolve) => setImmediate(() => resolve('in time'))),
    );
    const until = performance.now() + 30;
    while (performance.now() < until);
    expect(await result).toBe('in time');
  });

  it('fails what waits when it closes, and goes on after work that fails', async () => {
    const { queue, add, end } = make();
    const failing = queue.run({ owner: {}, timeoutMs: 9999 }, () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    const [first, second] = [add('a', {}), add('b', {})];
    await end('');
    queue.close();
    expect(await second).toBe('SERVER_STOPPING');
    expect(await add('c', {})).toBe('SERVER_STOPPING');
    await end('a');
    expect(await first).toBe('done');
  });
});
