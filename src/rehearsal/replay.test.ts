// What a rehearsal makes of models that do not answer reliably, with versions that are made up: nothing that was not compared may count as the same.
import { afterEach, describe, expect, it, vi } from 'vitest';
import { checkConfig } from '../config/load-config.ts';
import { AirlockError } from '../core/index.ts';
import type { ModelVersion } from '../serving/index.ts';
import type { Signature, Tensor } from '../tensor/index.ts';
import { judge } from './judge.ts';
import type { RehearsalRequest, SideReport } from './rehearsal-types.ts';
import { replay } from './replay.ts';

const { rehearsal: rules } = checkConfig({ models: [{ name: 'm', path: 'm', unsafeUnsigned: true }] }, '/').models[0];
const signature: Signature = {
  name: 'serving_default',
  methodName: 'tensorflow/serving/predict',
  inputs: [],
  outputs: [{ alias: 'y', tensorName: 'y:0', dtype: 'DT_FLOAT', shape: [1] }],
};
const requests: readonly RehearsalRequest[] = Array.from({ length: 8 }, () => ({
  source: 'golden',
  signature: signature.name,
  tensors: [],
}));

const number = (value: number): Tensor => ({
  dtype: 'DT_FLOAT',
  shape: [1],
  bytes: new Uint8Array(new Float32Array([value]).buffer),
});

function version(run: () => Tensor, isReady = () => true): ModelVersion {
  const made: Pick<ModelVersion, 'signature' | 'run' | 'ready' | 'contract'> = {
    get ready() {
      return isReady();
    },
    signature: () => signature,
    contract: undefined,
    run: async () => [run()],
  };
  return made as ModelVersion;
}

const side = (tensorflow: string): SideReport => ({
  tensorflow,
  loadError: undefined,
  times: { median: 1, p99: 1, all: [] },
  memoryBytes: undefined,
  restarts: 0,
});
const judged = (found: Awaited<ReturnType<typeof replay>>) =>
  judge({ ...found, old: side('2.12.1'), now: side('2.21.0') }, rules);

afterEach(() => void vi.useRealTimers());

describe('replay()', () => {
  it('decides nothing about answers that the old TensorFlow does not give twice', async () => {
    let calls = 0;
    const old = version(() => {
      // The first three only warm it up; then each request runs twice.
      if (++calls > 3 && calls % 2 === 1) throw new AirlockError('TENSORFLOW_INTERNAL');
      return number(1);
    });
    const found = await replay({ old, now: version(() => number(999)), requests, tolerance: rules.tolerance });
    expect(found.answered).toBe(requests.length);
    expect(found.outputs).toMatchObject([{ name: 'y', compared: 0, undecidable: requests.length }]);
    expect(judged(found)).toMatchObject({ verdict: 'changed', reasons: [expect.stringContaining('nothing could be decided')] });
  });

  it('is never the same where no output was compared', () => {
    const found = { answered: 3, endings: [], outputs: [], old: side('2.12.1'), now: side('2.21.0') };
    expect(judge(found, rules)).toEqual({ verdict: 'failed', reasons: ['no output was compared'] });
  });

  it('gives up on a worker that does not come back, instead of waiting for it with each request', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'performance'] });
    const gone = version(
      () => {
        throw new AirlockError('MODEL_NOT_AVAILABLE');
      },
      () => false,
    );
    let replayed = 0;
    const done = replay({
      old: version(() => number(1)),
      now: gone,
      requests,
      tolerance: rules.tolerance,
      onRequest: () => replayed++,
    });
    await vi.advanceTimersByTimeAsync(1_000_000);
    const found = await done;
    expect(replayed).toBe(5);
    expect(found.notes).toEqual([expect.stringContaining('stopped after 5 of 8 requests')]);
    expect(judged(found).verdict).toBe('failed');
  });
});
