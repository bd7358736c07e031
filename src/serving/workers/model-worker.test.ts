// What a ModelWorker does beyond the protocol, whose tests are in tests/security: checks what holds its process, brings it back with
// executable memory where it cannot do without, and keeps a spare.
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { noContent, plainJail } from '../../../tests/support/plain-jail.ts';
import { floats, signature, spec } from '../../../tests/support/tensors.ts';
import { AirlockError } from '../../core/index.ts';
import type { Attestation, Jail, StartOptions } from '../../sandbox/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import { Watchdog } from '../watchdog.ts';
import { MemoryShare } from './memory-share.ts';
import { ModelWorker } from './model-worker.ts';
import type { ModelWorkerOptions } from './model-worker-options.ts';

const entry = path.join(import.meta.dirname, '../../../tests/security/fixtures/fake-worker.mjs');
const misdeeds = { none: 0, exit: 9, needsCode: 29 };

const open: ModelWorker[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((worker) => worker.close()));
});

const attestation: Attestation = {
  filters: 2,
  noNewPrivileges: true,
  userId: 61_184,
  withoutCapabilities: true,
  ownNamespaces: ['net'],
  threads: 1,
  limits: {},
  cgroup: {},
};

/** A jail of `level` whose kernel says what it is told to say. */
function fakeJail(level: Jail['level'], missing: () => readonly string[] = () => []) {
  const started: StartOptions[] = [];
  const plain = plainJail();
  const jail: Jail = {
    ...plain,
    level,
    missing,
    start: (options) => {
      started.push(options);
      return { ...plain.start(options), attest: async () => attestation };
    },
  };
  return { jail, started };
}

function make(jail: Jail, options: Partial<ModelWorkerOptions> = {}): ModelWorker {
  const worker = new ModelWorker({
    jail,
    watchdog: new Watchdog(),
    slot: { ccPath: '/nonexistent/cc', frameworkPath: '/nonexistent/framework' },
    content: noContent,
    signatures: [signature([spec('x:0', 'DT_FLOAT')], [spec('y:0', 'DT_FLOAT', [1])])],
    entry,
    backoffMs: 10,
    limits: { timeoutMs: 10_000 },
    ...options,
  });
  open.push(worker);
  return worker;
}

const ask = (worker: ModelWorker, misdeed: number) => worker.run(0, [floats([1], misdeed)]);
const isBack = (worker: ModelWorker) => expect.poll(() => worker.state, { timeout: 10_000 }).toBe('ready');
const notHeld = { code: 'WORKER_START_FAILED', message: 'The jail does not hold the worker as it should' };

describe('a worker that is not held', () => {
  it('does not get the model when the kernel does not confirm a layer', async () => {
    const { jail } = fakeJail('process', () => ['Landlock']);
    const worker = make(jail, {
      content: () => {
        throw new Error('the model was read');
      },
    });
    await expect(worker.start()).rejects.toMatchObject({ ...notHeld, detail: 'the kernel does not confirm: Landlock' });
    expect(worker.report).toMatchObject({ state: 'failed', lastCause: 'WORKER_START_FAILED', attested: undefined });
  });

  it('gets no request when a layer is gone after the load', async () => {
    let asked = 0;
    const { jail } = fakeJail('process', () => (asked++ === 0 ? [] : ['a filter']));
    await expect(make(jail).start()).rejects.toMatchObject({ ...notHeld, detail: 'the kernel does not confirm: a filter' });
  });

  it('is ended when something worked inside that must be refused, except for what the level leaves open', async () => {
    const slot = { ccPath: '/nonexistent/open-root', frameworkPath: '/nonexistent/framework' };
    const start = (level: Jail['level']) => make(fakeJail(level).jail, { slot }).start();
    await expect(start('process')).rejects.toMatchObject({ ...notHeld, detail: expect.stringContaining('list-root') });
    await expect(start('seccomp-only')).resolves.toBeUndefined();
    await expect(start('none')).resolves.toBeUndefined();
  });

  it('is asked for nothing and reported as not held where there is no jail', async () => {
    const worker = make(plainJail());
    await worker.start();
    expect(worker.report).toMatchObject({ state: 'ready', attested: undefined, restarts: 0, spare: 'off' });
    const held = make(fakeJail('full').jail);
    await held.start();
    expect(held.report.attested).toEqual(attestation);
  });
});

