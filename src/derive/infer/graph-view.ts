// A graph and its functions, indexed so that a tensor can be followed forwards to those who use it and backwards to where it was made,
// through function calls. The graph is somebody else's: everything is bounded, nothing recurses, and cycles end.
import type { FunctionDef, GraphDef, NodeDef } from '../../model/index.ts';
import { functionAttribute } from './const-value.ts';

/** From the weakest to the strongest doubt. */
export type Runs = 'always' | 'loop' | 'branch';

/** The main graph, or a function as one call reaches it. Two calls of a function are two scopes, because they may be given different tables. */
export interface Scope {
  readonly id: number;
  /** Undefined for the main graph. */
  readonly body: FunctionDef | undefined;
  /** Where it is called from; argument i of the function is `inputs[i + offset]` of the calling node. */
  readonly call?: { readonly scope: Scope; readonly node: NodeDef; readonly offset: number };
  readonly depth: number;
  /** Whether its ops run for every input: a loop may run for none of a request's elements, one branch of two does not run at all. */
  readonly runs: Runs;
}

/** A tensor as the inputs of one scope spell it: `node:1` in the main graph, `argument` or `node:output:1` in a function. */
export interface Reference {
  readonly scope: Scope;
  readonly name: string;
}

/** A tensor that is the input `index` of a node. */
export interface Consumer {
  readonly node: NodeDef;
  readonly index: number;
}

/** The node that made a tensor. */
export interface Origin {
  readonly scope: Scope;
  readonly node: NodeDef;
}

interface ScopeIndex {
  readonly nodes: ReadonlyMap<string, NodeDef>;
  /** By the name of the producing node or argument. */
  readonly consumers: ReadonlyMap<string, readonly (Consumer & { readonly name: string })[]>;
}

/** Calls inside calls. */
const maxDepth = 64;
const maxScopes = 20_000;

interface Caller {
  /** The attributes that name functions. */
  readonly functions: readonly string[];
  /** How many of the op's inputs come before the function's arguments. */
  readonly offset: number;
  readonly runs: Runs;
}

const doubts: readonly Runs[] = ['always', 'loop', 'branch'];

const callers: Readonly<Record<string, Caller>> = {
  PartitionedCall: { functions: ['f'], offset: 0, runs: 'always' },
  StatefulPartitionedCall: { functions: ['f'], offset: 0, runs: 'always' },
  If: { functions: ['then_branch', 'else_branch'], offset: 1, runs: 'branch' },
  StatelessIf: { functions: ['then_branch', 'else_branch'], offset: 1, runs: 'branch' },
  While: { functions: ['body', 'cond'], offset: 0, runs: 'loop' },
  StatelessWhile: { functions: ['body', 'cond'], offset: 0, runs: 'loop' },
  // Once per element.
  MapDefun: { functions: ['f'], offset: 0, runs: 'always' },
};

/** `^x`, `x`, `x:0` and `x:out:0` all come from `x`. */
function producerName(input: string): string {
  const colon = input.indexOf(':');
  return colon < 0 ? input : input.slice(0, colon);
}

export class GraphView {
  readonly main: Scope;
  readonly #mainNodes: readonly NodeDef[];
  readonly #functions: ReadonlyMap<string, FunctionDef>;
  readonly #indexes = new Map<FunctionDef | undefined, ScopeIndex>();
  readonly #entered = new Map<string, Scope>();
  #scopes = 1;

  constructor(graph: GraphDef | undefined) {
    this.#mainNodes = graph?.node ?? [];
    this.#functions = new Map((graph?.library?.function ?? []).map((body) => [body.signature?.name ?? '', body]));
    this.main = { id: 0, body: undefined, depth: 0, runs: 'always' };
  }

