// Writes small SavedModels from nodes, as protobuf bytes by hand: tests need models that no one has published, such as one that
// keeps its input, and neither Python nor TensorFlow may be needed to run them.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { dtypes, type Signature, type TensorSpec } from '../../src/tensor/index.ts';

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
  shapes: (shapes: readonly (readonly number[] | null)[]): Buffer =>
    bytes(1, Buffer.concat(shapes.map((shape) => bytes(7, shapeProto(shape))))),
  text: (text: string): Buffer => bytes(2, text),
  texts: (texts: readonly string[]): Buffer => bytes(1, Buffer.concat(texts.map((text) => bytes(2, text)))),
  integer: (value: number): Buffer => integer(3, value),
  integers: (values: readonly number[]): Buffer => bytes(1, bytes(3, Buffer.concat(values.map(varint)))),
  boolean: (value: boolean): Buffer => integer(5, value ? 1 : 0),
  /** The function of this name in the library of the graph. */
  function: (name: string): Buffer => bytes(10, bytes(1, name)),
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

/** Arguments and results of a function: their names with their types. */
type Arguments = Readonly<Record<string, number>>;

const argumentProtos = (field: number, of: Arguments): Buffer[] =>
  Object.entries(of).map(([name, dtypeCode]) => bytes(field, Buffer.concat([bytes(1, name), integer(3, dtypeCode)])));

/** One function of a graph's library. Inside, a tensor is `argument` or `node:output:index`; `results` says which is each result's. */
export function functionDef(
  name: string,
  inputs: Arguments,
  outputs: Arguments,
  nodes: readonly Buffer[],
  results: Readonly<Record<string, string>>,
): Buffer {
  const stateful = integer(17, 1);
  const signature = Buffer.concat([bytes(1, name), ...argumentProtos(2, inputs), ...argumentProtos(3, outputs), stateful]);
  // In a GraphDef nodes have field 1, in a FunctionDef 3.
  const body = nodes.map((nodeProto) => Buffer.concat([varint((3 << 3) | 2), nodeProto.subarray(1)]));
  const ends = Object.entries(results).map(([result, tensor]) => bytes(4, Buffer.concat([bytes(1, result), bytes(2, tensor)])));
  return bytes(1, Buffer.concat([bytes(1, signature), ...body, ...ends]));
}

/** A GraphDef. */
export function graphDef(nodes: readonly Buffer[], functions: readonly Buffer[] = []): Buffer {
  // 1882 is the producer version of TensorFlow 2.15; every later runtime takes it.
  return Buffer.concat([...nodes, bytes(2, Buffer.concat(functions)), bytes(4, integer(1, 1882))]);
}

function tensorInfo(field: number, { alias, tensorName, dtype, shape }: TensorSpec): Buffer {
  const info = Buffer.concat([bytes(1, tensorName), integer(2, dtypes[dtype].code), bytes(3, shapeProto(shape))]);
  return bytes(field, Buffer.concat([bytes(1, alias), bytes(2, info)]));
}

function signatureProto({ name, methodName, inputs, outputs }: Signature): Buffer {
  const parts = [
    ...inputs.map((spec) => tensorInfo(1, spec)),
    ...outputs.map((spec) => tensorInfo(2, spec)),
    bytes(3, methodName),
  ];
  return bytes(5, Buffer.concat([bytes(1, name), bytes(2, Buffer.concat(parts))]));
}

export interface SavedModelParts {
  readonly signatures?: readonly Signature[];
  readonly functions?: readonly Buffer[];
  /** An operation that TensorFlow runs when it loads the model. */
  readonly initOperation?: string;
  /** Files below `assets/`, each with the tensor that TensorFlow sets to its path. */
  readonly assets?: Readonly<Record<string, string>>;
}

/** Writes `directory`/saved_model.pb with these nodes under the tag `serve`. */
export function writeSavedModel(directory: string, nodes: readonly Buffer[], parts: SavedModelParts = {}): void {
  const { signatures = [], functions, initOperation, assets = {} } = parts;
  const init = '__saved_model_init_op';
  const initInfo = bytes(2, Buffer.concat([bytes(1, init), bytes(2, bytes(1, initOperation ?? ''))]));
  const metaGraph = Buffer.concat([
    bytes(1, bytes(4, 'serve')),
    bytes(2, graphDef(nodes, functions)),
    ...signatures.map(signatureProto),
    ...(initOperation === undefined ? [] : [bytes(5, Buffer.concat([bytes(1, init), bytes(2, initInfo)]))]),
    ...Object.entries(assets).map(([file, tensor]) => bytes(6, Buffer.concat([bytes(1, bytes(1, tensor)), bytes(2, file)]))),
  ]);
  mkdirSync(directory, { recursive: true });
  writeFileSync(path.join(directory, 'saved_model.pb'), Buffer.concat([integer(1, 1), bytes(2, metaGraph)]));
}
