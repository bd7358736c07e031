// How a cell is made of others along the ways that data takes: inputs, calls, returns, elements of datasets, rows.
import type { Body, Edge } from '../graph/index.ts';
import type { FlowSource } from './call-arguments.ts';
import { gatheredRows } from './gathered-rows.ts';
import { joinValues, originsOf, uniteOrigins, unknownOf } from './lattice.ts';
import type { RequestTensors } from './request-tensors.ts';
import type { Cell, CellSolver, Plan } from './value-cells.ts';
import type { Value } from './value-types.ts';

/** A source, and the node whose inputs it means. */
export interface PlacedSource {
  readonly body: Body;
  readonly node: number;
  readonly source: FlowSource;
}

// Beyond this a cell is made, so that a long chain is not walked for each of its nodes.
const maxHops = 64;
const aliases: ReadonlySet<string> = new Set(['Identity', 'StopGradient', 'PreventGradient', 'NextIteration', 'Exit']);
// A list of inputs that is asked for once for each of its members is kept.
const longList = 16;

/** What all values have in common, each changed first. */
export function joinPlan(inputs: readonly Cell[], own?: Value, change: (value: Value) => Value = (value) => value): Plan {
  return {
    inputs,
    compute(values) {
      let joined = own;
      for (const value of values)
        if (value !== undefined) joined = joined === undefined ? change(value) : joinValues(joined, change(value));
      return joined;
    },
  };
}

export class FlowPlanner {
  readonly #cells: CellSolver;
  readonly #requests: RequestTensors;
  readonly #inputs = new Map<Body, Map<number, readonly Edge[]>>();

  constructor(cells: CellSolver, requests: RequestTensors) {
    this.#cells = cells;
    this.#requests = requests;
  }

  /** As Body.inputs: a call of ten thousand arguments must not cost that for each of them. */
  inputsOf(body: Body, node: number): readonly Edge[] {
    const known = this.#inputs.get(body)?.get(node);
    if (known !== undefined) return known;
    const edges = body.inputs(node);
    if (edges.length < longList) return edges;
    const nodes = this.#inputs.get(body) ?? new Map<number, readonly Edge[]>();
    this.#inputs.set(body, nodes.set(node, edges));
    return edges;
  }

  /** Of what the edge leads to in the end: a cell for each Identity would be a third of all cells. */
  cellOf(body: Body, edge: Edge, component = -1): Cell {
    for (let hop = 0; hop < maxHops; hop++) {
      if (edge.node < body.argCount || !aliases.has(body.op(edge.node)) || this.#requests.isFed(body, edge.node)) break;
      const [input] = body.inputs(edge.node);
      if (input === undefined) break;
      edge = input;
    }
    return this.#cells.cell(body, edge.node, edge.output ?? 0, component);
  }

  /** Cells that a source stands for, `component` of whose elements when that is asked. */
  #sourceCells(body: Body, node: number, source: FlowSource, component: number): readonly Cell[] {
    const inputs = this.inputsOf(body, node);
    switch (source.kind) {
      case 'input':
      case 'row': {
        const edge = inputs[source.input];
        return edge === undefined ? [] : [this.cellOf(body, edge, component)];
      }
      case 'element': {
        const edge = inputs[source.input];
        return edge === undefined ? [] : [this.cellOf(body, edge, source.component)];
      }
      case 'return': {
        const edge = source.callee.returns[source.index]?.edge;
        return edge === undefined ? [] : [this.cellOf(source.callee, edge, component)];
      }
      default:
        return inputs.map((edge) => this.cellOf(body, edge));
    }
  }

  /** A join of what several sources give, each changed as its kind demands. */
  planSources(
    sources: readonly PlacedSource[],
    {
      own,
      component = -1,
      dtype,
    }: { readonly own?: Value | undefined; readonly component?: number; readonly dtype?: number | undefined } = {},
  ): Plan {
    const parts = sources.map(({ body, node, source }) => ({ source, cells: this.#sourceCells(body, node, source, component) }));
    const inputs = parts.flatMap(({ cells }) => cells);
    return {
      inputs,
      compute(values) {
        let at = 0;
        let joined = own;
        for (const { source, cells } of parts) {
          for (const _ of cells) {
            const value = values[at++];
            if (value === undefined) continue;
            const changed =
              source.kind === 'row'
                ? gatheredRows(value)
                : source.kind === 'mixed'
                  ? unknownOf(uniteOrigins(value.origins, originsOf('computed')), dtype, undefined)
                  : value;
            joined = joined === undefined ? changed : joinValues(joined, changed);
          }
        }
        return joined;
      },
    };
  }
}
