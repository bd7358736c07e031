// How often one piece of data is repeated on the way to a node: concatenations of the same thing, tiles, joined strings, functions that do so and
// are called in a chain. Sizes need not be known for that. Linear in the graph, with an own stack; a cycle counts once.
import type { Body, Edge, Program } from '../graph/index.ts';
import type { Values } from './value-types.ts';

/** Elements of the result are those of the inputs together. */
const sums: ReadonlySet<string> = new Set([
  'Concat',
  'ConcatV2',
  'Pack',
  'ParallelConcat',
  'StringJoin',
  'StringFormat',
  'AccumulateConcat',
  'TensorListConcatLists',
]);
/** As many as the largest input: data passes through unchanged in size. */
const passes: ReadonlySet<string> = new Set([
  ...[
    'Identity',
    'IdentityN',
    'StopGradient',
    'Snapshot',
    'Reshape',
    'Squeeze',
    'ExpandDims',
    'Transpose',
    'Add',
    'AddV2',
    'Sub',
    'Mul',
  ],
  ...[
    'RealDiv',
    'Div',
    'Maximum',
    'Minimum',
    'Relu',
    'Relu6',
    'Neg',
    'Abs',
    'Exp',
    'Tanh',
    'Sigmoid',
    'Cast',
    'ReverseV2',
    'Roll',
    'Select',
  ],
  ...[
    'SelectV2',
    'Switch',
    'Merge',
    'Enter',
    'Exit',
    'NextIteration',
    'StringLower',
    'StringUpper',
    'StringStrip',
    'EncodeBase64',
    'Square',
  ],
  ...[
    'AddN',
    'Sqrt',
    'EnsureShape',
    'AsString',
    'RandomShuffle',
    'Cumsum',
    'Pow',
    'Rsqrt',
    'LeakyRelu',
    'CheckNumerics',
    'ReduceJoin',
  ],
]);
const multiplies: ReadonlySet<string> = new Set(['Tile', 'RegexReplace', 'StaticRegexReplace']);
const plainCalls: ReadonlySet<string> = new Set(['PartitionedCall', 'StatefulPartitionedCall']);

/** True for operations at which a repetition can be seen. */
export function isGrowing(op: string): boolean {
  return sums.has(op) || multiplies.has(op);
}

const maxDepth = 64;

/** Copies of the seed at each node of a body, as far as they were asked for. */
class BodyGrowth {
  readonly #copies = new Map<number, number>();
  readonly #body: Body;
  readonly #seed: (node: number) => number | undefined;
  readonly #owner: Growth;
  readonly #depth: number;

  constructor(body: Body, seed: (node: number) => number | undefined, owner: Growth, depth: number) {
    this.#body = body;
    this.#seed = seed;
    this.#owner = owner;
    this.#depth = depth;
  }

  at(wanted: number): number {
    const stack = [wanted];
    const open = new Set<number>();
    while (stack.length > 0) {
      const node = stack[stack.length - 1];
      if (this.#copies.has(node)) {
        stack.pop();
        continue;
      }
      const seed = this.#seed(node);
      const op = this.#body.op(node);
      const isOther =
        seed === undefined && !passes.has(op) && !isGrowing(op) && this.#owner.calleeOf(this.#body, node) === undefined;
      if (seed !== undefined || isOther) {
        this.#copies.set(node, seed ?? this.#owner.other);
        stack.pop();
        continue;
      }
      const edges = this.#dataInputs(node, op);
      if (!open.has(node)) {
        open.add(node);
        const waiting = edges.filter((edge) => !this.#copies.has(edge.node) && !open.has(edge.node));
        for (const edge of waiting) stack.push(edge.node);
        if (waiting.length > 0) continue;
      }
      stack.pop();
      this.#copies.set(node, this.#combine(node, op, edges));
    }
    return this.#copies.get(wanted) ?? this.#owner.other;
  }

  #dataInputs(node: number, op: string): readonly Edge[] {
    const edges = this.#body.inputs(node);
    if (op === 'ConcatV2') return edges.slice(0, -1);
    if (op === 'Concat') return edges.slice(1);
    if (op === 'Tile' || op === 'Reshape' || op === 'RegexReplace' || op === 'Transpose') return edges.slice(0, 1);
    return edges;
  }

