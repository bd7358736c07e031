import { describe, expect, it } from 'vitest';
import { parseHierarchies } from './cgroup-hierarchies.ts';

describe('parseHierarchies', () => {
  it('finds version 1, one tree per controller or several in one', () => {
    const mounts = [
      '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct',
      '35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory',
      '39 31 0:36 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids',
      '40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,name=systemd',
      '23 1 0:22 / /proc rw,relatime - proc proc rw',
    ].join('\n');
    expect(parseHierarchies(mounts, '4:memory:/a/b\n3:cpu,cpuacct:/\n2:pids:/c\n1:name=systemd:/\n')).toEqual([
      { version: 1, folder: '/sys/fs/cgroup/cpu,cpuacct', controllers: ['cpu'] },
      { version: 1, folder: '/sys/fs/cgroup/memory/a/b', controllers: ['memory'] },
      { version: 1, folder: '/sys/fs/cgroup/pids/c', controllers: ['tasks'] },
    ]);
  });

  it('finds version 2, also from the group into which a server stepped', () => {
    const mount = '30 24 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate';
    const expected = [{ version: 2, folder: '/sys/fs/cgroup/system.slice/airlock.service', controllers: [] }];
    expect(parseHierarchies(mount, '0::/system.slice/airlock.service\n')).toEqual(expected);
    expect(parseHierarchies(mount, '0::/system.slice/airlock.service/airlock-server\n')).toEqual(expected);
  });

  it('counts a path from the part of the tree that a container sees', () => {
    const mount = '35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory';
    expect(parseHierarchies(mount, '4:memory:/docker/abc/x\n')[0].folder).toBe('/sys/fs/cgroup/memory/x');
  });

  it('finds nothing where nothing is mounted', () => expect(parseHierarchies('', '0::/\n')).toEqual([]));
});