describe('a worker of a server that does something else', () => {
  const limits = { timeoutMs: 400, graceMs: 100, loadTimeoutMs: 10_000 };

  it('neither fails its requests nor is killed for the time in which nobody gave it the rest of them', async () => {
    const { jail, started } = fakeJail('process');
    const worker = make(jail, { limits });
    await worker.start();
    // More than fits the socket: the rest can only be written in another turn of the event loop.
    const large: Tensor = { dtype: 'DT_FLOAT', shape: [2 ** 20], bytes: new Uint8Array(2 ** 22) };
    const answers = [worker.run(0, [large]), worker.run(0, [large])];
    setImmediate(() => {
      const endMs = performance.now() + 1_200;
      while (performance.now() < endMs);
    });
    expect(await Promise.all(answers)).toHaveLength(2);
    expect([worker.state, started.length]).toEqual(['ready', 1]);
  });
});

describe('a worker that cannot be brought up', () => {
  /** A jail that cannot examine a process each time that `fails` says so; and the processes that it started. */
  function blindJail(fails: () => boolean) {
    const started: number[] = [];
    const { jail } = fakeJail('process');
    const blind: Jail = {
      ...jail,
      start: (options) => {
        const jailed = jail.start(options);
        started.push(jailed.processId ?? 0);
        const attest = () => (fails() ? Promise.reject(new AirlockError('WORKER_START_FAILED')) : jailed.attest());
        return { ...jailed, attest };
      },
    };
    return { jail: blind, started };
  }

  const isAlive = (processId: number): boolean => {
    try {
      return process.kill(processId, 0);
    } catch {
      return false;
    }
  };

  it.each([1, 2])('is gone when the start fails at attestation %i', async (failing) => {
    let count = 0;
    const { jail, started } = blindJail(() => ++count === failing);
    const worker = make(jail);
    await expect(worker.start()).rejects.toMatchObject({ code: 'WORKER_START_FAILED' });
    expect(started.map(isAlive)).toEqual([false]);
  });

  it('is gone before the next one is started, and none is left when all is closed', async () => {
    let failures = 0;
    const { jail, started } = blindJail(() => failures-- > 0);
    const worker = make(jail);
    await worker.start();
    failures = 2;
    process.kill(started[0], 'SIGKILL');
    await expect.poll(() => started.length, { timeout: 10_000 }).toBe(4);
    expect(started.slice(0, 3).map(isAlive)).toEqual([false, false, false]);
    await isBack(worker);
    await worker.close();
    expect(started.filter(isAlive)).toEqual([]);
  });

  it('is gone when its model cannot be read any more', async () => {
    let isReadable = true;
    const { jail, started } = blindJail(() => false);
    const worker = make(jail, {
      content: () => {
        if (!isReadable) throw new AirlockError('MODEL_INVALID');
        return noContent();
      },
    });
    await worker.start();
    isReadable = false;
    process.kill(started[0], 'SIGKILL');
    await expect.poll(() => started.length, { timeout: 10_000 }).toBeGreaterThan(2);
    expect(worker.report.lastCause).toBe('MODEL_INVALID');
    expect(started.slice(0, -1).filter(isAlive)).toEqual([]);
    await worker.close();
    expect(started.filter(isAlive)).toEqual([]);
  });

  it('is gone and replaced when it is a spare one', async () => {
    let count = 0;
    // The first worker is examined twice.
    const { jail, started } = blindJail(() => ++count === 3);
    const worker = make(jail, { spare: true });
    await worker.start();
    await expect.poll(() => worker.report.spare, { timeout: 10_000 }).toBe('ready');
    expect(started.map(isAlive)).toEqual([true, false, true]);
    await worker.close();
    expect(started.filter(isAlive)).toEqual([]);
  });
});

describe('executable memory', () => {
  const executableMemory = { setting: 'denied', why: 'for a test' } as const;

  it.each([
    ['a worker without it crashes', misdeeds.exit],
    ['TensorFlow could not compile', misdeeds.needsCode],
  ])('comes back when %s, and the request may be sent again', async (_name, misdeed) => {
    const { jail, started } = fakeJail('process');
    const worker = make(jail, { executableMemory });
    await worker.start();
    expect(started[0].execArgv).toContain('--jitless');
    expect(worker.report.executableMemory).toEqual({ ...executableMemory, saidBy: 'worker' });
    await expect(ask(worker, misdeed)).rejects.toMatchObject({ code: 'WORKER_CRASHED', retry: true });
    await expect.poll(() => started.length, { timeout: 10_000 }).toBe(2);
    await isBack(worker);
    expect(started[1].execArgv).not.toContain('--jitless');
    expect(worker.report).toMatchObject({
      restarts: 1,
      executableMemory: { setting: 'allowed', why: expect.not.stringContaining('test') },
    });
    await expect(ask(worker, misdeeds.none)).resolves.toHaveLength(1);
  });

  it('is there at the second start of a model that does not survive its warm-up without it', async () => {
    const { jail, started } = fakeJail('process');
    const worker = make(jail, { executableMemory, tags: ['needs-code'] });
    await worker.start();
    expect(started.map(({ execArgv }) => execArgv?.includes('--jitless'))).toEqual([true, false]);
    expect(worker.report).toMatchObject({ restarts: 0, executableMemory: { setting: 'allowed' } });
  });

  it('is not tried for a model that is refused with and without it', async () => {
    const { jail, started } = fakeJail('process');
    const worker = make(jail, { executableMemory, tags: ['refuse'] });
    await expect(worker.start()).rejects.toMatchObject({ code: 'MODEL_LOAD_FAILED' });
    expect(worker.report.executableMemory).toEqual({ ...executableMemory, saidBy: 'server' });
    expect(started).toHaveLength(1);
  });

  it('stays as it is when the worker was killed for another reason', async () => {
    const { jail, started } = fakeJail('process');
    const worker = make(jail, { executableMemory });
    await worker.start();
    process.kill(worker.processId ?? 0, 'SIGKILL');
    await expect.poll(() => started.length, { timeout: 10_000 }).toBe(2);
    await isBack(worker);
    expect(worker.report.executableMemory).toMatchObject(executableMemory);
  });

  it('does not hide the failure of a worker that has it', async () => {
    const worker = make(plainJail());
    await worker.start();
    await expect(ask(worker, misdeeds.needsCode)).rejects.toMatchObject({ code: 'TENSORFLOW_ABORTED' });
    expect(worker.state).toBe('ready');
  });
});

