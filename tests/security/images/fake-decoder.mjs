// A decoder that an attacker owns: what it does with an image follows from the width that it was asked for.
import { readSync, writeSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';

const fd = 3;
const read = (length) => {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; ) {
    const count = readSync(fd, bytes, at, length - at, null);
    if (count === 0) process.exit(0);
    at += count;
  }
  return bytes;
};
const write = (bytes) => {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at);
};
const head = (kind, length, magic = 0x31646c61) => {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt32LE(magic, 0);
  bytes.writeUInt32LE(kind, 4);
  bytes.writeUInt32LE(length, 8);
  return bytes;
};
const chunk = (type, data) => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const bytes = Buffer.alloc(body.length + 8);
  bytes.writeUInt32BE(data.length, 0);
  body.copy(bytes, 4);
  bytes.writeUInt32BE(crc32(body), body.length + 4);
  return bytes;
};
const png = (width, height, { extra = [], pixels = height * (width * 3 + 1), tail = '' } = {}) => {
  const ihdr = Buffer.alloc(13);
  ihdr.writeUInt32BE(width, 0);
  ihdr.writeUInt32BE(height, 4);
  ihdr.set([8, 2, 0, 0, 0], 8);
  const parts = [chunk('IHDR', ihdr), ...extra, chunk('IDAT', deflateSync(Buffer.alloc(pixels))), chunk('IEND', Buffer.alloc(0))];
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), ...parts, Buffer.from(tail)]);
};
const image = (bytes) => Buffer.concat([head(2, bytes.length), bytes]);

const misdeeds = {
  1: () => write(head(2, 10, 7)),
  2: () => write(head(9, 0)),
  3: () => write(head(2, 0xffffffff)),
  4: () => write(image(png(50, 50))),
  5: () => write(image(png(5, 5, { extra: [chunk('tEXt', Buffer.alloc(2000, 'a'))] }))),
  6: () => write(image(png(6, 6, { tail: 'PK more' }))),
  7: () => write(image(png(7, 7, { pixels: 100_000 }))),
  8: () => write(image(Buffer.from('GIF89a no image'))),
  9: () => write(Buffer.concat([image(png(9, 9)), head(2, 0)])),
  10: () => process.exit(3),
  11: () => process.kill(process.pid, 'SIGSEGV'),
  12: () => {
    for (;;);
  },
  13: () => write(head(1, 0)),
  14: () => write(head(3, 4)),
  15: () => {
    write(head(2, 500));
    process.exit(0);
  },
  16: () => {
    const broken = png(16, 16);
    broken[broken.length - 20] ^= 1;
    write(image(broken));
  },
  18: () => write(image(png(1, 1))),
  17: (width, height) => write(image(png(width, height))),
};

write(head(1, 0));
for (;;) {
  const request = read(64);
  const [, , , , , resultWidth, resultHeight, length] = Array.from({ length: 8 }, (_, index) => request.readUInt32LE(index * 4));
  read(length);
  (misdeeds[resultWidth] ?? misdeeds[17])(resultWidth, resultHeight);
}
