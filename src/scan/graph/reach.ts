// What reaches what: from the roots against the direction of data, into the functions that a node calls, once for each trigger. TensorFlow runs what
// a fetched node needs and nothing else, so that a node without a way to a root does not run, however dangerous it is.
import type { OpRegistry } from '../ops/index.ts';
import type { ChainStep, Trigger } from '../scan-types.ts';
import type { CallGraph } from './calls.ts';
import { controlOutput, type Edges } from './edges.ts';
import type { GraphBody } from './graph-body.ts';
import type { Body, Reach, Root } from './graph-types.ts';
import type { NodeTable } from './node-table.ts';
import { type BitTrigger, bits, bitsOf, bothLoaders, pruningOps, saverBit, unreached, viaOf } from './reach-triggers.ts';

/** For a graph in a string: the way to the string. */
export interface OuterReach {
  chainTo(trigger: Trigger): readonly ChainStep[];
}

export interface ReachInput {
  readonly table: NodeTable;
  readonly edges: Edges;
  readonly calls: CallGraph;
  /** By range. */
  readonly bodies: readonly GraphBody[];
  readonly registry: OpRegistry;
}

const maxChainSteps = 64;
const maxWalk = 2_000;

export class GraphReach implements Reach {
  readonly #input: ReachInput;
  readonly #roots: readonly Root[];
  readonly #outer: OuterReach | undefined;
  readonly #mask: Uint8Array;
  /** By trigger: the row that led to each row, or -2 - n for root n. */
  readonly #parents = new Map<BitTrigger, Int32Array>();
  readonly #own: ReadonlyMap<Body, GraphBody>;
  readonly #statefulOps = new Map<number, boolean>();

  constructor(input: ReachInput, roots: readonly Root[], outer?: OuterReach) {
    this.#input = input;
    this.#roots = roots;
    this.#outer = outer;
    this.#mask = new Uint8Array(input.table.rowCount);
    this.#own = new Map<Body, GraphBody>(input.bodies.map((body) => [body, body]));
    for (const [number, trigger] of bits.entries()) {
      const wanted = [...roots.keys()].filter((index) => bitsOf(roots[index].trigger).includes(trigger));
      if (wanted.length > 0) this.#walk(trigger, 1 << number, wanted);
    }
  }

  get rootCount(): number {
    return this.#roots.length;
  }

  #walk(trigger: BitTrigger, bit: number, wanted: readonly number[]): void {
    const { table, edges, calls } = this.#input;
    const parents = new Int32Array(table.rowCount).fill(unreached);
    this.#parents.set(trigger, parents);
    const queue = new Int32Array(table.rowCount);
    const entered = new Uint8Array(table.ranges.length);
    let [next, end] = [0, 0];
    const push = (row: number, parent: number): void => {
      if (parents[row] !== unreached) return;
      parents[row] = parent;
      this.#mask[row] |= bit;
      queue[end++] = row;
    };
    const enter = (body: GraphBody, parent: number, keepsStateful: boolean): void => {
      if ((entered[body.group] & 1) === 0) {
        for (const { edge } of body.returns) push(body.first + edge.node, parent);
        for (const node of body.controlReturns) push(body.first + node, parent);
      }
      if (keepsStateful && (entered[body.group] & 2) === 0) {
        for (let node = body.argCount; node < body.nodeCount; node++) {
          if (this.#isStateful(table.ops[body.first + node])) push(body.first + node, parent);
        }
      }
      entered[body.group] |= keepsStateful ? 3 : 1;
    };
    for (const index of wanted) {
      const { body, nodes } = this.#roots[index];
      const own = this.#own.get(body);
      if (own === undefined) continue;
      if (own.function !== undefined) enter(own, -2 - index, false);
      for (const node of nodes) push(own.first + node, -2 - index);
    }
    while (next < end) {
      const row = queue[next++];
      for (let at = edges.starts[row]; at < edges.starts[row + 1]; at++) push(edges.sources.at(at), row);
      for (const { callee } of calls.callsFromRow(row)) enter(callee, row, !pruningOps.has(table.opNames.names[table.ops[row]]));
    }
  }

