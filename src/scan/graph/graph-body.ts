// One graph or function, read from the columns: what the other folders of src/scan see of it. It holds numbers of rows and nothing that grows with
// them, except who consumes what, once somebody asks.
import type { AttrValue, DataType } from '../../model/index.ts';
import { type AttrFinder, decodeAttr } from './attr-value.ts';
import { controlOutput, type Edges, type ResolvedInput, unknownOutput } from './edges.ts';
import type { FunctionDefinition } from './function-definition.ts';
import type { Body, Edge } from './graph-types.ts';
import { type NodeTable, nodeField, type RowRange } from './node-table.ts';

/** What all bodies of a program share. */
export interface BodyStore {
  readonly table: NodeTable;
  readonly edges: Edges;
  readonly finder: AttrFinder;
  /** Some row has an input from it. */
  isConsumed(row: number): boolean;
  resolve(group: number, bytes: Buffer, start: number, end: number, into: ResolvedInput): boolean;
  /** Told of attributes that cannot be decoded. */
  fail(reason: string): void;
}

const none: readonly never[] = [];

export class GraphBody implements Body {
  readonly function: string | undefined;
  readonly argCount: number;
  readonly nodeCount: number;
  /** Number of its range, and its first row. */
  readonly group: number;
  readonly first: number;
  readonly returns: readonly { readonly name: string; readonly edge: Edge }[];
  readonly controlReturns: readonly number[];
  readonly missingReturns: readonly string[];
  readonly danglingInputs: readonly { readonly node: number; readonly input: string }[];
  readonly definition: FunctionDefinition | undefined;
  readonly #store: BodyStore;
  #consumers: { readonly starts: Int32Array; readonly nodes: Int32Array } | undefined;

  constructor(store: BodyStore, group: number, range: RowRange, definition: FunctionDefinition | undefined) {
    this.#store = store;
    this.group = group;
    this.first = range.first;
    this.function = definition?.name;
    this.definition = definition;
    this.argCount = range.argCount;
    this.nodeCount = range.count;
    const dangling: { node: number; input: string }[] = [];
    for (const { row, input } of store.edges.dangling.get(group) ?? none) dangling.push({ node: row - this.first, input });
    const missingReturns: string[] = [];
    const missing = (input: string) => missingReturns.push(input);
    this.returns = definition === undefined ? none : this.#readReturns(definition, missing);
    this.controlReturns = definition === undefined ? none : this.#readControlReturns(definition, missing);
    this.danglingInputs = dangling;
    this.missingReturns = missingReturns;
  }

