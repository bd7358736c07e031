// Groups for real. They need root or a delegated tree, which most machines of developers do not give to a test.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ownerMark } from '../core/index.ts';
import { findHierarchies } from './cgroup-hierarchies.ts';
import { openCgroups } from './cgroups.ts';

const cgroups = openCgroups();
const works = cgroups.layers.every((layer) => layer.works);
const whyNot = works ? '' : ' (skipped: control groups are not delegated to this user)';

const limits = { memoryBytes: 2 ** 30, cpuPercent: 50, maxTasks: 33 };

describe('openCgroups', () => {
  it('reports on each controller', () => {
    expect(cgroups.layers.map((layer) => layer.layer)).toEqual(['cgroup-memory', 'cgroup-cpu', 'cgroup-tasks']);
    for (const { detail } of cgroups.layers) expect(detail).not.toBe('');
  });

  it('reports a tree that it cannot use, and uses the others all the same', () => {
    const { layers } = openCgroups([{ version: 2, folder: '/nowhere', controllers: ['tasks'] }, ...findHierarchies()]);
    expect(layers.map((layer) => layer.works)).toEqual(cgroups.layers.map((layer) => layer.works));
    const [tasks] = openCgroups([{ version: 1, folder: '/nowhere', controllers: ['tasks'] }]).layers.slice(2);
    expect(tasks).toEqual({ layer: 'cgroup-tasks', works: false, detail: 'groups cannot be made: ENOENT' });
  });

  it.skipIf(!works)(`makes one group in a tree that is mounted twice, and none when one tree fails${whyNot}`, async () => {
    const trees = findHierarchies();
    await openCgroups([...trees, ...trees])
      .create(limits)
      ?.remove();
    const [first] = trees;
    const gone = path.join(first.folder, `airlock-${ownerMark()}-gone`);
    const others = trees.filter((tree) => tree !== first);
    mkdirSync(gone);
    const broken = openCgroups([...others, { ...first, folder: gone }]);
    rmdirSync(gone);
    expect(() => broken.create(limits)).toThrow('ENOENT');
    for (const { folder } of trees) {
      expect(readdirSync(folder).filter((name) => name.startsWith(`airlock-${ownerMark()}-`))).toEqual([]);
    }
  });

  it.skipIf(!works)(`puts a process into a group, shows its limits and leaves nothing behind${whyNot}`, async () => {
    const group = cgroups.create(limits);
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
    const id = child.pid ?? 0;
    expect(group?.limitsOf(id)).toEqual({});
    group?.add(id);
    expect(group?.limitsOf(id)).toEqual({
      memory: String(2 ** 30 + 512 * 2 ** 20),
      cpu: expect.stringMatching(/^50000\b/),
      tasks: '33',
    });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(group?.isOutOfMemory()).toBe(false);
    await group?.remove();
    expect(() => group?.limitsOf(id)).toThrow('ENOENT');
  });
});
