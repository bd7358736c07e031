import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { modelFiles, writeFiles } from '../../tests/support/model-builder.ts';
import type { VersionPolicy } from '../config/index.ts';
import { type AspiredVersion, VersionSource, type VersionSourceOptions } from './version-source.ts';

const settleMs = 2000;

let base = '';
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'airlock-versions-'));
});
afterEach(() => rmSync(base, { recursive: true, force: true }));

/** Files are as old as the real clock says; this one adds to it, and only moves when told. */
class TestClock {
  #offsetMs = 0;

  advance(ms: number): void {
    this.#offsetMs += ms;
  }

  wallMs(): number {
    return Date.now() + this.#offsetMs;
  }

  monotonicMs(): number {
    return this.#offsetMs;
  }
}

function watch(policy: VersionPolicy = { kind: 'all' }, options: Partial<VersionSourceOptions> = {}) {
  const clock = new TestClock();
  const changes: (readonly AspiredVersion[])[] = [];
  const source = new VersionSource({
    baseDirectory: base,
    policy,
    clock,
    settleMs,
    onChange: (aspired) => changes.push(aspired),
    ...options,
  });
  const versions = () => (changes.at(-1) ?? []).map(({ version }) => version);
  const pollAfter = async (ms: number) => {
    clock.advance(ms);
    await source.poll();
    return versions();
  };
  return { source, clock, changes, versions, pollAfter };
}

const write = (name: string, files = modelFiles()) => writeFiles(join(base, name), files);

describe('VersionSource: what is a candidate', () => {
  it('takes at once, at its first look, what has been complete for a while', async () => {
    write('00000123');
    const { pollAfter, changes, source } = watch();
    expect(await pollAfter(settleMs + 1000)).toEqual([123n]);
    expect(changes[0][0]).toMatchObject({ directory: join(base, '00000123'), savedModel: { format: 'pb' } });
    expect(source.problems.size).toBe(0);
  });

  it('waits for what is younger, and measures that by watching', async () => {
    write('1');
    const { pollAfter, source } = watch();
    expect(await pollAfter(0)).toEqual([]);
    expect(source.problems.get(1n)).toMatchObject({ code: 'MODEL_INCOMPLETE', message: expect.stringContaining('2000 ms') });
    expect(await pollAfter(settleMs - 1)).toEqual([]);
    expect(await pollAfter(1)).toEqual([1n]);
  });

  it('does not trust the wall clock once it has seen a folder change', async () => {
    write('1');
    const { clock, source, versions } = watch();
    await source.poll();
    // The wall clock jumps, as it does when a machine finds its time server; the monotonic clock stands.
    clock.wallMs = () => Date.now() + 3_600_000;
    writeFileSync(join(base, '1/late'), '');
    await source.poll();
    await source.poll();
    expect(versions()).toEqual([]);
  });

  it('does not trust the times of a folder that came while it watched', async () => {
    const { pollAfter } = watch();
    await pollAfter(10_000);
    // By the clock of the test the files are ten seconds old, as on a file server whose clock lags behind.
    write('1');
    expect(await pollAfter(0)).toEqual([]);
    expect(await pollAfter(settleMs - 1)).toEqual([]);
    expect(await pollAfter(1)).toEqual([1n]);
  });

  it('starts to wait again with every change', async () => {
    write('1');
    const { pollAfter } = watch();
    await pollAfter(0);
    for (let step = 0; step < 5; step++) {
      appendFileSync(join(base, '1/assets/words.txt'), 'more\n');
      expect(await pollAfter(settleMs - 1)).toEqual([]);
    }
    expect(await pollAfter(settleMs)).toEqual([1n]);
  });

  it('never serves a version that is half copied, whatever the order and the pauses', async () => {
    const files = Object.entries(modelFiles(2));
    const plan = fc.record({
      order: fc.shuffledSubarray(files, { minLength: files.length, maxLength: files.length }),
      // Where each file is cut for its first half, and how long the copy then rests: also much longer than it takes to settle.
      cuts: fc.array(fc.double({ min: 0, max: 0.99, noNaN: true }), { minLength: files.length, maxLength: files.length }),
      pauses: fc.array(fc.constantFrom(500, 1500, 10_000), { minLength: 1, maxLength: 5 }),
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(plan, async ({ order, cuts, pauses }) => {
        const folder = join(base, `run${run++}`);
        mkdirSync(join(folder, '7'), { recursive: true });
        const { pollAfter } = watch({ kind: 'all' }, { baseDirectory: folder });
        const look = async () => {
          for (const pause of pauses) expect(await pollAfter(pause)).toEqual([]);
        };
        await look();
        for (const [index, [name, content]] of order.entries()) {
          const bytes = Buffer.from(content);
          // An asset has no length that anybody knows; a text that is cut is whole to everyone but its writer.
          const isKnown = !name.startsWith('assets/');
          if (isKnown) {
            writeFiles(join(folder, '7'), { [name]: bytes.subarray(0, Math.floor(bytes.length * cuts[index])) });
            await look();
          }
          writeFiles(join(folder, '7'), { [name]: bytes });
          if (index < order.length - 1) await look();
        }
        expect(await pollAfter(0)).toEqual([]);
        expect(await pollAfter(settleMs)).toEqual([7n]);
      }),
      { numRuns: 40 },
    );
  });

  it('keeps the reason for a refusal, and looks again when the folder has changed', async () => {
    write('1');
    const data = join(base, '1/variables/variables.data-00000-of-00001');
    truncateSync(data, 7);
    const { pollAfter, source } = watch();
    expect(await pollAfter(10_000)).toEqual([]);
    const reason = source.problems.get(1n);
    expect(reason).toMatchObject({ code: 'MODEL_INCOMPLETE', message: expect.stringContaining('has 7 bytes of the 8') });
    await pollAfter(10_000);
    expect(source.problems.get(1n)).toBe(reason);
    truncateSync(data, 8);
    expect(await pollAfter(0)).toEqual([]);
    expect(await pollAfter(settleMs)).toEqual([1n]);
    expect(source.problems.size).toBe(0);
  });

  it('refuses a version that is a link or holds one', async () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'airlock-elsewhere-'));
    try {
      writeFiles(elsewhere, modelFiles());
      symlinkSync(elsewhere, join(base, '1'));
      write('2');
      rmSync(join(base, '2/saved_model.pb'));
      symlinkSync(join(elsewhere, 'saved_model.pb'), join(base, '2/saved_model.pb'));
      const { pollAfter, source } = watch();
      expect(await pollAfter(10_000)).toEqual([]);
      expect([...source.problems.keys()].sort()).toEqual([1n, 2n]);
      for (const problem of source.problems.values()) expect(problem.message).toContain('symbolic link');
    } finally {
      rmSync(elsewhere, { recursive: true });
    }
  });
});

