import { describe, expect, it } from 'vitest';
import { crc32c, maskedCrc32c } from './crc32c.ts';

describe('crc32c', () => {
  it('gives the published values', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe306_9283);
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a91_36aa);
    expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8_ab43);
    expect(crc32c(Buffer.alloc(0))).toBe(0);
  });

  it('masks by rotation and a constant, within 32 bits', () => {
    expect(maskedCrc32c(Buffer.alloc(0))).toBe(0xa282_ead8);
    const value = crc32c(Buffer.from('123456789'));
    expect(maskedCrc32c(Buffer.from('123456789'))).toBe((((value >>> 15) | (value << 17)) + 0xa282_ead8) >>> 0);
  });
});
