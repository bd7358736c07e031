// Models that take what the machine has, or end their own process: the request gets an error that names what happened, in time; the process is gone
// where it has to be; and the model answers the next request. What waits is ended after 1 s, what spins after 2.5 s.
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Jail } from '../../../src/sandbox/index.ts';
import { temporaryFolder, until } from '../../support/server.ts';
import { exhaustion, exhaustionFunctions } from './exhaustion.ts';
import { HostileModel, type Level, lacks, openJailAt } from './hostile-worker.ts';

/** What one request leads to, and what is said of the end of the process, if it ends. */
interface Expected {
  readonly attack: keyof typeof exhaustion;
  readonly codes: readonly string[];
  readonly cause?: RegExp;
}

const expectations: readonly Expected[] = [
  { attack: 'loopForever', codes: ['DEADLINE_EXCEEDED'], cause: /ran past its deadline/ },
  // Or it waits for a log that takes only so much.
  {
    attack: 'printForever',
    codes: ['DEADLINE_EXCEEDED', 'WORKER_OUT_OF_MEMORY'],
    cause: /ran past its deadline|without computing/,
  },
  { attack: 'computeForever', codes: ['DEADLINE_EXCEEDED'], cause: /ran past its deadline/ },
  // What is still for a second is ended as if it waited for memory.
  { attack: 'sleepForever', codes: ['WORKER_OUT_OF_MEMORY'], cause: /without computing/ },
  { attack: 'memoryBomb', codes: ['WORKER_OUT_OF_MEMORY'], cause: /WORKER_OUT_OF_MEMORY/ },
  { attack: 'giantOutput', codes: ['MODEL_OUTPUT_INVALID'] },
  { attack: 'giantText', codes: ['MODEL_OUTPUT_INVALID'] },
  // As the first process of its namespace it cannot be ended by a signal of its own; abort(3) exits then.
  { attack: 'abort', codes: ['WORKER_CRASHED'], cause: /signal SIGABRT|exit code 127/ },
  // Tidying up at exit may do what the filter forbids.
  { attack: 'exit', codes: ['WORKER_CRASHED', 'WORKER_FORBIDDEN'], cause: /exit code 0|WORKER_FORBIDDEN/ },
];

describe.each<{ level: Level }>([{ level: 'process' }, { level: 'full' }])('greedy models at level $level', ({ level }) => {
  const missing = lacks(level);
  const directory = temporaryFolder();
  let jail: Jail;
  let model: HostileModel;
  beforeAll(async () => {
    if (missing !== '') return;
    jail = await openJailAt(level);
    const attacks = Object.values(exhaustion);
    model = await HostileModel.open({
      jail,
      directory,
      attacks,
      functions: exhaustionFunctions,
      limits: { timeoutMs: 2000, graceMs: 500 },
    });
  });
  afterAll(async () => {
    await model?.close();
    await jail?.close();
    rmSync(directory, { recursive: true });
  });

  beforeEach(async () => {
    // Whatever the last test left behind.
    await model?.recovered();
    if (model !== undefined) model.causes.length = 0;
  });

  it.skipIf(missing !== '').each(expectations)(`ends $attack${missing}`, async ({ attack, codes, cause }) => {
    const { code, tookMs } = await model.fire(exhaustion[attack].name);
    expect(codes).toContain(code);
    expect(tookMs).toBeLessThan(3500);
    await model.recovered();
    if (cause !== undefined) expect(model.causes.join('\n')).toMatch(cause);
  });

  it.skipIf(missing !== '')(`ends a worker that goes on computing after its answer${missing}`, async () => {
    expect(await model.fire(exhaustion.computeBehind.name)).toMatchObject({ answer: '0' });
    await until('it is ended', () => model.causes.some((cause) => /without a request/.test(cause)));
    await model.recovered();
  });

  it.skipIf(missing !== '')(`ends a worker with too many threads${missing}`, async () => {
    await model.fire(exhaustion.threadBomb.name);
    await until(
      'it is ended',
      () => model.worker.state !== 'ready' || model.causes.some((cause) => /threads|WORKER_CRASHED/.test(cause)),
    );
    await model.recovered();
  });

  it.skipIf(missing !== '')(`ends a worker that keeps something of each request${missing}`, async () => {
    const codes: (string | undefined)[] = [];
    while (codes.length < 20 && !codes.includes('WORKER_OUT_OF_MEMORY')) {
      const { code } = await model.fire(exhaustion.hoard.name);
      codes.push(code);
      // On a busy machine the end of the last test's worker may come only now.
      if (code === 'WORKER_CRASHED' || code === 'MODEL_NOT_AVAILABLE') await model.recovered();
    }
    expect(codes.at(-1), codes.join()).toBe('WORKER_OUT_OF_MEMORY');
    await model.recovered();
  });

  it.skipIf(missing !== '')(`keeps what a model prints within bounds${missing}`, () => {
    expect(model.log.length).toBeLessThan(500);
  });
});