describe('a spare worker', () => {
  const spareIs = (worker: ModelWorker, state: string) => expect.poll(() => worker.report.spare, { timeout: 10_000 }).toBe(state);

  it('takes over after a crash and is replaced', async () => {
    const { jail, started } = fakeJail('process');
    const worker = make(jail, { spare: true });
    await worker.start();
    await spareIs(worker, 'ready');
    expect(started).toHaveLength(2);
    await expect(ask(worker, misdeeds.exit)).rejects.toMatchObject({ code: 'WORKER_CRASHED' });
    await isBack(worker);
    await spareIs(worker, 'ready');
    expect(started).toHaveLength(3);
    await worker.close();
    expect(worker.report.spare).toBe('none');
  });

  it('that dies is replaced, and costs the model nothing', async () => {
    const { jail, started } = fakeJail('process');
    const pids: (number | undefined)[] = [];
    const worker = make(
      {
        ...jail,
        start: (options) => {
          const jailed = jail.start(options);
          pids.push(jailed.processId);
          return jailed;
        },
      },
      { spare: true },
    );
    await worker.start();
    await spareIs(worker, 'ready');
    process.kill(pids[1] ?? 0, 'SIGKILL');
    await spareIs(worker, 'none');
    await spareIs(worker, 'ready');
    expect(started).toHaveLength(3);
    expect([worker.state, worker.processId]).toEqual(['ready', pids[0]]);
  });
});

describe('a worker that kept much memory', () => {
  /** A share of which a process kept as much as `kept` says. */
  function reserve(kept: number[]): NonNullable<ModelWorkerOptions['reserve']> {
    return async () => {
      const share = new MemoryShare({
        bytes: 0,
        modelBytes: 0,
        makeRoom: async () => undefined,
        onSettled: () => undefined,
        onReleased: () => undefined,
      });
      const bytes = kept.shift() ?? 0;
      Object.defineProperty(share, 'keptBytes', { get: () => bytes });
      return share;
    };
  }
  const much = 100 * 1024 * 1024;

  it('is begun anew while it has nothing to do, and what is asked meanwhile waits for it', async () => {
    const worker = make(plainJail(), { reserve: reserve([much, 0]) });
    await worker.start();
    const before = worker.processId;
    const running = ask(worker, misdeeds.none);
    expect(worker.giveUpGrowth()).toBeUndefined();
    await running;
    const freed = worker.giveUpGrowth();
    const answers = [ask(worker, misdeeds.none), ask(worker, misdeeds.none)];
    const late = worker.run(0, [floats([1], misdeeds.none)], { deadlineMs: 5 });
    expect([worker.isRenewing, worker.pendingCount]).toEqual([true, 3]);
    await expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' });
    await freed;
    expect(await Promise.all(answers)).toHaveLength(2);
    expect(worker.processId).not.toBe(before);
    expect([worker.isRenewing, worker.report.restarts, worker.giveUpGrowth()]).toEqual([false, 0, undefined]);
  });

  it('fails those that wait when it is closed meanwhile', async () => {
    const worker = make(plainJail(), { reserve: reserve([much]) });
    await worker.start();
    expect(worker.giveUpGrowth()).toBeDefined();
    const waiting = ask(worker, misdeeds.none);
    const refused = expect(waiting).rejects.toMatchObject({ code: 'MODEL_NOT_AVAILABLE' });
    await worker.close();
    await refused;
    expect(worker.state).toBe('closed');
  });
});
