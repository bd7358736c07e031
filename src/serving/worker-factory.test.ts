// A limit that nothing would keep must not be accepted: an operator would believe in it.
import { describe, expect, it } from 'vitest';
import type { JailFindings } from '../sandbox/index.ts';
import { assertEnforceable } from './index.ts';

const isolation = (works: boolean): JailFindings => ({
  level: 'process',
  layers: [{ layer: 'cgroup-cpu', works, detail: '' }],
  surroundings: [],
});

describe('assertEnforceable()', () => {
  it('refuses a share of a processor where no control group keeps it', () => {
    const lacking = expect.objectContaining({ code: 'ENVIRONMENT_LACKING', detail: expect.stringContaining('cpuPercent') });
    expect(() => assertEnforceable(isolation(false), { cpuPercent: 50 })).toThrow(lacking);
    expect(() => assertEnforceable({ ...isolation(false), layers: [] }, { cpuPercent: 50 })).toThrow(lacking);
  });

  it('takes it where one does, and asks for none otherwise', () => {
    expect(() => assertEnforceable(isolation(true), { cpuPercent: 50 })).not.toThrow();
    expect(() => assertEnforceable(isolation(false), { memoryMiB: 512 })).not.toThrow();
  });
});
