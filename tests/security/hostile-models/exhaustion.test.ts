// Models that take what the machine has, or end their own process: the request gets an error that names what happened, in time; the process is gone
// where it has to be; and the model answers the next request. What waits or spins without end is ended within 2.5 s.
import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
  { attack: 'printForever', codes: ['DEADLINE_EXCEEDED'], cause: /ran past its deadline/ },
  { attack: 'computeForever', codes: ['DEADLINE_EXCEEDED'], cause: /ran past its deadline/ },
  // What is still for a second is ended as if it waited for memory, if its own deadline does not come first.
  { attack: 'sleepForever', codes: ['DEADLINE_EXCEEDED', 'WORKER_OUT_OF_MEMORY'] },
  { attack: 'memoryBomb', codes: ['WORKER_OUT_OF_MEMORY'], cause: /WORKER_OUT_OF_MEMORY/ },
  { attack: 'giantOutput', codes: ['MODEL_OUTPUT_INVALID'] },
  { attack: 'giantText', codes: ['MODEL_OUTPUT_INVALID'] },
  { attack: 'abort', codes: ['WORKER_CRASHED'], cause: /WORKER_CRASHED signal SIGABRT|WORKER_FORBIDDEN/ },
  { attack: 'exit', codes: ['WORKER_CRASHED', 'WORKER_FORBIDDEN'], cause: /WORKER_CRASHED exit code 0|WORKER_FORBIDDEN/ },
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
    model = await HostileModel.open({ jail, directory, attacks, functions: exhaustionFunctions });
  });
  afterAll(async () => {
    await model?.close();
    await jail?.close();
    rmSync(directory, { recursive: true });
  });

  it.skipIf(missing !== '').each(expectations)(`ends $attack${missing}`, async ({ attack, codes, cause }) => {
    model.causes.length = 0;
    const { code, tookMs } = await model.fire(exhaustion[attack].name);
    expect(codes).toContain(code);
    expect(tookMs).toBeLessThan(2500);
    await model.recovered();
    if (cause !== undefined) expect(model.causes.join('\n')).toMatch(cause);
  });

  it.skipIf(missing !== '')(`ends a worker that goes on computing after its answer${missing}`, async () => {
    const { answer } = await model.fire(exhaustion.computeBehind.name);
    expect(answer).toBe('0');
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
    while (codes.length < 20 && !codes.includes('WORKER_OUT_OF_MEMORY'))
      codes.push((await model.fire(exhaustion.hoard.name)).code);
    expect(codes.at(-1)).toBe('WORKER_OUT_OF_MEMORY');
    await model.recovered();
  });

  it.skipIf(missing !== '')(`keeps what a model prints within bounds${missing}`, () => {
    expect(model.log.length).toBeLessThan(500);
  });
});