  #combine(node: number, op: string, edges: readonly Edge[]): number {
    const copies = edges.map((edge) => this.#copies.get(edge.node) ?? this.#owner.other);
    if (sums.has(op)) return copies.reduce((sum, count) => sum + count, 0);
    const largest = copies.reduce((most, count) => Math.max(most, count), 0);
    if (multiplies.has(op)) return largest * this.#owner.factorOf(this.#body, node, op);
    const callee = this.#owner.calleeOf(this.#body, node);
    if (callee === undefined) return largest;
    return this.#owner.callFactor(callee, this.#depth + 1) * largest;
  }
}

export class Growth {
  /** Copies of what is not the seed: 1 when anything may be repeated, 0 when only the seed counts. */
  readonly other: number;
  readonly #program: Program;
  readonly #values: Values;
  readonly #factors = new Map<Body, number>();
  readonly #bodies = new Map<Body, BodyGrowth>();

  constructor(program: Program, values: Values, other: 0 | 1 = 1) {
    this.#program = program;
    this.#values = values;
    this.other = other;
  }

  /** How often the most repeated piece of data is in what the node gives. */
  at(body: Body, node: number): number {
    let growth = this.#bodies.get(body);
    if (growth === undefined) {
      growth = new BodyGrowth(body, () => undefined, this, 0);
      this.#bodies.set(body, growth);
    }
    return growth.at(node);
  }

  /** How often an argument is in what the function returns at this place. */
  ofArgument(body: Body, argument: number, edge: Edge): number {
    return new BodyGrowth(body, (node) => (node === argument ? 1 : node < body.argCount ? 0 : undefined), this, 0).at(edge.node);
  }

  /** True for a call of a function that repeats what it is given. */
  isGrowingCall(body: Body, node: number): boolean {
    const callee = this.calleeOf(body, node);
    return callee !== undefined && this.callFactor(callee, 0) > 1;
  }

  calleeOf(body: Body, node: number): Body | undefined {
    const [call, ...others] = this.#program.callsFrom(body, node);
    if (call === undefined || others.length > 0) return undefined;
    return call.kind === 'op' || plainCalls.has(body.op(node)) ? call.callee : undefined;
  }

  /** How often a function repeats any of its arguments. 1 for one that calls itself: that is another finding. */
  callFactor(callee: Body, depth: number): number {
    const known = this.#factors.get(callee);
    if (known !== undefined) return known;
    if (depth > maxDepth) return 1;
    this.#factors.set(callee, 1);
    const growth = new BodyGrowth(callee, (node) => (node < callee.argCount ? 1 : undefined), this, depth);
    const factor = callee.returns.reduce((most, { edge }) => Math.max(most, growth.at(edge.node)), 1);
    this.#factors.set(callee, factor);
    return factor;
  }

  factorOf(body: Body, node: number, op: string): number {
    if (op === 'Tile') {
      const times = this.#values.input(body, node, 1)?.constants?.[0]?.numbers;
      return times === undefined ? 1 : times.reduce((product, count) => product * Math.max(count, 1), 1);
    }
    const rewrite = body.attr(node, 'rewrite');
    const text =
      rewrite?.case === 's'
        ? Buffer.from(rewrite.value).toString('latin1')
        : this.#values.input(body, node, 2)?.constants?.[0]?.strings?.[0]?.toString('latin1');
    // Each \0 or \1 in what a match is replaced with repeats the match.
    return Math.max(1, (text?.split(/\\\d/).length ?? 1) - 1);
  }
}