  #readReturns({ outputs, ret }: FunctionDefinition, missing: (input: string) => void): readonly { name: string; edge: Edge }[] {
    const returns: { name: string; edge: Edge }[] = [];
    const isNamed = new Set(outputs.map(({ name }) => name));
    // What ret has beyond the signature is no output, but TensorFlow may still run it.
    for (const name of [...isNamed, ...[...ret.keys()].filter((key) => !isNamed.has(key))]) {
      const input = ret.get(name);
      const edge = input === undefined ? undefined : this.resolveName(input);
      if (edge === undefined) missing(input ?? name);
      else returns.push({ name, edge });
    }
    return returns;
  }

  #readControlReturns({ controlRet }: FunctionDefinition, missing: (input: string) => void): readonly number[] {
    const nodes = new Set<number>();
    for (const input of controlRet.values()) {
      const node = this.find(input) ?? this.resolveName(input)?.node;
      if (node === undefined) missing(input);
      else nodes.add(node);
    }
    return [...nodes];
  }

  /** What a name in the form of inputs means here. */
  resolveName(input: string): Edge | undefined {
    const bytes = Buffer.from(input);
    const found = { row: 0, output: 0 };
    if (!this.#store.resolve(this.group, bytes, 0, bytes.length, found)) return undefined;
    return { node: found.row - this.first, output: found.output < 0 ? undefined : found.output };
  }

  #row(node: number): number {
    if (!(node >= 0 && node < this.nodeCount)) throw new RangeError(`no such node: ${node}`);
    return this.first + node;
  }

  name(node: number): string {
    const { bytes, nameStarts, nameLengths } = this.#store.table;
    const row = this.#row(node);
    return bytes.toString('utf8', nameStarts[row], nameStarts[row] + nameLengths[row]);
  }

  op(node: number): string {
    const { ops, opNames } = this.#store.table;
    return opNames.names[ops[this.#row(node)]];
  }

  device(node: number): string {
    const { devices, deviceNames } = this.#store.table;
    return deviceNames.names[devices[this.#row(node)]];
  }

  inputs(node: number): readonly Edge[] {
    const { starts, sources, outputs } = this.#store.edges;
    const row = this.#row(node);
    const edges: Edge[] = [];
    for (let at = starts[row]; at < starts[row + 1]; at++) {
      const output = outputs.at(at);
      if (output === controlOutput) continue;
      edges.push({ node: sources.at(at) - this.first, output: output === unknownOutput ? undefined : output });
    }
    return edges;
  }

  controlInputs(node: number): readonly number[] {
    const { starts, sources, outputs } = this.#store.edges;
    const row = this.#row(node);
    const nodes: number[] = [];
    for (let at = starts[row]; at < starts[row + 1]; at++)
      if (outputs.at(at) === controlOutput) nodes.push(sources.at(at) - this.first);
    return nodes;
  }

  consumers(node: number): readonly number[] {
    this.#row(node);
    this.#consumers ??= this.#findConsumers();
    const { starts, nodes } = this.#consumers;
    return [...new Set(nodes.subarray(starts[node], starts[node + 1]))];
  }

  isConsumed(node: number): boolean {
    return this.#store.isConsumed(this.#row(node));
  }

  #findConsumers(): { starts: Int32Array; nodes: Int32Array } {
    const { starts: edgeStarts, sources } = this.#store.edges;
    const [from, to] = [edgeStarts[this.first], edgeStarts[this.first + this.nodeCount]];
    const starts = new Int32Array(this.nodeCount + 1);
    for (let at = from; at < to; at++) starts[sources.at(at) - this.first + 1]++;
    for (let node = 0; node < this.nodeCount; node++) starts[node + 1] += starts[node];
    const next = starts.slice();
    const nodes = new Int32Array(to - from);
    for (let node = 0; node < this.nodeCount; node++) {
      const row = this.first + node;
      for (let at = edgeStarts[row]; at < edgeStarts[row + 1]; at++) nodes[next[sources.at(at) - this.first]++] = node;
    }
    return { starts, nodes };
  }

  attrBytes(node: number, name: string): Buffer | undefined {
    const { bytes, messageStarts, messageEnds } = this.#store.table;
    const row = this.#row(node);
    if (node >= this.argCount)
      return this.#store.finder.find(messageStarts[row], messageEnds[row], nodeField.attr, Buffer.from(name));
    const span = this.definition?.argAttrs.get(node)?.get(name);
    return span === undefined ? undefined : bytes.subarray(span.start, span.end);
  }

  attr(node: number, name: string): AttrValue['value'] | undefined {
    const row = this.#row(node);
    if (node < this.argCount && this.definition !== undefined) {
      // As TensorFlow makes the _Arg node of an argument.
      if (name === 'index') return { case: 'i', value: BigInt(node) };
      const { type } = this.definition.args[node];
      if (name === 'T' && type !== 0) return { case: 'type', value: type as DataType };
    }
    const bytes = this.attrBytes(node, name);
    if (bytes === undefined) return undefined;
    return decodeAttr(bytes, (reason) => this.#store.fail(`${this.name(row - this.first)}, attribute ${name}: ${reason}`));
  }

  attrNames(node: number): readonly string[] {
    const { messageStarts, messageEnds } = this.#store.table;
    const row = this.#row(node);
    if (node >= this.argCount) return this.#store.finder.names(messageStarts[row], messageEnds[row], nodeField.attr);
    const own = this.definition?.args[node].type === 0 ? ['index'] : ['index', 'T'];
    return [...own, ...(this.definition?.argAttrs.get(node)?.keys() ?? [])];
  }

  find(name: string): number | undefined {
    const bytes = Buffer.from(name);
    const row = this.#store.table.index.find(this.group, bytes, 0, bytes.length);
    return row < 0 ? undefined : row - this.first;
  }

  get duplicateNames(): readonly string[] {
    return this.#store.table.duplicates.get(this.group) ?? none;
  }

  functionAttr(name: string): AttrValue['value'] | undefined {
    const span = this.definition?.attrs.get(name);
    if (span === undefined) return undefined;
    const bytes = this.#store.table.bytes.subarray(span.start, span.end);
    return decodeAttr(bytes, (reason) => this.#store.fail(`function ${this.function}, attribute ${name}: ${reason}`));
  }
}
