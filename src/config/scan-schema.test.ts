import { describe, expect, it } from 'vitest';
import { checkConfig } from './load-config.ts';
import { weakenings } from './weakenings.ts';

function configOf(scan: object): ReturnType<typeof checkConfig> {
  return checkConfig({ scan, models: [{ name: 'm', path: '/m', unsafeUnsigned: true }] }, '/base');
}

describe('the scan section', () => {
  it('takes what it names, with paths made absolute', () => {
    const webhook = { url: 'https://hooks.example/a?b=c', secretFile: 'hook.key' };
    const { scan } = configOf({ refuseAt: 'low', suppressions: 's.yaml', schedule: '30 3 * * 1', jitterMs: '5m', webhook });
    expect(scan).toEqual({
      refuseAt: 'low',
      unsafeOff: false,
      suppressions: '/base/s.yaml',
      timeoutMs: 120_000,
      memoryMiB: 1_024,
      schedule: '30 3 * * 1',
      jitterMs: 300_000,
      webhook: { url: webhook.url, secretFile: '/base/hook.key' },
    });
  });

  it.each([
    [{ refuseAt: 'severe' }, 'scan.refuseAt'],
    [{ schedule: '61 * * * *' }, 'scan.schedule'],
    [{ timeoutMs: 10n }, 'scan.timeoutMs'],
    [{ webhook: { url: 'http://hooks.example/', secretFile: 'k' } }, 'scan.webhook.url'],
    [{ webhook: { url: 'https://user:pass@hooks.example/', secretFile: 'k' } }, 'scan.webhook.url'],
    [{ webhook: { url: 'https://hooks.example/' } }, 'scan.webhook.secretFile'],
    [{ refuse: 'high' }, 'scan.refuse'],
  ])('refuses %o: %s', (scan, path) => {
    expect(() => configOf(scan)).toThrow(
      expect.objectContaining({ code: 'CONFIG_INVALID', violations: [expect.objectContaining({ path })] }),
    );
  });

  it('takes plain http on loopback only', () => {
    const secretFile = 'k';
    expect(configOf({ webhook: { url: 'http://127.0.0.1:9/x', secretFile } }).scan.webhook?.url).toBe('http://127.0.0.1:9/x');
    expect(configOf({ webhook: { url: 'http://[::1]:9/x', secretFile } }).scan.webhook?.url).toBe('http://[::1]:9/x');
  });

  it('says so when scans are off', () => {
    expect(weakenings(configOf({ unsafeOff: true }))).toContainEqual(expect.stringMatching(/^scan\.unsafeOff/));
    expect(weakenings(configOf({})).join()).not.toContain('scan');
  });
});
