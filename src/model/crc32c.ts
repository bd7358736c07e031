// CRC-32C (Castagnoli), the checksum of checkpoint tables and of the values in bundles: eight bytes at a step, because gigabytes pass through it,
// and to be continued, because the checksum of strings is made of three parts. It finds damage, never tampering: anybody can compute it.

const tables = makeTables();

function makeTables(): readonly Uint32Array[] {
  const first = new Uint32Array(256).map((_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
    return value;
  });
  const all = [first];
  for (let step = 1; step < 8; step++) all.push(all[step - 1].map((value) => (value >>> 8) ^ first[value & 0xff]));
  return all;
}

const [t0, t1, t2, t3, t4, t5, t6, t7] = tables;

/** The checksum of what `crc` is the checksum of, followed by `bytes`; begin with 0. Unsigned. */
export function extendCrc32c(crc: number, bytes: Uint8Array): number {
  let value = ~crc;
  let at = 0;
  for (const end = bytes.length - 7; at < end; at += 8) {
    value ^= bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    value =
      t7[value & 0xff] ^
      t6[(value >>> 8) & 0xff] ^
      t5[(value >>> 16) & 0xff] ^
      t4[value >>> 24] ^
      t3[bytes[at + 4]] ^
      t2[bytes[at + 5]] ^
      t1[bytes[at + 6]] ^
      t0[bytes[at + 7]];
  }
  for (; at < bytes.length; at++) value = (value >>> 8) ^ t0[(value ^ bytes[at]) & 0xff];
  return ~value >>> 0;
}

/** The checksum of `bytes` as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array): number {
  return extendCrc32c(0, bytes);
}

/** The form in which tables and bundles store a checksum, so that a checksum of data that holds checksums stays useful. */
export function maskCrc32c(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282_ead8) >>> 0;
}

/** @see maskCrc32c */
export function maskedCrc32c(bytes: Uint8Array): number {
  return maskCrc32c(crc32c(bytes));
}
