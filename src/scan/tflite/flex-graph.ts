// Writes the TensorFlow operations of a TFLite model (Flex) as one GraphDef, so that they are judged like those of any other graph: constant
// operands become Const nodes, inputs become placeholders, and what builtin operations compute becomes a variable or a placeholder by where
// it comes from. It never runs a node and copies no large constant.
import { create, toBinary } from '@bufbuild/protobuf';
import { AirlockError } from '../../core/index.ts';
import {
  type AttrEntry,
  AttrEntrySchema,
  type DataType,
  GraphDefSchema,
  type NodeDef,
  NodeDefSchema,
  TensorProtoSchema,
} from '../../model/index.ts';
import { callsOf } from './subgraph-calls.ts';
import { from, type TensorValues } from './tensor-values.ts';
import { contentOf, type Subgraph, type TfliteModel, type TfliteOperator, type TfliteTensor } from './tflite-model.ts';

/** Constants that are copied. Paths and sizes are small. */
const maxConstantBytes = 1024 * 1024;
const maxNodes = 500_000;
/** Subgraphs and operators that a value is followed through. */
const maxDepth = 32;

export interface FlexNode {
  readonly subgraph: Subgraph;
  readonly operator: TfliteOperator;
  readonly node: NodeDef;
}

interface Caller {
  readonly subgraph: Subgraph;
  readonly tensor: number;
}

const passing: Readonly<Record<string, string>> = {
  RESHAPE: 'Identity',
  SQUEEZE: 'Identity',
  EXPAND_DIMS: 'Identity',
  CAST: 'Identity',
};

function typeAttr(key: string, dataType: DataType): AttrEntry {
  return create(AttrEntrySchema, { key, value: { value: { case: 'type', value: dataType } } });
}

export class FlexGraph {
  readonly #model: TfliteModel;
  readonly #values: TensorValues;
  readonly #producers = new Map<Subgraph, ReadonlyMap<number, readonly [TfliteOperator, number]>>();
  readonly #callers = new Map<number, (Caller | undefined)[]>();
  readonly #nodes: NodeDef[] = [];
  readonly #names = new Set<string>();
  readonly #flexNames = new Map<TfliteOperator, string>();
  readonly #refs = new Map<Subgraph, Map<number, string>>();

  constructor(model: TfliteModel, values: TensorValues, flexNodes: readonly FlexNode[]) {
    this.#model = model;
    this.#values = values;
    this.#readCallers();
    for (const flex of flexNodes) this.#flexNames.set(flex.operator, this.#unique(flex.node.name || flex.operator.name));
    for (const flex of flexNodes) this.#addFlex(flex);
  }

