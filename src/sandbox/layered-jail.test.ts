import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { notBuilt } from '../../tests/support/jail-level.ts';
import type { Cgroups } from './cgroups.ts';
import { JailParts, LayeredJail } from './layered-jail.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'airlock-layered-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('LayeredJail', () => {
  it.skipIf(notBuilt !== '')(`is closed when what its processes left is put away${notBuilt}`, async () => {
    const events: string[] = [];
    // The kernel keeps a group busy for a moment after its last process is gone.
    const slow: Cgroups = {
      layers: [],
      create: () => ({
        add: () => undefined,
        limitsOf: () => ({}),
        isOutOfMemory: () => false,
        remove: async () => {
          await delay(200);
          events.push('removed');
        },
      }),
    };
    const entry = path.join(folder, 'end.mjs');
    writeFileSync(entry, '');
    const jail = new LayeredJail(new Set(['limits']), new JailParts(undefined, slow, []));
    const limits = { memoryBytes: 2 ** 28, maxTasks: 100 };
    const { exited } = jail.start({ entry, readable: [entry], limits, onLog: ({ text }) => events.push(text) });
    expect(await exited).toMatchObject({ code: 0 });
    await jail.close();
    expect(events).toEqual(['removed']);
  });

  it.skipIf(notBuilt !== '')(`keeps no user and no group for a process that could not be started${notBuilt}`, async () => {
    const removed = vi.fn();
    const group = { add: () => undefined, limitsOf: () => ({}), isOutOfMemory: () => false, remove: async () => removed() };
    // An upgrade of the machine removed it.
    const library = path.join(folder, 'library.so');
    const parts = new JailParts(undefined, { layers: [], create: () => group }, []);
    const jail = new LayeredJail(new Set(['user', 'seccomp']), parts);
    const taken = parts.users && vi.spyOn(parts.users, 'take');
    const givenBack = parts.users && vi.spyOn(parts.users, 'giveBack');
    const options = {
      entry: library,
      readable: [library],
      limits: { memoryBytes: 2 ** 28, maxTasks: 100 },
      onLog: () => undefined,
    };
    for (let attempt = 0; attempt < 20; attempt++) {
      const detail = expect.stringMatching(/ENOENT.*library\.so/);
      expect(() => jail.start(options)).toThrow(expect.objectContaining({ code: 'WORKER_START_FAILED', detail }));
    }
    expect(removed).toHaveBeenCalledTimes(20);
    if (taken !== undefined) expect(taken).toHaveBeenCalledTimes(20);
    expect(givenBack?.mock.calls.flat()).toEqual(taken?.mock.results.map(({ value }) => value));
    await jail.close();
  });
});
