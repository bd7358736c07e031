// What the kernel's files say of how much memory this server may use.
import { totalmem } from 'node:os';
import { describe, expect, it } from 'vitest';
import { defaultBudgetBytes, groupLimitBytes } from './machine-memory.ts';

const files = (texts: Record<string, string>) => (file: string) => (Object.hasOwn(texts, file) ? texts[file] : undefined);
const none = Number.POSITIVE_INFINITY;

describe('the limit of the control group', () => {
  it('is the smallest on the way up, of version 2', () => {
    const read = files({
      '/proc/self/cgroup': '0::/system.slice/airlock.service/airlock-server\n',
      '/sys/fs/cgroup/system.slice/airlock.service/airlock-server/memory.max': 'max\n',
      '/sys/fs/cgroup/system.slice/airlock.service/memory.max': '2147483648\n',
      '/sys/fs/cgroup/system.slice/memory.max': '8589934592\n',
    });
    expect(groupLimitBytes(read)).toBe(2 ** 31);
  });

  it('is that of the root where a container shows only its own part, of both versions', () => {
    expect(groupLimitBytes(files({ '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': '1073741824\n' }))).toBe(2 ** 30);
    const old = files({
      '/proc/self/cgroup': '4:cpu,cpuacct:/a\n3:memory:/docker/abc\n0::/\n',
      '/sys/fs/cgroup/memory/memory.limit_in_bytes': '536870912\n',
    });
    expect(groupLimitBytes(old)).toBe(2 ** 29);
  });

  it.each([
    ['nothing can be read', {}],
    ['there is none', { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': 'max\n' }],
    [
      'version 1 has its word for none',
      { '/proc/self/cgroup': '3:memory:/\n', '/sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n' },
    ],
    ['the file holds something else', { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/memory.max': '12abc\n' }],
    ['the list of groups holds something else', { '/proc/self/cgroup': 'x\n::\n0:\n', '/sys/fs/cgroup/memory.max': '1\n' }],
  ])('is none where %s', (_name, texts) => {
    expect(groupLimitBytes(files(texts))).toBe(none);
  });

  it('leaves room for the server', () => {
    expect(defaultBudgetBytes()).toBeGreaterThan(64 * 1024 * 1024);
    expect(defaultBudgetBytes()).toBeLessThanOrEqual(totalmem() * 0.8);
  });
});