  #index(scope: Scope): ScopeIndex {
    const known = this.#indexes.get(scope.body);
    if (known !== undefined) return known;
    const nodes = scope.body?.nodeDef ?? this.#mainNodes;
    const consumers = new Map<string, (Consumer & { name: string })[]>();
    for (const node of nodes) {
      for (const [index, name] of node.input.entries()) {
        if (name.startsWith('^')) continue;
        const producer = producerName(name);
        const list = consumers.get(producer);
        if (list === undefined) consumers.set(producer, [{ node, index, name }]);
        else list.push({ node, index, name });
      }
    }
    const made = { nodes: new Map(nodes.map((node) => [node.name, node])), consumers };
    this.#indexes.set(scope.body, made);
    return made;
  }

  /** Who takes this tensor. In the main graph `x` and `x:0` are the same. */
  consumersOf({ scope, name }: Reference): readonly Consumer[] {
    const all = this.#index(scope).consumers.get(producerName(name)) ?? [];
    const wanted = scope.body === undefined && !name.includes(':') ? `${name}:0` : name;
    return all.filter((consumer) => {
      const given = scope.body === undefined && !consumer.name.includes(':') ? `${consumer.name}:0` : consumer.name;
      return given === wanted;
    });
  }

  /** Every output of a node that something in its scope takes. */
  outputsOf(scope: Scope, node: NodeDef): readonly Reference[] {
    const names = new Set((this.#index(scope).consumers.get(node.name) ?? []).map(({ name }) => name));
    return [...names].map((name) => ({ scope, name }));
  }

  /** The arguments that a tensor becomes in the functions that a node calls; empty when the node calls none that is here. */
  enter(scope: Scope, { node, index }: Consumer): readonly Reference[] {
    if (!Object.hasOwn(callers, node.op)) return [];
    const caller = callers[node.op];
    const { functions, offset } = caller;
    return functions.flatMap((attributeName) => {
      const body = this.#functions.get(functionAttribute(node, attributeName) ?? '');
      const argument = body?.signature?.inputArg[index - offset];
      const inner = body === undefined || argument === undefined ? undefined : this.#scopeOf(scope, node, body, caller);
      return inner === undefined || argument === undefined ? [] : [{ scope: inner, name: argument.name }];
    });
  }

  #scopeOf(scope: Scope, node: NodeDef, body: FunctionDef, { offset, runs }: Caller): Scope | undefined {
    const key = JSON.stringify([scope.id, node.name, body.signature?.name]);
    const known = this.#entered.get(key);
    if (known !== undefined) return known;
    if (scope.depth >= maxDepth || this.#scopes >= maxScopes) return undefined;
    const made: Scope = {
      id: this.#scopes++,
      body,
      call: { scope, node, offset },
      depth: scope.depth + 1,
      runs: doubts[Math.max(doubts.indexOf(scope.runs), doubts.indexOf(runs))],
    };
    this.#entered.set(key, made);
    return made;
  }

  /**
   * The node that made a tensor, looking through the arguments of calls and ops that hand a value on. Undefined when it cannot be told.
   */
  originOf(start: Reference): Origin | undefined {
    let { scope, name } = start;
    // Each step goes to another node or out of a call; a cycle of a damaged graph ends here.
    for (let steps = 0; steps < 10_000; steps++) {
      const producer = producerName(name);
      const node = this.#index(scope).nodes.get(producer);
      if (node === undefined) {
        const position = scope.body?.signature?.inputArg.findIndex((argument) => argument.name === producer) ?? -1;
        const input = scope.call === undefined || position < 0 ? undefined : scope.call.node.input[position + scope.call.offset];
        if (input === undefined || scope.call === undefined) return undefined;
        ({ scope } = scope.call);
        name = input;
      } else if (handsOn.has(node.op) && node.input.length > 0) {
        [name] = node.input;
      } else {
        return { scope, node };
      }
    }
    return undefined;
  }
}

/** Ops whose result is their first input. */
const handsOn: ReadonlySet<string> = new Set(['Identity', 'ReadVariableOp', 'StopGradient', 'Snapshot', 'EnsureShape']);
