// Writes small SavedModels from nodes, as protobuf bytes by hand: tests need models that no one has published, such as one that
// keeps its input, and neither Python nor TensorFlow may be needed to run them.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  return Buffer.from([...bytes, Number(rest)]);
}

const integer = (field: number, value: number | bigint): Buffer => Buffer.concat([varint(field << 3), varint(value)]);

function bytes(field: number, content: string | Uint8Array): Buffer {
  const body = Buffer.from(content as Uint8Array);
  return Buffer.concat([varint((field << 3) | 2), varint(body.length), body]);
}

function shapeProto(shape: readonly number[] | null): Buffer {
  return shape === null ? integer(3, 1) : Buffer.concat(shape.map((size) => bytes(2, integer(1, size))));
}

/** Values of a node's attributes. */
export const attribute = {
  type: (dtypeCode: number): Buffer => integer(6, dtypeCode),
  types: (dtypeCodes: readonly number[]): Buffer => bytes(1, bytes(6, Buffer.concat(dtypeCodes.map(varint)))),
  shape: (shape: readonly number[] | null): Buffer => bytes(7, shapeProto(shape)),
  text: (text: string): Buffer => bytes(2, text),
  integer: (value: number): Buffer => integer(3, value),
  /** A constant whose `tensor_content` is `content`. */
  tensor: (dtypeCode: number, shape: readonly number[], content: Uint8Array): Buffer =>
    bytes(8, Buffer.concat([integer(1, dtypeCode), bytes(2, shapeProto(shape)), bytes(4, content)])),
  /** A constant of strings. */
  strings: (shape: readonly number[], values: readonly (string | Uint8Array)[]): Buffer =>
    bytes(8, Buffer.concat([integer(1, 7), bytes(2, shapeProto(shape)), ...values.map((value) => bytes(8, value))])),
};

/** One NodeDef. */
export function node(name: string, op: string, inputs: readonly string[] = [], attributes: Record<string, Buffer> = {}): Buffer {
  const entries = Object.entries(attributes).map(([key, value]) => bytes(5, Buffer.concat([bytes(1, key), bytes(2, value)])));
  return bytes(1, Buffer.concat([bytes(1, name), bytes(2, op), ...inputs.map((input) => bytes(3, input)), ...entries]));
}

/** A placeholder of any shape. */
export function placeholder(name: string, dtypeCode: number, shape: readonly number[] | null = null): Buffer {
  return node(name, 'Placeholder', [], { dtype: attribute.type(dtypeCode), shape: attribute.shape(shape) });
}

/** Writes `directory`/saved_model.pb with these nodes under the tag `serve`. */
export function writeSavedModel(directory: string, nodes: readonly Buffer[]): void {
  // 1882 is the producer version of TensorFlow 2.15; every later runtime takes it.
  const graph = Buffer.concat([...nodes, bytes(4, integer(1, 1882))]);
  const metaGraph = Buffer.concat([bytes(1, bytes(4, 'serve')), bytes(2, graph)]);
  mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(directory, 'saved_model.pb'), Buffer.concat([integer(1, 1), bytes(2, metaGraph)]));
}