  /** A GraphDef. */
  encode(): Buffer {
    return Buffer.from(toBinary(GraphDefSchema, create(GraphDefSchema, { node: this.#nodes })));
  }

  /** Who gives each input of a subgraph; undefined when there are several. */
  #readCallers(): void {
    for (const subgraph of this.#model.subgraphs) {
      for (const operator of subgraph.operators) {
        const given = operator.code?.builtin === 'IF' ? operator.inputs.slice(1) : operator.inputs;
        for (const call of callsOf(operator)) {
          const isFirst = !this.#callers.has(call.subgraph);
          const list = this.#callers.get(call.subgraph) ?? [];
          this.#callers.set(call.subgraph, list);
          // A loop gives its own results as well, which only a value that it hands on keeps the same.
          const isLoop = operator.code?.builtin?.endsWith('WHILE') === true;
          given.forEach((tensor, at) => {
            if (isFirst && (!isLoop || this.#isHandedOn(operator, at))) list[at] = { subgraph, tensor };
            else list[at] = undefined;
          });
        }
      }
    }
  }

  #isHandedOn(operator: TfliteOperator, at: number): boolean {
    const body = this.#model.subgraphs[callsOf(operator)[1]?.subgraph ?? -1];
    return body !== undefined && body.outputs[at] === body.inputs[at];
  }

  #unique(wanted: string): string {
    const base =
      wanted
        .replaceAll(/[^A-Za-z0-9_./\\>-]/g, '_')
        .slice(0, 512)
        .replace(/^[^A-Za-z0-9.]/, 't$&') || 'node';
    let name = base;
    for (let count = 1; this.#names.has(name); count++) name = `${base}_${this.#names.size}_${count}`;
    this.#names.add(name);
    return name;
  }

  #add(node: NodeDef): string {
    if (this.#nodes.length >= maxNodes)
      throw new AirlockError('MODEL_INVALID', { message: `more than ${maxNodes} TensorFlow operations` });
    this.#nodes.push(node);
    return node.name;
  }

  #addFlex({ subgraph, operator, node }: FlexNode): void {
    const name = this.#flexNames.get(operator) ?? node.name;
    const input = operator.inputs.filter((index) => index >= 0).map((index) => this.#ref(subgraph, index, 0));
    this.#add(create(NodeDefSchema, { name, op: node.op, input, device: node.device, attr: node.attr }));
  }

  #producer(subgraph: Subgraph, tensor: number): readonly [TfliteOperator, number] | undefined {
    let producers = this.#producers.get(subgraph);
    if (producers === undefined) {
      producers = new Map(
        subgraph.operators.flatMap((operator) => operator.outputs.map((index, at) => [index, [operator, at] as const] as const)),
      );
      this.#producers.set(subgraph, producers);
    }
    return producers.get(tensor);
  }

  /** How an input of a node names this tensor; makes the node that gives it. */
  #ref(subgraph: Subgraph, tensor: number, depth: number): string {
    let refs = this.#refs.get(subgraph);
    if (refs === undefined) {
      refs = new Map();
      this.#refs.set(subgraph, refs);
    }
    const known = refs.get(tensor);
    if (known !== undefined && known !== '') return known;
    // Empty while it is being made: a tensor that is made from itself ends there.
    const isCycle = known === '';
    refs.set(tensor, '');
    const ref = this.#makeRef(subgraph, tensor, isCycle ? maxDepth : depth);
    refs.set(tensor, ref);
    return ref;
  }

  #makeRef(subgraph: Subgraph, index: number, depth: number): string {
    const tensor = subgraph.tensors[index];
    if (tensor === undefined) return this.#add(create(NodeDefSchema, { name: this.#unique('missing'), op: 'NoOp' }));
    const constant = this.#constant(tensor);
    if (constant !== undefined) return constant;
    const found = this.#producer(subgraph, index);
    if (found !== undefined) {
      const [operator, position] = found;
      const flexName = this.#flexNames.get(operator);
      if (flexName !== undefined) return position === 0 ? flexName : `${flexName}:${position}`;
      const first = operator.inputs[0];
      if (depth < maxDepth && first !== undefined && first >= 0) {
        const op = passing[operator.code?.builtin ?? ''];
        if (op !== undefined) {
          const input = [this.#ref(subgraph, first, depth + 1)];
          const dataType = subgraph.tensors[first]?.type?.dataType ?? 0;
          return this.#add(
            create(NodeDefSchema, { name: this.#unique(tensor.name), op, input, attr: [typeAttr('T', dataType)] }),
          );
        }
        if (operator.code?.builtin === 'IF') return this.#choice(subgraph, operator, tensor, position, depth);
      }
    } else if (depth < maxDepth && !this.#isRoot(subgraph)) {
      const caller = this.#callers.get(subgraph.index)?.[subgraph.inputs.indexOf(index)];
      if (caller !== undefined && caller.tensor >= 0) return this.#ref(caller.subgraph, caller.tensor, depth + 1);
    }
    const op = (this.#values.of(subgraph, index).origins & from.request) === 0 ? 'VariableV2' : 'Placeholder';
    const shape = { dim: (tensor.shapeSignature ?? tensor.shape).slice(0, 254).map((size) => ({ size: BigInt(size) })) };
    const shapeAttr = create(AttrEntrySchema, { key: 'shape', value: { value: { case: 'shape', value: shape } } });
    const attrs = [typeAttr('dtype', tensor.type?.dataType ?? 0), shapeAttr];
    return this.#add(create(NodeDefSchema, { name: this.#unique(tensor.name), op, attr: attrs }));
  }

  #isRoot(subgraph: Subgraph): boolean {
    return subgraph.index === 0 || this.#model.signatures.some((signature) => signature.subgraph === subgraph.index);
  }

  /** What either branch gives. */
  #choice(subgraph: Subgraph, operator: TfliteOperator, tensor: TfliteTensor, position: number, depth: number): string {
    const branches = callsOf(operator).flatMap((call) => {
      const callee = this.#model.subgraphs[call.subgraph];
      const output = callee?.outputs[position];
      return callee === undefined || output === undefined ? [] : [this.#ref(callee, output, depth + 1)];
    });
    const input = [this.#ref(subgraph, operator.inputs[0] ?? -1, depth + 1), ...branches];
    const attrs = [typeAttr('T', tensor.type?.dataType ?? 0)];
    return this.#add(create(NodeDefSchema, { name: this.#unique(tensor.name), op: 'SelectV2', input, attr: attrs }));
  }

  #constant(tensor: TfliteTensor): string | undefined {
    const content = contentOf(this.#model, tensor);
    if (content === undefined || content.sizeBytes > maxConstantBytes || tensor.type === undefined) return undefined;
    const dtype = tensor.type.dataType;
    const tensorShape = { dim: tensor.shape.slice(0, 254).map((size) => ({ size: BigInt(size) })) };
    const bytes = this.#model.bytes.bytes(content.offset, content.sizeBytes);
    const value = create(
      TensorProtoSchema,
      tensor.type.name === 'STRING'
        ? { dtype, tensorShape, stringVal: readStrings(bytes) }
        : { dtype, tensorShape, tensorContent: Uint8Array.from(bytes) },
    );
    const attrs = [
      typeAttr('dtype', dtype),
      create(AttrEntrySchema, { key: 'value', value: { value: { case: 'tensor', value } } }),
    ];
    return this.#add(create(NodeDefSchema, { name: this.#unique(tensor.name), op: 'Const', attr: attrs }));
  }
}

/** The strings of a TFLite string tensor; what leads out of the buffer is left out. */
export function readStrings(bytes: Buffer): Buffer[] {
  if (bytes.length < 4) return [];
  const count = Math.min(bytes.readUInt32LE(0), Math.floor((bytes.length - 4) / 4) - 1);
  return Array.from({ length: Math.max(count, 0) }, (_, index) => {
    const start = bytes.readUInt32LE(4 + index * 4);
    const end = bytes.readUInt32LE(8 + index * 4);
    return start <= end && end <= bytes.length ? Buffer.from(bytes.subarray(start, end)) : Buffer.alloc(0);
  });
}
