import { describe, expect, it } from 'vitest';
import type { Attestation } from './jail.ts';
import { layersOf, levelOf, type TriedLayer } from './layers.ts';
import { missingLayers } from './missing-layers.ts';
import { readLimits } from './process-status.ts';

const held: Attestation = {
  filters: 2,
  noNewPrivileges: true,
  userId: 62000,
  withoutCapabilities: true,
  ownNamespaces: ['ipc', 'mnt', 'net', 'pid', 'user', 'uts'],
  threads: 12,
  limits: {
    'Max core file size': '0',
    'Max file size': '0',
    'Max open files': '256',
    'Max data size': '2684354560',
    'Max address space': '69793218560',
  },
  cgroup: {},
};

const limitNames = ['Max core file size', 'Max file size', 'Max open files', 'Max data size', 'Max address space'];

describe('missingLayers', () => {
  it('misses nothing of a process that is held as it should be', () => {
    expect([...missingLayers(held, layersOf('full'), 2)]).toEqual([]);
  });

  it.each<[string, Partial<Attestation>, string]>([
    ['seccomp', { filters: 1 }, 'seccomp filter on every thread (1 of 2)'],
    ['user', { userId: 0 }, 'a user other than root'],
    ['user', { withoutCapabilities: false }, 'a user without capabilities'],
    ['namespaces', { ownNamespaces: ['ipc', 'mnt', 'pid', 'user', 'uts'] }, 'namespaces of its own (net)'],
    ['namespaces', { ownNamespaces: undefined }, 'namespaces of its own (ipc, mnt, net, pid, user, uts)'],
    ['limits', { noNewPrivileges: false }, 'no_new_privs on every thread'],
    ['limits', { limits: {} }, `resource limits (${limitNames.join(', ')})`],
    ['limits', { limits: { ...held.limits, 'Max data size': 'unlimited' } }, 'resource limits (Max data size)'],
    ['limits', { limits: { ...held.limits, 'Max address space': 'unlimited' } }, 'resource limits (Max address space)'],
    ['limits', { limits: { ...held.limits, 'Max open files': '1024' } }, 'resource limits (Max open files)'],
  ])('misses %s in %j', (layer, change, text) => {
    expect([...missingLayers({ ...held, ...change }, layersOf('full'), 2)]).toEqual([[layer, text]]);
  });

  it('takes the limits of a process without a jail for none, whatever its core dumps', () => {
    const [, text] = [...missingLayers({ ...held, limits: readLimits(process.pid) }, layersOf('process'), 2)][0];
    expect(text).toMatch(/^resource limits \(.*Max file size, Max open files, Max data size, Max address space\)$/);
  });

  it('asks for no more than the level has', () => {
    const bare: Attestation = { ...held, ownNamespaces: undefined };
    expect([...missingLayers(bare, layersOf('process'), 2)]).toEqual([]);
    expect([...missingLayers({ ...bare, userId: 0 }, layersOf('seccomp-only'), 2)]).toEqual([]);
    const nothing = { ...bare, filters: 0, noNewPrivileges: false, userId: 0, limits: {} };
    expect([...missingLayers(nothing, layersOf('none'), 2)]).toEqual([]);
  });
});

describe('levelOf', () => {
  it.each<[string, TriedLayer[]]>([
    ['full', ['namespaces', 'landlock', 'user', 'limits', 'seccomp']],
    ['process', ['landlock', 'user', 'limits', 'seccomp']],
    ['seccomp-only', ['namespaces', 'user', 'limits', 'seccomp']],
    ['seccomp-only', ['namespaces', 'landlock', 'limits', 'seccomp']],
    ['seccomp-only', ['limits', 'seccomp']],
    ['none', ['namespaces', 'landlock', 'user', 'limits']],
    ['none', ['namespaces', 'landlock', 'user', 'seccomp']],
    ['none', []],
  ])('is %s for %j', (level, layers) => {
    expect(levelOf(new Set(layers))).toBe(level);
  });

  it('is the level of its own layers', () => {
    for (const level of ['full', 'process', 'seccomp-only', 'none'] as const) expect(levelOf(layersOf(level))).toBe(level);
  });
});
