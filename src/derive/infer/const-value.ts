// Reads the constants of a graph: whole numbers, strings and shapes, as TensorFlow's compressed TensorProto has them (tensor.proto at 2.21:
// the last value of a typed list repeats for the rest). Never makes more values than the model's bytes hold.
import { DataType, type NodeDef, type TensorProto, type TensorShapeProto } from '../../model/index.ts';

/** The value of an attribute of one kind, or undefined. */
export function attribute<Case extends string>(node: NodeDef, name: string, kind: Case): unknown {
  const value = node.attr.find(({ key }) => key === name)?.value?.value;
  return value?.case === kind ? value.value : undefined;
}

export function intAttribute(node: NodeDef, name: string): number | undefined {
  const value = attribute(node, name, 'i');
  return typeof value === 'bigint' ? Number(value) : undefined;
}

export function typeAttribute(node: NodeDef, name: string): DataType | undefined {
  return attribute(node, name, 'type') as DataType | undefined;
}

/** The types, shapes or strings of a list attribute; empty when there is none. */
export function listAttribute(node: NodeDef, name: string) {
  const value = node.attr.find(({ key }) => key === name)?.value?.value;
  const list = value?.case === 'list' ? value.value : undefined;
  return { types: list?.type ?? [], shapes: list?.shape ?? [], strings: list?.s ?? [] };
}

/** The function that an attribute names. */
export function functionAttribute(node: NodeDef, name: string): string | undefined {
  const value = node.attr.find(({ key }) => key === name)?.value?.value;
  return value?.case === 'func' ? value.value.name : undefined;
}

/** Sizes with -1 for unknown ones; undefined for an unknown rank. */
export function sizesOf(shape: TensorShapeProto | undefined): readonly number[] | undefined {
  return shape === undefined || shape.unknownRank ? undefined : shape.dim.map(({ size }) => Number(size));
}

export function tensorOf(node: NodeDef): TensorProto | undefined {
  return node.op === 'Const' ? (attribute(node, 'value', 'tensor') as TensorProto | undefined) : undefined;
}

/** Elements by the shape; NaN for a shape that is not valid. */
export function constElements(tensor: TensorProto): number {
  const sizes = sizesOf(tensor.tensorShape) ?? [];
  return sizes.some((size) => size < 0) ? Number.NaN : sizes.reduce((product, size) => product * size, 1);
}

/** The only value of a constant of whole numbers, whatever its rank. */
export function constInteger(node: NodeDef): number | undefined {
  const tensor = tensorOf(node);
  if (tensor === undefined || constElements(tensor) !== 1) return undefined;
  const { dtype, tensorContent, intVal, int64Val } = tensor;
  const content = Buffer.from(tensorContent.buffer, tensorContent.byteOffset, tensorContent.length);
  if (dtype === DataType.DT_INT32) return content.length === 4 ? content.readInt32LE() : (intVal[0] ?? 0);
  if (dtype !== DataType.DT_INT64) return undefined;
  const value = Number(content.length === 8 ? content.readBigInt64LE() : (int64Val[0] ?? 0n));
  return Number.isSafeInteger(value) ? value : undefined;
}

/** The strings of a constant; undefined when it is none. A list that is shorter than its shape repeats its last value, once is enough here. */
export function constStrings(node: NodeDef): readonly Uint8Array[] | undefined {
  const tensor = tensorOf(node);
  return tensor?.dtype === DataType.DT_STRING ? tensor.stringVal : undefined;
}
