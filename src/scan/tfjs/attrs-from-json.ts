// Attributes and tensors in protobuf's JSON form as messages. Fields that are missing or of another kind are left out, as readers leave them
// out; nothing is allocated by a declared shape.
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { AirlockError } from '../../core/index.ts';
import { type AttrEntry, AttrEntrySchema, AttrValueSchema, DataType, type TensorProtoSchema } from '../../model/index.ts';
import type { JsonObject, JsonValue } from '../keras/index.ts';
import { bigintOf, bytesOfJson, fieldOf, int32Of, listOf, numberOf, objectOf, stringOf } from './json-fields.ts';

/** Functions in attributes of functions in attributes. */
const maxDepth = 64;

type AttrInit = MessageInitShape<typeof AttrValueSchema>;
export type TensorInit = MessageInitShape<typeof TensorProtoSchema>;

/** Reference types count 100 more than the types that they refer to. */
const referenceOffset = 100;
const typeNumbers = new Map<string, number>(Object.entries(DataType));

/** `DT_FLOAT`, or its number. 0 for what is neither. */
export function typeOf(value: JsonValue | undefined): DataType {
  if (typeof value !== 'string') return int32Of(value) as DataType;
  const isReference = value.endsWith('_REF');
  const number = typeNumbers.get(value.replace(/_REF$/, ''));
  return (number === undefined ? 0 : number + (isReference ? referenceOffset : 0)) as DataType;
}

function shapeOf(value: JsonValue | undefined): { dim: { size: bigint }[]; unknownRank: boolean } {
  const shape = objectOf(value);
  return {
    dim: listOf(shape.dim).map((dim) => ({ size: bigintOf(objectOf(dim).size) })),
    unknownRank: fieldOf(shape, 'unknownRank') === true,
  };
}

function numbersOf(tensor: JsonObject, key: string): number[] {
  return listOf(fieldOf(tensor, key)).map(numberOf);
}

function integersOf(tensor: JsonObject, key: string): number[] {
  return listOf(fieldOf(tensor, key)).map(int32Of);
}

export function tensorOf(value: JsonValue | undefined): TensorInit {
  const tensor = objectOf(value);
  return {
    dtype: typeOf(tensor.dtype),
    tensorShape: shapeOf(fieldOf(tensor, 'tensorShape')),
    tensorContent: Uint8Array.from(bytesOfJson(fieldOf(tensor, 'tensorContent'))),
    floatVal: numbersOf(tensor, 'floatVal'),
    doubleVal: numbersOf(tensor, 'doubleVal'),
    intVal: integersOf(tensor, 'intVal'),
    stringVal: listOf(fieldOf(tensor, 'stringVal')).map((text) => Uint8Array.from(bytesOfJson(text))),
    int64Val: listOf(fieldOf(tensor, 'int64Val')).map(bigintOf),
    boolVal: listOf(fieldOf(tensor, 'boolVal')).map((bool) => bool === true),
    halfVal: integersOf(tensor, 'halfVal'),
    uint32Val: integersOf(tensor, 'uint32Val').map((number) => number >>> 0),
    uint64Val: listOf(fieldOf(tensor, 'uint64Val')).map((number) => BigInt.asUintN(64, bigintOf(number))),
  };
}

export function hasContent(tensor: TensorInit): boolean {
  const { tensorContent, stringVal, floatVal, intVal, int64Val, boolVal, doubleVal, halfVal, uint32Val, uint64Val } = tensor;
  return [tensorContent, stringVal, floatVal, intVal, int64Val, boolVal, doubleVal, halfVal, uint32Val, uint64Val].some(
    (list) => (list?.length ?? 0) > 0,
  );
}

function functionOf(value: JsonValue | undefined, depth: number): { name: string; attr: AttrEntry[] } {
  const { name, attr } = objectOf(value);
  return { name: stringOf(name), attr: attrsOf(attr, depth + 1) };
}

function attrOf(value: JsonObject, depth: number): AttrInit {
  if (depth > maxDepth) throw new AirlockError('MODEL_INVALID', { message: `attributes nest more than ${maxDepth} deep` });
  const [key] = Object.keys(value);
  switch (key) {
    case 's':
      return { value: { case: 's', value: Uint8Array.from(bytesOfJson(value.s)) } };
    case 'i':
      return { value: { case: 'i', value: bigintOf(value.i) } };
    case 'f':
      return { value: { case: 'f', value: numberOf(value.f) } };
    case 'b':
      return { value: { case: 'b', value: value.b === true } };
    case 'type':
      return { value: { case: 'type', value: typeOf(value.type) } };
    case 'shape':
      return { value: { case: 'shape', value: shapeOf(value.shape) } };
    case 'tensor':
      return { value: { case: 'tensor', value: tensorOf(value.tensor) } };
    case 'placeholder':
      return { value: { case: 'placeholder', value: stringOf(value.placeholder) } };
    case 'func':
      return { value: { case: 'func', value: functionOf(value.func, depth) } };
    case 'list': {
      const list = objectOf(value.list);
      return {
        value: {
          case: 'list',
          value: {
            s: listOf(list.s).map((text) => Uint8Array.from(bytesOfJson(text))),
            i: listOf(list.i).map(bigintOf),
            f: listOf(list.f).map(numberOf),
            b: listOf(list.b).map((bool) => bool === true),
            type: listOf(list.type).map(typeOf),
            shape: listOf(list.shape).map(shapeOf),
            tensor: listOf(list.tensor).map(tensorOf),
            func: listOf(list.func).map((one) => functionOf(one, depth)),
          },
        },
      };
    }
    default:
      return {};
  }
}

export function attrsOf(value: JsonValue | undefined, depth = 0): AttrEntry[] {
  return Object.entries(objectOf(value)).map(([key, attr]) =>
    create(AttrEntrySchema, { key, value: create(AttrValueSchema, attrOf(objectOf(attr), depth)) }),
  );
}
