// Who uses what in a graph: the nodes that take a tensor, the functions that a node names, and the way an input takes down through calls.
// Indexes are made once per graph: a hostile model may have a thousand signatures of a thousand inputs and a million nodes.
import type { AttrEntry, FunctionDef, GraphDef, NameAttrList, NodeDef } from '../model/index.ts';
import { attributeOf } from './graph-attributes.ts';

const callOps: ReadonlySet<string> = new Set(['PartitionedCall', 'StatefulPartitionedCall']);

/** One input of one node. `index` counts its inputs, and so the arguments of the function that it calls. */
export interface Use {
  readonly node: NodeDef;
  readonly index: number;
}

/** The function that a node calls, or undefined when it is no plain call. */
export function calledFunction(node: NodeDef): string | undefined {
  if (!callOps.has(node.op)) return undefined;
  const value = attributeOf(node, 'f');
  return value?.case === 'func' ? value.value.name : undefined;
}

/** One spelling for the first output of a node: `a:0` is `a`. */
export function plainReference(reference: string): string {
  return reference.endsWith(':0') && reference.indexOf(':') === reference.length - 2 ? reference.slice(0, -2) : reference;
}

export function indexUses(nodes: readonly NodeDef[]): ReadonlyMap<string, readonly Use[]> {
  const uses = new Map<string, Use[]>();
  for (const node of nodes) {
    for (const [index, input] of node.input.entries()) {
      if (input.startsWith('^')) continue;
      const reference = plainReference(input);
      const known = uses.get(reference);
      if (known === undefined) uses.set(reference, [{ node, index }]);
      else known.push({ node, index });
    }
  }
  return uses;
}

/** Calls `visit` with each function that the attributes name, however deep. */
export function visitFunctionNames(attributes: readonly AttrEntry[], visit: (named: NameAttrList) => void): void {
  const pending: (readonly AttrEntry[])[] = [attributes];
  for (let entries = pending.pop(); entries !== undefined; entries = pending.pop()) {
    for (const { value } of entries) {
      const found =
        value?.value.case === 'func' ? [value.value.value] : value?.value.case === 'list' ? value.value.value.func : [];
      for (const named of found) {
        visit(named);
        pending.push(named.attr);
      }
    }
  }
}

export interface ArgumentPlace {
  readonly functionName: string;
  readonly index: number;
}

export class FunctionIndex {
  readonly #functions: ReadonlyMap<string, FunctionDef>;
  readonly #uses = new Map<string, ReadonlyMap<string, readonly Use[]>>();
  readonly #nodes = new Map<string, ReadonlyMap<string, NodeDef>>();

  constructor(graph: GraphDef) {
    this.#functions = new Map(
      (graph.library?.function ?? []).map((definition) => [definition.signature?.name ?? '', definition]),
    );
  }

  get(name: string): FunctionDef | undefined {
    return this.#functions.get(name);
  }

  /** The functions that get this argument unchanged, from the outermost on, each by a single call. Ends where it is used otherwise. */
  argumentPath(first: ArgumentPlace): ArgumentPlace[] {
    const path: ArgumentPlace[] = [];
    const seen = new Set<string>();
    for (let place: ArgumentPlace | undefined = first; place !== undefined; place = this.#inner(place)) {
      // A function that calls itself would lead round for ever.
      if (seen.has(place.functionName) || this.get(place.functionName) === undefined) break;
      seen.add(place.functionName);
      path.push(place);
    }
    return path;
  }

  #inner({ functionName, index }: ArgumentPlace): ArgumentPlace | undefined {
    const name = this.get(functionName)?.signature?.inputArg.at(index)?.name;
    const uses = name === undefined ? undefined : this.#usesOf(functionName).get(name);
    if (uses?.length !== 1) return undefined;
    const called = calledFunction(uses[0].node);
    return called === undefined ? undefined : { functionName: called, index: uses[0].index };
  }

  /** The functions that give this output, from the outermost on, as long as each only passes on what a call gave. */
  outputPath(first: ArgumentPlace): ArgumentPlace[] {
    const path: ArgumentPlace[] = [];
    const seen = new Set<string>();
    for (let place: ArgumentPlace | undefined = first; place !== undefined; place = this.#innerOutput(place)) {
      if (seen.has(place.functionName) || this.get(place.functionName) === undefined) break;
      seen.add(place.functionName);
      path.push(place);
    }
    return path;
  }

  #innerOutput({ functionName, index }: ArgumentPlace): ArgumentPlace | undefined {
    const definition = this.get(functionName);
    const name = definition?.signature?.outputArg.at(index)?.name;
    let reference = definition?.ret.find(({ key }) => key === name)?.value;
    const nodes = this.#nodesOf(functionName);
    for (let steps = 0; reference !== undefined && steps < 100; steps++) {
      const [nodeName, , position] = reference.split(':');
      const node: NodeDef | undefined = nodes.get(nodeName);
      const called = node === undefined ? undefined : calledFunction(node);
      if (called !== undefined) return { functionName: called, index: Number(position) };
      if (node?.op !== 'Identity') return undefined;
      reference = node.input.at(0);
    }
    return undefined;
  }

  #usesOf(name: string): ReadonlyMap<string, readonly Use[]> {
    let uses = this.#uses.get(name);
    if (uses === undefined) {
      uses = indexUses(this.get(name)?.nodeDef ?? []);
      this.#uses.set(name, uses);
    }
    return uses;
  }

  #nodesOf(name: string): ReadonlyMap<string, NodeDef> {
    let nodes = this.#nodes.get(name);
    if (nodes === undefined) {
      nodes = new Map((this.get(name)?.nodeDef ?? []).map((node) => [node.name, node]));
      this.#nodes.set(name, nodes);
    }
    return nodes;
  }
}
