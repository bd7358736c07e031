// What a server says of its installed TensorFlows when they are hashed again. Slots are folders; hashing them is a double, save in tests/security.
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AirlockError } from '../core/index.ts';
import { builtInPins } from '../runtime/index.ts';
import { familiesText } from '../telemetry/index.ts';
import { RuntimeWatch, runtimeMetrics } from './runtime-watch.ts';

let store = '';
let watch: RuntimeWatch | undefined;
beforeEach(() => {
  store = mkdtempSync(join(tmpdir(), 'airlock-watch-'));
  for (const name of ['2.21.0-x86_64', '2.20.0-x86_64', '2.9.1-x86_64'])
    mkdirSync(join(store, 'runtimes', name), { recursive: true });
});
afterEach(async () => {
  await watch?.close();
  rmSync(store, { recursive: true, force: true });
});

function start(broken: ReadonlySet<string>) {
  const entries: (readonly [string, unknown])[] = [];
  const troubles: string[] = [];
  const hashed: string[] = [];
  watch = new RuntimeWatch({
    store,
    pins: builtInPins,
    schedule: 'never',
    audit: { append: (kind, entry) => void entries.push([kind, entry]) },
    onTrouble: (text) => troubles.push(text),
    clock: () => Date.UTC(2026, 0, 2),
    verify: async ({ version }) => {
      hashed.push(version);
      if (broken.has(version)) throw new AirlockError('RUNTIME_SLOT_INVALID', { detail: 'LICENSE: missing' });
    },
  });
  return { watch, entries, troubles, hashed };
}

describe('RuntimeWatch', () => {
  it('knows what is installed before it has hashed it, and names its bytes', async () => {
    const { watch, hashed } = start(new Set());
    await watch.start(new Promise(() => undefined));
    expect(watch.state.map(({ version, origin, verifiedAt }) => [version, origin, verifiedAt])).toEqual([
      ['2.21.0', 'official', null],
      ['2.20.0', 'official', null],
      ['2.9.1', 'not pinned', null],
    ]);
    expect(watch.about('2.21.0')?.digest).toMatch(/^[0-9a-f]{64}$/);
    expect(watch.about('2.21.0')?.digest).not.toBe(watch.about('2.20.0')?.digest);
    expect(watch.about('2.9.1')).toBeUndefined();
    expect(hashed).toEqual([]);
    expect(familiesText(runtimeMetrics(watch.state))).not.toContain('{version');
  });

  it('does not lose sight of a slot that a link or a file has replaced, nor of all when they cannot be listed', async () => {
    const { watch, troubles } = start(new Set());
    await watch.start(new Promise(() => undefined));
    const places = ['2.21.0-x86_64', '2.20.0-x86_64'].map((name) => join(store, 'runtimes', name));
    for (const place of places) renameSync(place, `${place}-moved`);
    symlinkSync(`${places[0]}-moved`, places[0]);
    await watch.verify();
    // What was removed is gone; what was replaced is not.
    expect(watch.state.map(({ version }) => version).sort()).toEqual(['2.21.0', '2.9.1']);
    rmSync(join(store, 'runtimes'), { recursive: true });
    writeFileSync(join(store, 'runtimes'), '');
    await watch.verify();
    expect(watch.state.map(({ version }) => version).sort()).toEqual(['2.21.0', '2.9.1']);
    expect(troubles).toEqual([expect.stringContaining('cannot be listed')]);
  });

  it('records what is wrong once, and when it is right again; nothing of a folder that nothing pins', async () => {
    const broken = new Set(['2.20.0']);
    const { watch, entries, troubles, hashed } = start(broken);
    await watch.start(Promise.resolve());
    await watch.verify();
    await watch.verify();
    expect(new Set(hashed)).toEqual(new Set(['2.21.0', '2.20.0']));
    expect(entries.map(([kind]) => kind)).toEqual(['runtime verified', 'runtime invalid']);
    expect(entries[1][1]).toMatchObject({ version: '2.20.0', error: 'RUNTIME_SLOT_INVALID', detail: 'LICENSE: missing' });
    expect(troubles).toEqual([expect.stringContaining('TensorFlow 2.20.0')]);
    expect(familiesText(runtimeMetrics(watch.state))).toMatch(/airlock_runtime_verified\{version="2.20.0",[^}]*\} 0\n/);
    expect(familiesText(runtimeMetrics(watch.state))).toMatch(/airlock_runtime_verified\{version="2.21.0",[^}]*\} 1\n/);
    broken.clear();
    await watch.verify();
    expect(entries.at(-1)).toEqual(['runtime verified', expect.objectContaining({ version: '2.20.0' })]);
    expect(watch.state.find(({ version }) => version === '2.20.0')).toMatchObject({
      error: null,
      verifiedAt: '2026-01-02T00:00:00.000Z',
    });
  });

  it('sees a slot that came while it runs, and ends while it hashes', async () => {
    const { watch } = start(new Set());
    await watch.start(new Promise(() => undefined));
    mkdirSync(join(store, 'runtimes', '2.19.1-x86_64'));
    await watch.verify();
    expect(watch.state.map(({ version }) => version)).toContain('2.19.1');
    const round = watch.verify();
    await watch.close();
    await round;
  });
});
