import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
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
});
