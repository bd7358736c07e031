// An image that takes long is at fault only where it had the time.
import { describe, expect, it } from 'vitest';
import { crashed, slowness } from './image-decoder-faults.ts';

describe('slowness', () => {
  it('ends an image that computed all the time, at once', () => {
    let cpuMs: number | undefined = 500;
    const slow = slowness(() => cpuMs, 2000);
    cpuMs = 2400;
    expect(slow()?.code).toBe('IMAGE_UNDECODABLE');
  });

  it('gives one that got no processor more time, and does not blame it in the end', () => {
    const slow = slowness(() => 500, 2000);
    expect([slow()?.code, slow()?.code, slow()?.code]).toEqual([undefined, undefined, 'DEADLINE_EXCEEDED']);
  });

  it('blames one that used its time late', () => {
    let cpuMs = 0;
    const slow = slowness(() => cpuMs, 2000);
    expect(slow()).toBeUndefined();
    cpuMs = 1500;
    expect(slow()?.code).toBe('IMAGE_UNDECODABLE');
  });

  it('waits once where nobody knows the processor time', () => {
    expect(slowness(() => undefined, 2000)()?.code).toBe('IMAGE_UNDECODABLE');
  });
});

it.each([
  [{ code: null, signal: 'SIGSEGV', outOfMemory: false }, 'IMAGE_UNDECODABLE'],
  [{ code: 1, signal: null, outOfMemory: false }, 'IMAGE_UNDECODABLE'],
  [{ code: null, signal: 'SIGSYS', outOfMemory: false }, 'WORKER_FORBIDDEN'],
  [{ code: null, signal: 'SIGKILL', outOfMemory: true }, 'WORKER_OUT_OF_MEMORY'],
  [{ code: null, signal: 'SIGKILL', outOfMemory: false }, 'WORKER_CRASHED'],
  [{ code: null, signal: null, outOfMemory: false, error: new Error('no room') }, 'WORKER_START_FAILED'],
] as const)('%o is %s', (exit, code) => {
  expect(crashed(exit).code).toBe(code);
});
