// When a refused version is looked at again: never so often that refusing costs a server its time, and at once when its folder changes.
import { expect, it } from 'vitest';
import { AirlockError } from '../core/index.ts';
import type { Manifest, ModelStore, Trust, Verdict } from '../provenance/index.ts';
import { Admission } from './admission.ts';

const manifest: Manifest = { hashType: 'sha256', files: [{ name: 'a', digest: 'd' }], ignored: [], root: 'r', identity: 'i' };
const verdict: Verdict = {
  policy: 'p',
  allowed: true,
  steps: [],
  decidedBy: 'rollback',
  manifest,
  signers: [],
  attestations: [],
  bundles: ['b1'],
  error: undefined,
};

/** An admission whose parts say what `state` says, and what was asked of them. */
function admission(state: { verdict: Verdict; stageError?: AirlockError }) {
  const calls: string[] = [];
  let nowMs = 0;
  const trust: Trust = {
    judge: async ({ version, contractDigest }) => {
      calls.push(`judge ${version} ${contractDigest ?? ''}`.trim());
      return state.verdict;
    },
    recordServed: async ({ version, identity, policy }) => void calls.push(`served ${version} ${identity} ${policy}`),
  };
  const store = {
    stage: async () => {
      calls.push('stage');
      if (state.stageError !== undefined) throw state.stageError;
      return { directory: '/staged', identity: 'i', release: async () => void calls.push('release') };
    },
    collect: async () => {
      calls.push('collect');
      return { removed: [], freedBytes: 0 };
    },
    close: async () => undefined,
  } as unknown as ModelStore;
  const versions = { kind: 'latest', count: 1 } as const;
  const tested = new Admission({ trust, store, policy: 'p', model: 'm', versions, contractDigest: 'c', nowMs: () => nowMs });
  return {
    calls: () => calls.splice(0),
    collect: () => tested.collect(),
    admit: (digest = 's1', version = 1n) => tested.admit(version, '/model', digest),
    wait: (ms: number) => {
      nowMs += ms;
    },
  };
}

it('stages what was judged, and gives back what it holds', async () => {
  const { admit, calls, collect } = admission({ verdict });
  const admitted = await admit();
  expect(admitted).toMatchObject({
    directory: '/staged',
    provenance: { policy: 'p', root: 'r', identity: 'i', bundles: ['b1'] },
  });
  await admitted.served();
  await admitted.release();
  await collect();
  expect(calls()).toEqual(['judge 1 c', 'stage', 'served 1 i p', 'release', 'collect']);
});

it('judges a refused version again after a growing pause, and at once when its folder has changed', async () => {
  const refused = { ...verdict, allowed: false, manifest: undefined, error: new AirlockError('MODEL_UNSIGNED') };
  const state: { verdict: Verdict } = { verdict: refused };
  const { admit, calls, wait } = admission(state);
  const looks = async (seconds: number): Promise<number> => {
    let count = 0;
    for (let second = 0; second < seconds; second++) {
      await expect(admit()).rejects.toMatchObject({ code: 'MODEL_UNSIGNED' });
      count += calls().length;
      wait(1_000);
    }
    return count;
  };
  expect(await looks(60)).toBe(6);
  expect(await looks(300)).toBe(10);
  await expect(admit('s2')).rejects.toMatchObject({ code: 'MODEL_UNSIGNED' });
  expect(calls()).toHaveLength(1);
  await expect(admit('s1', 2n)).rejects.toMatchObject({ code: 'MODEL_UNSIGNED' });
  expect(calls()).toEqual(['judge 2 c']);
  // The signature came to another place than the folder.
  state.verdict = verdict;
  wait(30_000);
  await expect(admit('s2')).resolves.toMatchObject({ directory: '/staged' });
});

it('does not hash files again that were found to differ before they or the signatures change', async () => {
  const state = { verdict, stageError: new AirlockError('MODEL_TAMPERED') };
  const { admit, calls, wait } = admission(state);
  const attempt = async (digest?: string) => {
    await expect(admit(digest)).rejects.toMatchObject({ code: 'MODEL_TAMPERED' });
    wait(60_000);
    return calls().join();
  };
  expect(await attempt()).toBe('judge 1 c,stage');
  expect(await attempt()).toBe('judge 1 c');
  state.verdict = { ...verdict, bundles: ['b2'] };
  expect(await attempt()).toBe('judge 1 c,stage');
  expect(await attempt('s2')).toBe('judge 1 c,stage');
  state.stageError = new AirlockError('DISK_FULL');
  await expect(admit('s3')).rejects.toMatchObject({ code: 'DISK_FULL' });
  wait(1_000);
  await expect(admit('s3')).rejects.toMatchObject({ code: 'DISK_FULL' });
  expect(calls().join()).toBe('judge 1 c,stage,judge 1 c,stage');
});

it('never passes what a verdict does not allow, also without a reason', async () => {
  const { admit } = admission({ verdict: { ...verdict, allowed: false } });
  await expect(admit()).rejects.toMatchObject({ code: 'INTERNAL' });
  const { admit: withoutManifest } = admission({ verdict: { ...verdict, manifest: undefined } });
  await expect(withoutManifest()).rejects.toMatchObject({ code: 'INTERNAL' });
});
