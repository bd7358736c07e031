// Attributes, constants and nodes of a TensorFlow graph, made as messages. No graph is built or run here, and no TensorFlow is needed.
import { create } from '@bufbuild/protobuf';
import {
  type AttrEntry,
  AttrEntrySchema,
  type AttrValue,
  AttrValueSchema,
  DataType,
  type NodeDef,
  NodeDefSchema,
  type TensorProto,
  TensorProtoSchema,
} from '../model/index.ts';
import { bfloat16Bits, type DType, dtypes, halfBits } from '../tensor/index.ts';

export type ConstantValue = number | bigint | boolean | string;

const attribute = (value: AttrValue['value']): AttrValue => create(AttrValueSchema, { value });

export const typeAttribute = (dtype: DType): AttrValue => attribute({ case: 'type', value: dtypeNumber(dtype) });
export const boolAttribute = (value: boolean): AttrValue => attribute({ case: 'b', value });
export const intAttribute = (value: number): AttrValue => attribute({ case: 'i', value: BigInt(value) });
export const textAttribute = (text: string): AttrValue => attribute({ case: 's', value: Buffer.from(text, 'utf8') });

export function typesAttribute(types: readonly DataType[]): AttrValue {
  return create(AttrValueSchema, { value: { case: 'list', value: { type: [...types] } } });
}

/** -1 for a dimension of any size. */
export function shapeAttribute(sizes: readonly number[]): AttrValue {
  return create(AttrValueSchema, { value: { case: 'shape', value: { dim: sizes.map((size) => ({ size: BigInt(size) })) } } });
}

export function functionAttribute(name: string): AttrValue {
  return create(AttrValueSchema, { value: { case: 'func', value: { name } } });
}

export function tensorAttribute(tensor: TensorProto): AttrValue {
  return create(AttrValueSchema, { value: { case: 'tensor', value: tensor } });
}

/** The number of a data type in TensorFlow's enum. */
export function dtypeNumber(dtype: DType): DataType {
  return DataType[dtype];
}

/** Attributes sorted by name, so that the same checks always give the same bytes. */
export function nodeDef(
  name: string,
  op: string,
  inputs: readonly string[],
  attributes: Readonly<Record<string, AttrValue>>,
): NodeDef {
  const attr: AttrEntry[] = Object.keys(attributes)
    .sort()
    .map((key) => create(AttrEntrySchema, { key, value: attributes[key] }));
  return create(NodeDefSchema, { name, op, input: [...inputs], attr });
}

/** The value of an attribute, or undefined: asking for one must never make one. */
export function attributeOf(node: { readonly attr: readonly AttrEntry[] }, key: string): AttrValue['value'] | undefined {
  return node.attr.find((entry) => entry.key === key)?.value?.value;
}

/** A constant; numbers are rounded to the nearest one of a float type, as the contract's own engine does. */
export function tensorProto(dtype: DType, values: readonly ConstantValue[], shape: readonly number[]): TensorProto {
  const tensorShape = { dim: shape.map((size) => ({ size: BigInt(size) })) };
  if (dtype === 'DT_STRING') {
    return create(TensorProtoSchema, {
      dtype: dtypeNumber(dtype),
      tensorShape,
      stringVal: values.map((value) => Buffer.from(String(value), 'utf8')),
    });
  }
  const { itemBytes } = dtypes[dtype];
  const content = Buffer.alloc(itemBytes * values.length);
  for (const [index, value] of values.entries()) writeValue(content, index * itemBytes, dtype, value);
  return create(TensorProtoSchema, { dtype: dtypeNumber(dtype), tensorShape, tensorContent: content });
}

function writeValue(content: Buffer, at: number, dtype: DType, value: ConstantValue): void {
  switch (dtype) {
    case 'DT_FLOAT':
      content.writeFloatLE(Math.fround(Number(value)), at);
      break;
    case 'DT_DOUBLE':
      content.writeDoubleLE(Number(value), at);
      break;
    case 'DT_HALF':
      content.writeUInt16LE(halfBits(Number(value)), at);
      break;
    case 'DT_BFLOAT16':
      content.writeUInt16LE(bfloat16Bits(Number(value)), at);
      break;
    case 'DT_INT64':
    case 'DT_UINT64':
      content.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)), at);
      break;
    default: {
      const { itemBytes } = dtypes[dtype];
      content.writeUIntLE(Number(BigInt.asUintN(itemBytes * 8, BigInt(value))), at, itemBytes);
    }
  }
}

/** As `typeAttribute`, for a type that the graph names itself. */
export const typeNumberAttribute = (value: DataType): AttrValue => attribute({ case: 'type', value });
