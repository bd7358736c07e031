// Opening a jail on this very machine, whatever it has: what is found is compared with what processes in it really get.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { examineJail, type JailLevel, jailLevels, openJail } from './index.ts';

const isBuilt = existsSync(path.join(import.meta.dirname, '../../dist/launcher/main.js'));
const here = isBuilt ? await examineJail() : undefined;
const has = (level: JailLevel): boolean => here !== undefined && jailLevels.indexOf(here.level) <= jailLevels.indexOf(level);
const notBuilt = isBuilt ? '' : ' (skipped: not built, run `npm run build`)';
const noProcess = has('process') ? '' : ' (skipped: this machine has no level `process`)';
const noFull = has('full') ? '' : ' (skipped: this machine has no level `full`)';

const noBubblewrap = { bubblewrap: '/nonexistent/bwrap' };

describe('examineJail', () => {
  it.skipIf(!isBuilt)(`reports on every layer${notBuilt}`, () => {
    const names = ['namespaces', 'landlock', 'seccomp', 'user', 'limits', 'cgroup-memory', 'cgroup-cpu', 'cgroup-tasks'];
    expect(here?.layers.map((layer) => layer.layer)).toEqual(names);
    for (const { detail } of here?.layers ?? []) expect(detail).not.toBe('');
  });

  it.skipIf(!isBuilt)(`finds no namespaces without bubblewrap, and says what would help${notBuilt}`, async () => {
    const { level, layers } = await examineJail({ ...noBubblewrap, cgroups: false });
    expect(level).not.toBe('full');
    expect(layers[0]).toMatchObject({ layer: 'namespaces', works: false });
    expect(layers[0].detail).toMatch(/bwrap.* is not in PATH; install bubblewrap/);
  });

  it.skipIf(!isBuilt)(`tells a bubblewrap that fails from one that works${notBuilt}`, async () => {
    const { level, layers } = await examineJail({ bubblewrap: '/bin/false', cgroups: false });
    expect(level).not.toBe('full');
    expect(layers[0]).toMatchObject({ works: false, detail: expect.stringMatching(/^exit code 1; /) });
    // The others are found all the same.
    for (const [index, layer] of (here?.layers ?? []).entries()) {
      if (index > 0 && !layer.layer.startsWith('cgroup')) expect(layers[index].works).toBe(layer.works);
    }
  });
});

describe('openJail', () => {
  it.skipIf(!has('full'))(`opens the best level there is${noFull}`, async () => {
    const jail = await openJail({ required: 'process', cgroups: false });
    expect(jail.level).toBe('full');
    await jail.close();
  });

  it.skipIf(!has('process'))(`opens process where there is no bubblewrap${noProcess}`, async () => {
    const jail = await openJail({ required: 'process', cgroups: false, ...noBubblewrap });
    expect(jail.level).toBe('process');
    await jail.close();
  });

  it.skipIf(!isBuilt)(`refuses less than what is required${notBuilt}`, async () => {
    const refused = openJail({ required: 'full', cgroups: false, ...noBubblewrap });
    await expect(refused).rejects.toMatchObject({
      code: 'ENVIRONMENT_LACKING',
      detail: expect.stringMatching(/^isolation level full is required and this machine has .*: namespaces: bubblewrap.*install/),
    });
  });

  it.skipIf(!has('process'))(`opens less only when an unsafe level says so, and then exactly that${noProcess}`, async () => {
    for (const unsafeLevel of ['seccomp-only', 'none'] as const) {
      const jail = await openJail({ required: 'full', unsafeLevel, cgroups: false });
      expect(jail.level).toBe(unsafeLevel);
      expect(jail.layers.find((layer) => layer.layer === 'landlock')?.works).toBe(false);
      await jail.close();
    }
  });

  it.skipIf(!has('process'))(`finds a level quickly${noProcess}`, async () => {
    const start = performance.now();
    await (await openJail({ required: 'process' })).close();
    expect(performance.now() - start).toBeLessThan(3000);
  });
});
