// The index of a checkpoint with one float variable, in TensorFlow's format: a sorted table with one block, uncompressed.
import { maskedCrc32c } from '../../dist/model/index.js';

/** @param {number} value */
function varint(value) {
  const bytes = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return Buffer.from([...bytes, rest]);
}

/** @param {readonly (readonly [string, Buffer])[]} entries */
function block(entries) {
  const parts = entries.map(([key, value]) =>
    Buffer.concat([varint(0), varint(key.length), varint(value.length), Buffer.from(key), value]),
  );
  // Each entry stands alone, so each is a restart.
  const restarts = Buffer.alloc(4 * (parts.length + 1));
  let at = 0;
  for (const [index, part] of parts.entries()) {
    restarts.writeUInt32LE(at, 4 * index);
    at += part.length;
  }
  restarts.writeUInt32LE(parts.length, 4 * parts.length);
  const content = Buffer.concat([...parts, restarts, Buffer.from([0])]);
  const sum = Buffer.alloc(4);
  sum.writeUInt32LE(maskedCrc32c(content));
  return Buffer.concat([content, sum]);
}

/** Of one variable that fills its only data file. @param {string} name @param {number} bytes */
export function writeBundle(name, bytes) {
  const shape = Buffer.concat([Buffer.from([0x08]), varint(bytes / 4)]);
  const dims = Buffer.concat([Buffer.from([0x12]), varint(shape.length), shape]);
  const entry = Buffer.concat([
    Buffer.from([0x08, 1, 0x12]),
    varint(dims.length),
    dims,
    Buffer.from([0x28]),
    varint(bytes),
    Buffer.from([0x35, 0, 0, 0, 0]),
  ]);
  const header = Buffer.from([0x08, 1, 0x1a, 2, 0x08, 1]);
  const data = block([
    ['', header],
    [name, entry],
  ]);
  const meta = block([]);
  const handle = (/** @type {number} */ offset, /** @type {Buffer} */ part) =>
    Buffer.concat([varint(offset), varint(part.length - 5)]);
  const index = block([[`${name}~`, handle(0, data)]]);
  const footer = Buffer.alloc(48);
  Buffer.concat([handle(data.length, meta), handle(data.length + meta.length, index)]).copy(footer);
  Buffer.from('57fb808b247547db', 'hex').copy(footer, 40);
  return Buffer.concat([data, meta, index, footer]);
}
