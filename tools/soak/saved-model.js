// Small SavedModels with one input `x` and one output `y` of floats, as bytes by hand: these commands run without TypeScript, and need neither Python nor TensorFlow to make
// their models.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

function varint(value) {
  const bytes = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

const integer = (number, value) => Buffer.concat([varint(number << 3), varint(value)]);
function field(number, value) {
  const bytes = Buffer.from(value);
  return Buffer.concat([varint((number << 3) | 2), varint(bytes.length), bytes]);
}

const typeCodes = { float: 1, int32: 3 };
const shapeOf = (sizes) => Buffer.concat(sizes.map((size) => field(2, integer(1, size))));
const attr = (name, value) => field(5, Buffer.concat([field(1, name), field(2, value)]));
export const typeAttr = (name, type = 'float') => attr(name, integer(6, typeCodes[type]));

export function node(name, op, inputs, ...attrs) {
  return field(1, Buffer.concat([field(1, name), field(2, op), ...inputs.map((input) => field(3, input)), ...attrs]));
}

/** @param {string} name @param {Float32Array | Int32Array} values @param {number[]} sizes */
export function constant(name, values, sizes = []) {
  const type = values instanceof Int32Array ? 'int32' : 'float';
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const tensor = Buffer.concat([integer(1, typeCodes[type]), field(2, shapeOf(sizes)), field(4, bytes)]);
  return node(name, 'Const', [], typeAttr('dtype', type), attr('value', field(8, tensor)));
}

export const placeholder = (sizes) => node('x', 'Placeholder', [], typeAttr('dtype'), attr('shape', field(7, shapeOf(sizes))));

/** Writes version 1 below `folder`. @param {Buffer[]} nodes of which one is called `x` and one `y` */
export function writeModel(folder, nodes, inputSizes, outputSizes) {
  const info = (name, sizes) => Buffer.concat([field(1, `${name}:0`), integer(2, typeCodes.float), field(3, shapeOf(sizes))]);
  const entry = (number, key, value) => field(number, Buffer.concat([field(1, key), field(2, value)]));
  const signature = Buffer.concat([
    entry(1, 'x', info('x', inputSizes)),
    entry(2, 'y', info('y', outputSizes)),
    field(3, 'tensorflow/serving/predict'),
  ]);
  // 1882 is the producer version of TensorFlow 2.15; without one TensorFlow takes the graph for one of its first.
  const graph = Buffer.concat([...nodes, field(4, integer(1, 1882))]);
  const info1 = Buffer.concat([field(4, 'serve'), field(5, '2.15.0')]);
  const metaGraph = Buffer.concat([field(1, info1), field(2, graph), entry(5, 'serving_default', signature)]);
  mkdirSync(path.join(folder, '1'), { recursive: true });
  writeFileSync(path.join(folder, '1', 'saved_model.pb'), Buffer.concat([integer(1, 1), field(2, metaGraph)]));
}
