// Profiles in a store: kept, found again, and never read from or written to what somebody else laid there.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RunProfile } from '../../profile/index.ts';
import { ProfileKeeper, VersionProfile } from './profile-keeper.ts';
import { ProfileSampler } from './profile-sampler.ts';

const about = { model: 'm', version: 1n, identity: 'files', tensorflow: '2.21.0' };
const run: RunProfile = {
  nodes: [{ node: 'n', op: 'Relu', startUs: 0, durationUs: 5, selfUs: 5, peakBytes: 8, outputBytes: 8, thread: 1 }],
  durationUs: 5,
  peakBytes: 8,
  traceBytes: 100,
};

let store: string;
let troubles: string[];
const file = (): string => join(store, 'profiles/m-1.json');
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'airlock-profiles-'));
  troubles = [];
});
afterEach(() => rmSync(store, { recursive: true }));

const keeper = (): ProfileKeeper => new ProfileKeeper(store, (text) => troubles.push(text));

/** Learns one run and writes it. */
function learn(): void {
  const kept = keeper();
  kept.open(about).add(run);
  kept.close();
}

it('finds what was learned of the same files on the same TensorFlow, and nothing else', () => {
  learn();
  expect(readdirSync(join(store, 'profiles'))).toEqual(['m-1.json']);
  const kept = keeper();
  expect(kept.open(about).runs).toBe(1);
  expect(kept.open({ ...about, identity: 'other files' }).runs).toBe(0);
  expect(kept.open({ ...about, tensorflow: '2.20.0' }).runs).toBe(0);
  kept.close();
  expect(troubles).toEqual([]);
});

it.each([
  ['a link', () => symlinkSync('/dev/zero', file())],
  ['a file that others may write', () => [writeFileSync(file(), '{}'), chmodSync(file(), 0o666)]],
  ['a folder', () => mkdirSync(file())],
  ['no profile', () => writeFileSync(file(), '{"format": 1, "runs": -1}', { mode: 0o600 })],
])('begins anew where %s lies, and says so', (_what, lay) => {
  mkdirSync(join(store, 'profiles'));
  lay();
  const kept = keeper();
  expect(kept.open(about).runs).toBe(0);
  expect(troubles).toEqual([expect.stringMatching(/^the profile of m version 1 is begun anew: /)]);
  kept.close();
});

it('learns anew on another TensorFlow, and says under which one it learned', async () => {
  learn();
  const kept = keeper();
  const profile = new VersionProfile(kept, about);
  const sampler = new ProfileSampler({
    percent: 100,
    limits: { ops: {}, nodes: {} },
    profileOn: (now) => profile.on(now),
    nowMs: () => (nowMs += 1_000),
  });
  let nowMs = 0;
  let tensorflow = '2.21.0';
  let answer = (): void => undefined;
  const runner = sampler.before(
    {
      run: async (_index, _inputs, { onProfile }) => {
        await new Promise<void>((resolve) => (answer = resolve));
        onProfile?.(run);
        return [];
      },
    },
    () => tensorflow,
  );
  const ask = () => runner.run(0, [], { client: '' });
  const written = (): unknown => JSON.parse(readFileSync(file(), 'utf8'));
  const late = ask();
  tensorflow = '2.22.0';
  answer();
  await late;
  // It was asked before the change.
  expect(sampler.profile.runs).toBe(0);
  expect(written()).toMatchObject({ tensorflow: '2.21.0', runs: 2 });
  const first = ask();
  answer();
  await first;
  profile.drop();
  expect(written()).toMatchObject({ tensorflow: '2.22.0', runs: 1 });
  kept.close();
  expect(troubles).toEqual([]);
});

it('never writes through a link', () => {
  mkdirSync(join(store, 'profiles'));
  const victim = join(store, 'victim');
  writeFileSync(victim, 'untouched');
  symlinkSync(victim, file());
  learn();
  expect(readFileSync(victim, 'utf8')).toBe('untouched');
  expect(readFileSync(file(), 'utf8')).toContain('"Relu"');
});

it('says that it could not write, and leaves nothing behind', () => {
  // As on a full disk: what should become a folder cannot.
  writeFileSync(join(store, 'profiles'), '');
  learn();
  expect(troubles.at(-1)).toMatch(/^the profile of m could not be kept \(STORE_NOT_WRITABLE\)$/);
  expect(existsSync(file())).toBe(false);
});