describe('VersionSource: which versions', () => {
  it('ignores what is not named by a number that fits, and what is not a folder', async () => {
    for (const name of ['1', 'x', '1a', '-1', '+2', '9223372036854775808', '9223372036854775807', '.3']) write(name);
    writeFileSync(join(base, '4'), 'a file');
    const { pollAfter, source } = watch();
    expect(await pollAfter(10_000)).toEqual([1n, 2n ** 63n - 1n]);
    expect(source.problems.size).toBe(0);
  });

  it('ignores all folders that mean the same number, and says so', async () => {
    for (const name of ['1', '01', '001', '2']) write(name);
    const { pollAfter, source } = watch();
    expect(await pollAfter(10_000)).toEqual([2n]);
    expect(source.problems.get(1n)?.message).toBe('More than one folder has the version 1');
  });

  it('latest: takes the newest that can be served, and moves on when a newer one can', async () => {
    for (const name of ['1', '2', '3']) write(name);
    const { pollAfter, source } = watch({ kind: 'latest', count: 2 });
    expect(await pollAfter(10_000)).toEqual([2n, 3n]);
    write('4', { 'saved_model.pb': 'broken' });
    write('10');
    expect(await pollAfter(0)).toEqual([2n, 3n]);
    expect(await pollAfter(settleMs)).toEqual([3n, 10n]);
    expect(source.problems.get(4n)?.code).toBe('MODEL_INVALID');
  });

  it('latest: goes back when the newest is deleted', async () => {
    for (const name of ['1', '2']) write(name);
    const { pollAfter, changes } = watch({ kind: 'latest', count: 1 });
    expect(await pollAfter(10_000)).toEqual([2n]);
    rmSync(join(base, '2'), { recursive: true });
    expect(await pollAfter(1000)).toEqual([1n]);
    expect(changes.length).toBe(2);
    // Also to one that came later and was never looked at.
    write('2');
    write('3');
    await pollAfter(0);
    expect(await pollAfter(settleMs)).toEqual([3n]);
    rmSync(join(base, '3'), { recursive: true });
    expect(await pollAfter(1000)).toEqual([2n]);
  });

  it('specific: takes those, and says which are not there', async () => {
    for (const name of ['1', '2', '3']) write(name);
    const { pollAfter, source } = watch({ kind: 'specific', versions: [3n, 1n, 9n] });
    expect(await pollAfter(10_000)).toEqual([1n, 3n]);
    expect([...source.problems].map(([version, { code }]) => [version, code])).toEqual([[9n, 'MODEL_VERSION_NOT_FOUND']]);
  });

  it('refuses a policy that serves nothing', () => {
    for (const count of [0, -1, 1.5, Number.NaN]) expect(() => watch({ kind: 'latest', count })).toThrow(RangeError);
  });

  it.each([
    ['42', 42n],
    ['digits', 1n],
  ])('takes a folder %s that holds a SavedModel itself as version %s', async (name, version) => {
    write(name);
    write(`${name}/7`);
    const { pollAfter } = watch({ kind: 'latest', count: 1 }, { baseDirectory: join(base, name) });
    expect(await pollAfter(10_000)).toEqual([version]);
  });
});

