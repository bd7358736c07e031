// What one attack on an old TensorFlow is, and the SavedModel that carries it. An operation of a published advisory gets an argument of the class that the
// advisory's facts name; nothing here comes from anybody's proof of concept. The models do harm to an old TensorFlow by design: nothing but the tests of
// this folder may run them, and only in processes that may die.

import { type DType, dtypes, type Signature, type Tensor, type TensorSpec } from '../../../src/tensor/index.ts';
import type { RuleDraft } from '../../support/contracts.ts';
import {
  type AttrsInput,
  attrShape,
  attrTensor,
  attrType,
  field,
  type NodeInput,
  placeholder,
  savedModel,
  tensorProto,
} from '../../support/graph-builder.ts';

/** A tensor that the model's author chose. */
interface Fixed {
  readonly kind: 'fixed';
  /** TensorFlow sees its shape while it builds the graph. */
  readonly isShown?: boolean;
  readonly dtype: string;
  readonly proto: Uint8Array;
}

/** A tensor that comes with a request, and what a contract of somebody who knows the model would say of it. */
interface Request {
  readonly kind: 'request';
  readonly tensor: Tensor;
  readonly rules: Omit<RuleDraft, 'dtype'>;
  /**
   * The model computes with it first: a fed tensor without elements has memory all the same, where one that TensorFlow made has none, so that reading its
   * first element gives whatever lies there in the one case and ends the process in the other.
   */
  readonly isComputed?: boolean;
}

/** An output of another node of the attack, as `list:0`. */
interface Wired {
  readonly kind: 'wired';
  readonly from: string;
}

export type Argument = Fixed | Request | Wired;

export interface Attack {
  readonly cve: string;
  readonly op: string;
  /** What is wrong with what the operation gets, in a few words. */
  readonly trigger: string;
  readonly inputs: readonly Argument[];
  readonly attrs?: AttrsInput;
  /** Further nodes, before or behind the operation, whose node is `attack`. */
  readonly nodes?: readonly NodeInput[];
  /** What the signature gives; default output 0 of the operation, float32. */
  readonly output?: readonly [tensorName: string, dtype: DType];
  /** Instead of a crash: whether an answer holds memory that is no part of what the operation was given. */
  readonly isForeign?: (output: Tensor) => boolean;
}

export const wired = (from: string): Argument => ({ kind: 'wired', from });

export const request = (tensor: Tensor, rules: Request['rules']): Argument => ({ kind: 'request', tensor, rules });

export const computed = (tensor: Tensor, rules: Request['rules']): Argument => ({
  kind: 'request',
  tensor,
  rules,
  isComputed: true,
});

/** Elements of any type by their bytes. */
export function raw(dtype: string, shape: readonly number[], bytes: Uint8Array): Argument {
  return { kind: 'fixed', dtype, proto: tensorProto(dtype, shape, field(4, bytes)) };
}

function elements(tensor: Tensor): Uint8Array[] {
  if (tensor.dtype !== 'DT_STRING') return [field(4, tensor.bytes)];
  const { offsets, bytes } = tensor;
  return Array.from({ length: offsets.length - 1 }, (_, index) => field(8, bytes.subarray(offsets[index], offsets[index + 1])));
}

export function fixed(tensor: Tensor): Argument {
  return { kind: 'fixed', dtype: tensor.dtype, proto: tensorProto(tensor.dtype, tensor.shape, ...elements(tensor)) };
}

/** The same, with a shape that TensorFlow sees while it builds the graph: some operations demand it there. */
export const shown = (tensor: Tensor): Argument => ({ ...(fixed(tensor) as Fixed), isShown: true });

/**
 * A constant whose shape TensorFlow does not see while it builds the graph, where it would refuse some of them: as a model has it that reads
 * a variable or parses a string. A placeholder with a default is neither folded nor looked through.
 */
function constant(name: string, { dtype, proto, isShown = false }: Fixed): NodeInput[] {
  const attrs = { dtype: attrType(dtype), value: attrTensor(proto) };
  if (isShown) return [{ name, op: 'Const', attrs }];
  return [
    { name: `${name}/value`, op: 'Const', attrs },
    {
      name,
      op: 'PlaceholderWithDefault',
      inputs: [`${name}/value`],
      attrs: { dtype: attrType(dtype), shape: attrShape(undefined) },
    },
  ];
}

export interface AttackModel {
  /** The bytes of saved_model.pb. */
  readonly bytes: Buffer;
  readonly signature: Signature;
  /** In the order of the signature's inputs. */
  readonly feeds: readonly Tensor[];
  /** What a contract would say, by alias; empty when the model needs nothing of a request. */
  readonly rules: Readonly<Record<string, RuleDraft>>;
}

export function attackModel(attack: Attack): AttackModel {
  const nodes: NodeInput[] = [];
  const inputs: TensorSpec[] = [];
  const feeds: Tensor[] = [];
  const rules: Record<string, RuleDraft> = {};
  const names = attack.inputs.map((argument, index) => {
    const name = `a${index}`;
    if (argument.kind === 'wired') return argument.from;
    if (argument.kind === 'fixed') {
      nodes.push(...constant(name, argument));
      return name;
    }
    const { tensor } = argument;
    nodes.push(placeholder(name, tensor.dtype));
    inputs.push({ alias: name, tensorName: `${name}:0`, dtype: tensor.dtype, shape: null });
    feeds.push(tensor);
    rules[name] = { dtype: tensor.dtype, ...argument.rules };
    if (argument.isComputed !== true) return name;
    nodes.push({ name: `${name}/negated`, op: 'Neg', inputs: [name], attrs: { T: attrType(tensor.dtype) } });
    return `${name}/negated`;
  });
  nodes.push(...(attack.nodes ?? []), { name: 'attack', op: attack.op, inputs: names, attrs: attack.attrs ?? {} });
  const [tensorName, dtype] = attack.output ?? ['attack:0', 'DT_FLOAT'];
  const outputs: TensorSpec[] = [{ alias: 'y', tensorName, dtype, shape: null }];
  const name = 'serving_default';
  const bytes = savedModel({
    metaGraphs: [
      {
        tensorflowVersion: '2.9.1',
        nodes,
        signatures: {
          [name]: {
            inputs: Object.fromEntries(
              inputs.map((spec) => [spec.alias, { name: spec.tensorName, dtype: dtypes[spec.dtype].code }]),
            ),
            outputs: { y: { name: tensorName, dtype: dtypes[dtype].code } },
          },
        },
      },
    ],
  });
  return { bytes, signature: { name, methodName: 'tensorflow/serving/predict', inputs, outputs }, feeds, rules };
}
