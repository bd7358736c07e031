// The features that a graph reads out of serialized tf.Example messages, from the ops that parse them (ParseExample, ParseExampleV2,
// ParseSingleExample; core/ops/parsing_ops.cc at 2.21).

import type { FeatureKind, FeatureRules } from '../../contract/index.ts';
import { DataType, type NodeDef } from '../../model/index.ts';
import { constElements, constStrings, intAttribute, listAttribute, sizesOf, tensorOf } from './const-value.ts';
import type { GraphView } from './graph-view.ts';
import type { InputUse } from './input-uses.ts';

/** Features by name, and what could not be told. */
export interface ParsedFeatures {
  readonly features: ReadonlyMap<string, FeatureRules>;
  readonly notes: readonly string[];
}

const kinds: Readonly<Partial<Record<DataType, FeatureKind>>> = {
  [DataType.DT_FLOAT]: 'float',
  [DataType.DT_INT64]: 'int64',
  [DataType.DT_STRING]: 'bytes',
};

const text = new TextDecoder('utf-8', { fatal: true });

/** Names as the graph has them; undefined when they are not all constant text. */
function names(values: readonly Uint8Array[]): string[] | undefined {
  try {
    return values.map((value) => text.decode(value));
  } catch {
    return undefined; // a key that is not text cannot be written into a contract
  }
}

/** Where an op has its keys, and where the defaults of dense features begin among its inputs. */
interface Layout {
  readonly dense: readonly string[];
  readonly sparse: readonly string[];
  readonly ragged: readonly string[];
  readonly defaultsAt: number;
}

function constantNames(view: GraphView, { scope }: InputUse, inputs: readonly string[]): string[] | undefined {
  const all: Uint8Array[] = [];
  for (const input of inputs) {
    const origin = view.originOf({ scope, name: input });
    const values = origin === undefined ? undefined : constStrings(origin.node);
    if (values === undefined) return undefined;
    all.push(...values);
  }
  return names(all);
}

function layoutOf(view: GraphView, use: InputUse): Layout | undefined {
  const { node } = use;
  const { input } = node;
  if (node.op === 'ParseExampleV2') {
    const sparse = constantNames(view, use, input.slice(2, 3));
    const dense = constantNames(view, use, input.slice(3, 4));
    const ragged = constantNames(view, use, input.slice(4, 5));
    return sparse === undefined || dense === undefined || ragged === undefined
      ? undefined
      : { sparse, dense, ragged, defaultsAt: 5 };
  }
  if (node.op === 'ParseSingleExample') {
    const sparse = names(listAttribute(node, 'sparse_keys').strings);
    const dense = names(listAttribute(node, 'dense_keys').strings);
    return sparse === undefined || dense === undefined ? undefined : { sparse, dense, ragged: [], defaultsAt: 1 };
  }
  const sparseCount = intAttribute(node, 'Nsparse') ?? 0;
  const denseCount = intAttribute(node, 'Ndense') ?? 0;
  if (!(sparseCount >= 0 && denseCount >= 0 && 2 + sparseCount + denseCount <= input.length)) return undefined;
  const sparse = constantNames(view, use, input.slice(2, 2 + sparseCount));
  const dense = constantNames(view, use, input.slice(2 + sparseCount, 2 + sparseCount + denseCount));
  return sparse === undefined || dense === undefined
    ? undefined
    : { sparse, dense, ragged: [], defaultsAt: 2 + sparseCount + denseCount };
}

export function isExampleParser({ node, inputIndex }: InputUse): boolean {
  return inputIndex === 0 && ['ParseExample', 'ParseExampleV2', 'ParseSingleExample'].includes(node.op);
}

/** A dense feature without a default is required; an empty constant says that there is none. */
function isRequired(view: GraphView, use: InputUse, input: string | undefined): boolean {
  const origin = input === undefined ? undefined : view.originOf({ scope: use.scope, name: input });
  const tensor = origin === undefined ? undefined : tensorOf(origin.node);
  return tensor !== undefined && constElements(tensor) === 0;
}

function denseCount(node: NodeDef, index: number): FeatureRules['count'] {
  const sizes = sizesOf(listAttribute(node, 'dense_shapes').shapes[index]);
  const values = sizes?.reduce((product, size) => product * size, 1);
  // A first dimension of -1 takes any number of values.
  if (values === undefined || sizes?.some((size) => size < 0) || !Number.isSafeInteger(values)) return undefined;
  return { min: values, max: values };
}

/** @returns undefined when the op's keys are not constants. */
export function parsedFeatures(view: GraphView, use: InputUse): ParsedFeatures | undefined {
  const layout = layoutOf(view, use);
  if (layout === undefined) return undefined;
  const { node } = use;
  const features = new Map<string, FeatureRules>();
  const notes: string[] = [];
  const add = (name: string, type: DataType | undefined, required: boolean, count: FeatureRules['count']): void => {
    const kind = type === undefined ? undefined : kinds[type];
    if (kind === undefined) notes.push(`feature ${name} has a type that tf.Example has not`);
    else features.set(name, { kind, required, ...(count === undefined ? {} : { count }) });
  };
  const denseTypes = listAttribute(node, 'Tdense').types;
  for (const [index, name] of layout.dense.entries()) {
    const required = isRequired(view, use, node.input[layout.defaultsAt + index]);
    const count = denseCount(node, index);
    // With a default, a feature may be there without a value? No: TensorFlow demands all of them, or that it is absent.
    add(name, denseTypes[index], required, count);
    if (count === undefined) notes.push(`feature ${name} takes any number of values`);
  }
  const openTypes = [
    ...layout.sparse.map((name, index) => [name, listAttribute(node, 'sparse_types').types[index]] as const),
    ...layout.ragged.map((name, index) => [name, listAttribute(node, 'ragged_value_types').types[index]] as const),
  ];
  for (const [name, type] of openTypes) {
    add(name, type, false, undefined);
    notes.push(`feature ${name} takes any number of values`);
  }
  return { features, notes };
}