describe('VersionSource: versions that are served', () => {
  it('lets a version go when its folder is deleted', async () => {
    write('1');
    const { pollAfter } = watch();
    expect(await pollAfter(10_000)).toEqual([1n]);
    rmSync(join(base, '1'), { recursive: true });
    expect(await pollAfter(1000)).toEqual([]);
  });

  it('keeps a version whose files change, but says so', async () => {
    write('1');
    const { pollAfter, source, changes } = watch();
    await pollAfter(10_000);
    appendFileSync(join(base, '1/saved_model.pb'), 'x');
    expect(await pollAfter(10_000)).toEqual([1n]);
    expect(source.problems.get(1n)?.message).toContain('new version number');
    expect(changes.length).toBe(1);
  });

  it('lets a version go when another folder takes its name, until that one has settled', async () => {
    write('1');
    write('other', modelFiles(2));
    const { pollAfter, changes } = watch();
    await pollAfter(10_000);
    renameSync(join(base, '1'), join(base, 'old'));
    renameSync(join(base, 'other'), join(base, '1'));
    expect(await pollAfter(1000)).toEqual([]);
    expect(await pollAfter(settleMs)).toEqual([1n]);
    expect(changes.length).toBe(3);
  });

  it('keeps everything while the base folder cannot be looked at', async () => {
    write('1');
    const { pollAfter, source, changes } = watch();
    await pollAfter(10_000);
    renameSync(base, `${base}-away`);
    expect(await pollAfter(1000)).toEqual([1n]);
    expect(source.baseProblem).toMatchObject({ code: 'MODEL_NOT_AVAILABLE', detail: base });
    expect(source.baseProblem?.message).not.toContain(base);
    renameSync(`${base}-away`, base);
    expect(await pollAfter(1000)).toEqual([1n]);
    expect(source.baseProblem).toBeUndefined();
    expect(changes.length).toBe(1);
  });

  it('says at its first look that there is nothing, and goes on', async () => {
    const missing = join(base, 'later');
    const { pollAfter, source, changes } = watch({ kind: 'all' }, { baseDirectory: missing });
    expect(await pollAfter(0)).toEqual([]);
    expect(changes).toEqual([[]]);
    expect(source.baseProblem?.code).toBe('MODEL_NOT_AVAILABLE');
    write('later/1');
    expect(await pollAfter(10_000)).toEqual([]);
    expect(await pollAfter(settleMs)).toEqual([1n]);
  });

  it('follows a link that the operator set as the base', async () => {
    write('release/1');
    symlinkSync(join(base, 'release'), join(base, 'current'));
    const { pollAfter } = watch({ kind: 'all' }, { baseDirectory: join(base, 'current') });
    expect(await pollAfter(10_000)).toEqual([1n]);
  });

  it('bounds the number of names that it looks at', async () => {
    for (const name of ['1', '2', '3']) mkdirSync(join(base, name));
    const { pollAfter, source } = watch({ kind: 'all' }, { maxChildren: 2 });
    expect(await pollAfter(0)).toEqual([]);
    expect(source.baseProblem?.message).toContain('more than 2 entries');
  });
});

describe('VersionSource: the loop', () => {
  it('picks up a slow copy only when it is done, with real clocks', async () => {
    const seen: bigint[][] = [];
    const source = new VersionSource({
      baseDirectory: base,
      policy: { kind: 'latest', count: 1 },
      pollMs: 10,
      settleMs: 300,
      onChange: (aspired) => seen.push(aspired.map(({ version }) => version)),
    });
    await source.start();
    const files = Object.entries(modelFiles(2));
    for (const [name, content] of files) {
      const bytes = Buffer.from(content);
      writeFiles(join(base, '5'), { [name]: bytes.subarray(0, bytes.length / 2) });
      await sleep(30);
      writeFiles(join(base, '5'), { [name]: bytes });
      await sleep(30);
    }
    expect(seen).toEqual([[]]);
    const deadlineMs = Date.now() + 10_000;
    while (seen.length < 2 && Date.now() < deadlineMs) await sleep(20);
    expect(seen).toEqual([[], [5n]]);
    await source.stop();
    rmSync(join(base, '5'), { recursive: true });
    await sleep(50);
    await source.poll();
    expect(seen.length).toBe(2);
  });

  it('tells of every look, after the change and with the problems of that look', async () => {
    write('1', { 'saved_model.pb': 'broken' });
    const told: string[] = [];
    const { source, pollAfter } = watch(
      { kind: 'all' },
      { onChange: () => told.push('change'), onLook: () => told.push(`look ${[...source.problems.keys()].join()}`) },
    );
    await pollAfter(10_000);
    await pollAfter(1000);
    expect(told).toEqual(['change', 'look 1', 'look 1']);
  });

  it('goes on when its listener throws', async () => {
    write('1');
    let calls = 0;
    const { source, pollAfter } = watch(
      { kind: 'all' },
      {
        onChange: () => {
          calls++;
          throw new Error('listener');
        },
      },
    );
    await pollAfter(10_000);
    expect(source.baseProblem?.code).toBe('INTERNAL');
    rmSync(join(base, '1'), { recursive: true });
    await pollAfter(1000);
    expect(calls).toBe(2);
  });
});
