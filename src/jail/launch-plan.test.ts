// A plan that is not whole must not start a process that has given up less than it should.
import { describe, expect, it } from 'vitest';
import { type LaunchPlan, parseLaunchPlan } from './launch-plan.ts';

const plan: LaunchPlan = {
  program: '/usr/bin/node',
  args: ['--version'],
  environment: { A: '1' },
  keptDescriptors: 4,
  dieWithParent: true,
  limits: { core: 0, fileSize: 0, openFiles: 256, data: 1 << 30, addressSpace: 2 ** 36 },
  landlock: [{ path: '/usr', access: 'folder' }],
  seccomp: true,
};

describe('parseLaunchPlan', () => {
  it('reads what the server wrote', () => {
    expect(parseLaunchPlan(JSON.stringify(plan))).toEqual(plan);
    const { landlock: _, ...without } = plan;
    expect(parseLaunchPlan(JSON.stringify(without))).toEqual(without);
  });

  it.each([
    ['nothing', 'null'],
    ['a list', '[]'],
    ...(['program', 'args', 'environment', 'keptDescriptors', 'dieWithParent', 'limits', 'seccomp'] as const).map((key) => [
      `no ${key}`,
      JSON.stringify({ ...plan, [key]: undefined }),
    ]),
    ['no limit of memory', JSON.stringify({ ...plan, limits: { ...plan.limits, data: undefined } })],
    ['a limit that JSON cannot say', JSON.stringify({ ...plan, limits: { ...plan.limits, data: Number.POSITIVE_INFINITY } })],
    ['a key that is not known', JSON.stringify({ ...plan, landLock: [] })],
    ['seccomp as a word', JSON.stringify({ ...plan, seccomp: 'false' })],
  ])('refuses %s', (_, text) => {
    expect(() => parseLaunchPlan(text)).toThrow(expect.objectContaining({ code: 'WORKER_START_FAILED' }));
  });

  it('refuses what is not JSON', () => {
    expect(() => parseLaunchPlan('')).toThrow(SyntaxError);
  });
});
