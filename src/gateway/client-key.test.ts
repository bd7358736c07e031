import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientKey } from './client-key.ts';

describe('clientKey()', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::9', '2001:db8:1:2'],
    ['2001:0DB8:1:0002::9', '2001:db8:1:2'],
    ['::1', '0:0:0:0'],
    ['::', '0:0:0:0'],
    ['2001:db8::', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['64:ff9b::192.0.2.7', '64:ff9b:0:0'],
    ['no address', ''],
    [undefined, ''],
  ])('of %s is %s', (address, key) => {
    expect(clientKey(address)).toBe(key);
  });

  it('is the same for all of a 64-bit network, and another for the next', () => {
    const group = fc.integer({ min: 0, max: 0xffff });
    const half = fc.tuple(group, group, group, group);
    const text = (groups: readonly number[]) => groups.map((one) => one.toString(16)).join(':');
    fc.assert(
      fc.property(half, half, half, fc.integer({ min: 0, max: 3 }), (network, one, other, index) => {
        // Zeros before ffff are IPv4 addresses.
        fc.pre(network.some((part) => part !== 0));
        const key = clientKey(text([...network, ...one]));
        expect(clientKey(text([...network, ...other]))).toBe(key);
        const next = network.map((part, i) => (i === index ? (part ^ 1) & 0xffff : part));
        expect(clientKey(text([...next, ...one]))).not.toBe(key);
      }),
    );
  });

  it('never fails', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.ipV6(), fc.ipV4()), (text) => {
        expect(typeof clientKey(text)).toBe('string');
      }),
    );
  });
});
