// Turns the graph of a TensorFlow.js model, a GraphDef in protobuf's JSON form, into the binary form that graphs are judged in. Const nodes whose
// content lies in the weight files get it back where it is small (a path, a size), and become variables where it is not. It bounds what it
// builds and follows nested functions to a depth only.
import { create, toBinary } from '@bufbuild/protobuf';
import { AirlockError } from '../../core/index.ts';
import {
  type AttrEntry,
  AttrEntrySchema,
  type DataType,
  FunctionDefSchema,
  GraphDefSchema,
  type NodeDef,
  NodeDefSchema,
} from '../../model/index.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../keras/index.ts';
import { attrsOf, hasContent, type TensorInit, tensorOf, typeOf } from './attrs-from-json.ts';
import { fieldOf, listOf, objectOf, stringOf } from './json-fields.ts';

/** What a weight file holds for a Const node. */
export type ConstContent =
  | { readonly kind: 'strings'; readonly strings: readonly Buffer[]; readonly shape: readonly number[] }
  | { readonly kind: 'numbers'; readonly numbers: readonly number[]; readonly shape: readonly number[] }
  | { readonly kind: 'large'; readonly shape: readonly number[] };

export interface GraphFromJsonOptions {
  /** For a Const node without a content of its own, by its name; undefined when no weight has that name. */
  contentOf(node: string): ConstContent | undefined;
  /** Is told of a Const node that has a content nowhere. */
  onMissing(node: string): void;
}

const maxNodes = 1_000_000;

/**
 * Operations that only TensorFlow.js has, made by its converter out of others, and a TensorFlow operation with the same inputs that does
 * nothing else either.
 */
const standIns: Readonly<Record<string, string>> = {
  FusedDepthwiseConv2dNative: '_FusedDepthwiseConv2dNative',
  Prelu: 'Maximum',
};

/** The manifest is judged elsewhere; what is no number there is an unknown size here. */
function wholeOf(value: number): bigint {
  return Number.isFinite(value) ? BigInt.asIntN(64, BigInt(Math.trunc(value))) : -1n;
}

function typeAttr(key: string, dtype: DataType): AttrEntry {
  return create(AttrEntrySchema, { key, value: { value: { case: 'type', value: dtype } } });
}

function constNode(name: string, dtype: DataType, content: ConstContent | undefined): NodeDef {
  const shape = { dim: (content?.shape ?? []).map((size) => ({ size: wholeOf(size) })) };
  const tensor: TensorInit | undefined = content === undefined ? undefined : filled(dtype, content, shape);
  if (tensor === undefined) {
    // Its values are unknown to the program as those of a variable are.
    const shapeAttr = create(AttrEntrySchema, { key: 'shape', value: { value: { case: 'shape', value: shape } } });
    return create(NodeDefSchema, { name, op: 'VariableV2', attr: [typeAttr('dtype', dtype), shapeAttr] });
  }
  const value = create(AttrEntrySchema, { key: 'value', value: { value: { case: 'tensor', value: tensor } } });
  return create(NodeDefSchema, { name, op: 'Const', attr: [typeAttr('dtype', dtype), value] });
}

function filled(dtype: DataType, content: ConstContent, tensorShape: { dim: { size: bigint }[] }): TensorInit | undefined {
  if (content.kind === 'strings') return { dtype, tensorShape, stringVal: content.strings.map((text) => Uint8Array.from(text)) };
  if (content.kind === 'large') return undefined;
  const { numbers } = content;
  switch (dtype) {
    case 1:
      return { dtype, tensorShape, floatVal: [...numbers] };
    case 3:
      return { dtype, tensorShape, intVal: numbers.map((number) => number | 0) };
    case 9:
      return { dtype, tensorShape, int64Val: numbers.map(wholeOf) };
    case 10:
      return { dtype, tensorShape, boolVal: numbers.map((number) => number !== 0) };
    default:
      return undefined;
  }
}

function nodesOf(value: JsonValue | undefined, options: GraphFromJsonOptions, taken: { nodes: number }): NodeDef[] {
  const list = listOf(value);
  taken.nodes += list.length;
  if (taken.nodes > maxNodes) throw new AirlockError('MODEL_INVALID', { message: `its graph has more than ${maxNodes} nodes` });
  return list.filter(isJsonObject).map((node) => {
    const name = stringOf(node.name);
    const op = stringOf(node.op);
    if (op === 'Const') {
      const attrs = objectOf(node.attr);
      const tensor = tensorOf(objectOf(attrs.value).tensor);
      if (!hasContent(tensor)) {
        const content = options.contentOf(name);
        const isEmpty = tensor.tensorShape?.dim?.some((dim) => dim.size === 0n) === true;
        if (content === undefined && !isEmpty) options.onMissing(name);
        const dtype = tensor.dtype || typeOf(objectOf(attrs.dtype).type);
        const declared = (tensor.tensorShape?.dim ?? []).map((dim) => Number(dim.size));
        return constNode(name, dtype, content ?? { kind: 'large', shape: declared });
      }
    }
    return create(NodeDefSchema, {
      name,
      op: standIns[op] ?? op,
      input: listOf(node.input).map(stringOf),
      device: stringOf(node.device),
      attr: attrsOf(node.attr),
    });
  });
}

function argsOf(
  value: JsonValue | undefined,
): { name: string; type: DataType; typeAttr: string; numberAttr: string; typeListAttr: string }[] {
  return listOf(value)
    .map(objectOf)
    .map((arg) => ({
      name: stringOf(arg.name),
      type: typeOf(arg.type),
      typeAttr: stringOf(fieldOf(arg, 'typeAttr')),
      numberAttr: stringOf(fieldOf(arg, 'numberAttr')),
      typeListAttr: stringOf(fieldOf(arg, 'typeListAttr')),
    }));
}

function stringEntries(value: JsonValue | undefined): { key: string; value: string }[] {
  return Object.entries(objectOf(value)).map(([key, text]) => ({ key, value: stringOf(text) }));
}

/**
 * An encoded GraphDef.
 * @throws MODEL_INVALID beyond a million nodes or attributes that nest too deep.
 */
export function graphFromJson(topology: JsonObject, options: GraphFromJsonOptions): Buffer {
  const taken = { nodes: 0 };
  const node = nodesOf(topology.node, options, taken);
  const functions = listOf(objectOf(topology.library).function)
    .map(objectOf)
    .map((entry) => {
      const signature = objectOf(entry.signature);
      return create(FunctionDefSchema, {
        signature: {
          name: stringOf(signature.name),
          inputArg: argsOf(fieldOf(signature, 'inputArg')),
          outputArg: argsOf(fieldOf(signature, 'outputArg')),
          controlOutput: listOf(fieldOf(signature, 'controlOutput')).map(stringOf),
        },
        nodeDef: nodesOf(fieldOf(entry, 'nodeDef'), options, taken),
        ret: stringEntries(entry.ret),
        controlRet: stringEntries(fieldOf(entry, 'controlRet')),
        attr: attrsOf(entry.attr),
      });
    });
  return Buffer.from(toBinary(GraphDefSchema, create(GraphDefSchema, { node, library: { function: functions } })));
}
