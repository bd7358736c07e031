// A folder that changes between the two loads of a rehearsal, which the two slots would show as one model; the models are made up.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { checkConfig } from '../config/load-config.ts';
import type { ModelVersion } from '../serving/index.ts';
import type { Tensor } from '../tensor/index.ts';
import type { OpenModel, RehearsalSlot } from './open-side.ts';
import { rehearse } from './rehearse.ts';

const identities = vi.hoisted(() => new Map<string, string>());

vi.mock('./collect-requests.ts', () => ({
  collectRequests: async () => ({ requests: [{ source: 'golden', signature: 'serving_default', tensors: [] }], notes: [] }),
}));
vi.mock('./open-side.ts', () => ({
  openSlot: async (_config: unknown, tensorflow: string): Promise<Pick<RehearsalSlot, 'tensorflow' | 'close'>> => ({
    tensorflow,
    close: async () => undefined,
  }),
  openModelIn: async ({ tensorflow }: RehearsalSlot): Promise<OpenModel> => {
    const y: Tensor = { dtype: 'DT_FLOAT', shape: [1], bytes: new Uint8Array(4) };
    const version = {
      version: 1n,
      state: 'AVAILABLE',
      ready: true,
      identity: identities.get(tensorflow) ?? '',
      workerReport: { usage: undefined, restarts: 0 },
      signature: () => ({ name: 'serving_default', inputs: [], outputs: [{ alias: 'y' }] }),
      run: async () => [y],
    };
    return {
      versions: new Map([[1n, version as unknown as ModelVersion]]),
      refused: new Map(),
      directoryOf: () => undefined,
      close: async () => undefined,
    };
  },
}));

it('fails for a model whose files changed after the first load, and takes it when they did not', async () => {
  const store = mkdtempSync(join(tmpdir(), 'airlock-rehearse-'));
  onTestFinished(() => rmSync(store, { recursive: true, force: true }));
  const models = [{ name: 'm', path: store, unsafeUnsigned: true }];
  const config = checkConfig({ store, runtime: { tensorflow: '2.20.0' }, models }, '/');
  identities.set('2.20.0', 'a').set('2.21.0', 'b');
  const { record, models: found } = await rehearse({ config, to: '2.21.0' });
  expect(record).toMatchObject({ verdict: 'failed', models: [{ identity: 'a', verdict: 'failed', requests: 0 }] });
  expect(found[0].reasons).toEqual([expect.stringContaining('files changed after they were loaded on 2.20.0')]);
  identities.set('2.21.0', 'a');
  expect((await rehearse({ config, to: '2.21.0' })).record).toMatchObject({ verdict: 'same', models: [{ requests: 1 }] });
});
