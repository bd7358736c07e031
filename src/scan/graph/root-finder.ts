// Collects roots: turns the names that a model gives into nodes and functions, and leaves out what is not there.
import type { Trigger } from '../scan-types.ts';
import type { GraphBody } from './graph-body.ts';
import type { Program, Root } from './graph-types.ts';
import type { MetaGraphParts } from './meta-graph.ts';

export interface RootSource {
  readonly kind: Program['kind'];
  readonly main: GraphBody;
  readonly functions: ReadonlyMap<string, GraphBody>;
  /** Undefined for a bare graph. */
  readonly parts: MetaGraphParts | undefined;
  /** Python loads a SavedModel with several MetaGraphs, or without objects, as the C++ loader does. */
  readonly metaGraphCount: number;
}

/** More sinks than these are one root: a fan of 500,000 nodes must not become as many objects. */
const maxFetchRoots = 200;

export class RootFinder {
  readonly roots: Root[] = [];
  readonly #source: RootSource;
  readonly #named = new Set<number>();

  constructor(source: RootSource) {
    this.#source = source;
  }

  /** A root of the main graph; names that lead nowhere are left out. */
  addNodes(trigger: Trigger, label: string, names: readonly string[]): void {
    const nodes = new Set<number>();
    for (const name of names) {
      const edge = this.#source.main.resolveName(name);
      if (edge !== undefined) nodes.add(edge.node);
    }
    if (nodes.size === 0) return;
    for (const node of nodes) this.#named.add(node);
    this.roots.push({ trigger, label, body: this.#source.main, nodes: [...nodes] });
  }

  /** True when it is a node that is a root already. */
  isRoot(name: string): boolean {
    const edge = this.#source.main.resolveName(name);
    return edge !== undefined && this.#named.has(edge.node);
  }

  addFunctions(trigger: Trigger, label: string, names: readonly string[]): void {
    for (const name of names) {
      const body = this.#source.functions.get(name);
      if (body !== undefined) this.roots.push({ trigger, label, body, nodes: [] });
    }
  }

  /** Every node that nothing consumes and that is no root yet. */
  addSinks(trigger: Trigger, isWanted: (node: number) => boolean = () => true): void {
    const { main } = this.#source;
    const sinks: number[] = [];
    for (let node = 0; node < main.nodeCount; node++) {
      if (!this.#named.has(node) && !main.isConsumed(node) && isWanted(node)) sinks.push(node);
    }
    this.addFetches(trigger, sinks);
  }

  addFetches(trigger: Trigger, nodes: readonly number[]): void {
    const { main } = this.#source;
    if (nodes.length > maxFetchRoots) this.roots.push({ trigger, label: 'fetch', body: main, nodes });
    else for (const node of nodes) this.roots.push({ trigger, label: `fetch ${main.name(node)}`, body: main, nodes: [node] });
  }
}