  /** As FunctionLibraryRuntime prunes: by the operation alone; what is not known is taken for stateful. */
  #isStateful(op: number): boolean {
    const known = this.#statefulOps.get(op);
    if (known !== undefined) return known;
    const isStateful = this.#input.registry.get(this.#input.table.opNames.names[op])?.isStateful ?? true;
    this.#statefulOps.set(op, isStateful);
    return isStateful;
  }

  #row(body: Body, node: number): number | undefined {
    const own = this.#own.get(body);
    return own === undefined || !(node >= 0 && node < own.nodeCount) ? undefined : own.first + node;
  }

  triggersOf(body: Body, node: number): readonly Trigger[] {
    const row = this.#row(body, node);
    const mask = row === undefined ? 0 : this.#mask[row];
    if (mask === 0) return [];
    const reaching: Trigger[] = [];
    if ((mask & bothLoaders) === bothLoaders) reaching.push('load');
    for (const [number, trigger] of bits.entries()) {
      if ((mask & (1 << number)) === 0 || trigger === 'none') continue;
      if (reaching[0] !== 'load' || number > 1) reaching.push(trigger);
    }
    return reaching;
  }

  /** By any trigger. */
  isReached(body: GraphBody, node: number): boolean {
    return this.#mask[body.first + node] !== 0;
  }

  isSaverOnly(body: Body, node: number): boolean {
    const row = this.#row(body, node);
    return row !== undefined && this.#mask[row] === saverBit;
  }

  /** True when any trigger reaches a return or control return of the function. */
  isEntered(body: GraphBody): boolean {
    const isMarked = (node: number) => this.#mask[body.first + node] !== 0;
    return body.returns.some(({ edge }) => isMarked(edge.node)) || body.controlReturns.some(isMarked);
  }

  chainTo(body: Body, node: number, trigger: Trigger): readonly ChainStep[] {
    const target = this.#row(body, node);
    const parents = bitsOf(trigger)
      .map((bit) => this.#parents.get(bit))
      .find((one) => target !== undefined && one !== undefined && one[target] !== unreached);
    if (target === undefined || parents === undefined) return [];
    const steps = this.#steps(target, parents);
    const before = this.#outer?.chainTo(trigger) ?? [];
    if (before.length + steps.length <= maxChainSteps) return [...before, ...steps];
    return [...before.slice(0, maxChainSteps / 2 - 1), { via: '…' }, ...steps.slice(-maxChainSteps / 2)];
  }

  #steps(target: number, parents: Int32Array): readonly ChainStep[] {
    const rows: number[] = [];
    for (let at = target; at >= 0 && rows.length < maxWalk; at = parents[at]) rows.push(at);
    rows.reverse();
    const before = parents[rows[0]];
    // A way that is longer than the walk begins in the middle; half a million nodes in a row must not cost that much for each finding.
    const isCut = before >= 0;
    const label = isCut ? '…' : this.#roots[-2 - before].label;
    const step = (place: number): ChainStep =>
      this.#step(place === 0 ? label : this.#via(rows[place - 1], rows[place]), rows[place]);
    const places = [...rows.keys()];
    if (places.length <= maxChainSteps) return places.map(step);
    const head = places.slice(0, maxChainSteps / 2 - 1);
    return [...head.map(step), { via: '…' }, ...places.slice(-maxChainSteps / 2).map(step)];
  }

  #step(via: string, row: number): ChainStep {
    const body = this.#input.bodies[this.#input.table.groups[row]];
    const node = row - body.first;
    const place = { node: body.name(node), op: body.op(node) };
    return body.function === undefined ? { via, ...place } : { via, function: body.function, ...place };
  }

  #via(from: number, to: number): string {
    const { table, edges, calls, bodies } = this.#input;
    if (table.groups[from] === table.groups[to]) {
      let isControl = false;
      for (let at = edges.starts[from]; at < edges.starts[from + 1]; at++) {
        if (edges.sources.at(at) !== to) continue;
        if (edges.outputs.at(at) !== controlOutput) return 'input';
        isControl = true;
      }
      if (isControl) return 'control';
    }
    const body = bodies[table.groups[to]];
    const call = calls.callsFromRow(from).find(({ callee }) => callee === body);
    return call === undefined ? 'calls' : viaOf(call);
  }
}
