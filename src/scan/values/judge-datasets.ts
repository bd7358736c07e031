// Datasets that something in the graph reads to the end: how many elements they have, and whether they end at all.
import type { Body, Program } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import { datasetKind } from './call-arguments.ts';
import { countText, judge } from './judgement.ts';
import { elementBounds } from './lattice.ts';
import { inputOf, type Place, traceBack } from './trace.ts';
import type { Values } from './value-types.ts';

/** Operations that read a dataset until it ends, and the place of the dataset among their inputs. */
const drains: ReadonlyMap<string, number> = new Map([
  ['ReduceDataset', 0],
  ['SaveDataset', 0],
  ['SaveDatasetV2', 0],
  ['DatasetToTFRecord', 0],
  ['ExperimentalDatasetToTFRecord', 0],
  ['InitializeTableFromDataset', 1],
  // Looks for a second element to complain about: endless after a filter that lets nothing through.
  ['DatasetToSingleElement', 0],
]);

/** Look for an element until one passes, or take them until one does not: without end where none ever does. */
const seekers: ReadonlySet<string> = new Set(['FilterDataset', 'ParallelFilterDataset', 'TakeWhileDataset']);

/** Hold as many elements as their second input says, at once. */
const collectors: ReadonlySet<string> = new Set([
  'BatchDataset',
  'BatchDatasetV2',
  'ParallelBatchDataset',
  'PaddedBatchDataset',
  'PaddedBatchDatasetV2',
]);

export function drainsDataset(op: string): boolean {
  return drains.has(op) || seekers.has(op) || collectors.has(op) || op === 'SkipDataset';
}

interface Count {
  /** Elements at least; Infinity: it has no end. */
  readonly least: number;
  /** Who chose the number, if a request did. */
  readonly isRequest: boolean;
  /** The operation that makes it so long. */
  readonly by: string;
  readonly isFiltered: boolean;
}

const none: Count = { least: 0, isRequest: false, by: '', isFiltered: false };
const maxDepth = 128;

export class DatasetLength {
  readonly #program: Program;
  readonly #values: Values;
  #left = 10_000;

  constructor(program: Program, values: Values) {
    this.#program = program;
    this.#values = values;
  }

  #least(place: Place | undefined): {
    readonly min: number | undefined;
    readonly max: number | undefined;
    readonly isRequest: boolean;
  } {
    if (place === undefined) return { min: undefined, max: undefined, isRequest: false };
    const value = this.#values.of(place.body, place.edge);
    return { ...elementBounds(value), isRequest: value.origins.has('request') };
  }

  of(from: Place, depth = 0): Count {
    if (depth > maxDepth || --this.#left < 0) return none;
    const place = traceBack(this.#program, from);
    if (place.edge.node < place.body.argCount) return this.#ofArgument(place, depth);
    const op = place.body.op(place.edge.node);
    const kind = datasetKind(op);
    const input = inputOf(place, 0);
    const inner = () => (input === undefined ? none : this.of(input, depth + 1));
    const by = `${op} "${place.body.name(place.edge.node)}"`;
    switch (kind) {
      case 'Random':
        return { least: Number.POSITIVE_INFINITY, isRequest: false, by, isFiltered: false };
      case 'Range': {
        const [start, stop, step] = [0, 1, 2].map((index) => this.#least(inputOf(place, index)));
        const width = step.max ?? 1;
        if (stop.isRequest && stop.max === undefined) return { least: 0, isRequest: true, by, isFiltered: false };
        const count =
          width >= 0 ? ((stop.min ?? 0) - (start.max ?? 0)) / Math.max(width, 1) : ((start.min ?? 0) - (stop.max ?? 0)) / -width;
        return { least: Math.max(0, Math.ceil(count)), isRequest: false, by, isFiltered: false };
      }
      case 'Repeat':
      case 'ShuffleAndRepeat': {
        const count = this.#least(inputOf(place, kind === 'Repeat' ? 1 : 4));
        const each = inner();
        if (count.max !== undefined && count.max < 0) return { ...each, least: Number.POSITIVE_INFINITY, by };
        if (count.isRequest && count.max === undefined) return { ...each, isRequest: true, by };
        const times = Math.max(count.min ?? 1, 1);
        return { ...each, least: Math.max(each.least, 1) * times, by: times > each.least ? by : each.by };
      }
      case 'Take': {
        const count = this.#least(inputOf(place, 1));
        const each = inner();
        if (count.max !== undefined && count.max < 0) return each;
        if (count.isRequest && count.max === undefined) return { ...each, least: 0, isRequest: each.least > 0 || each.isRequest };
        return count.min === undefined
          ? { ...each, least: 0 }
          : { ...each, least: Math.min(each.least, Math.max(count.max ?? count.min, 0)) };
      }
      case 'TakeWhile':
        return none;
      case 'Filter':
      case 'ParallelFilter':
        return { ...inner(), isFiltered: true };
      case 'Batch':
      case 'PaddedBatch':
      case 'ParallelBatch':
      case 'MapAndBatch': {
        const size = this.#least(inputOf(place, 1));
        const each = inner();
        return kind === 'MapAndBatch' ? each : { ...each, least: each.least / Math.max(size.max ?? size.min ?? 1, 1) };
      }
      case 'Zip': {
        const parts = this.#inputs(place).map((part) => this.of(part, depth + 1));
        return parts.reduce((least, part) => (part.least < least.least ? part : least), parts[0] ?? none);
      }
      case 'Concatenate': {
        const [first, second] = this.#inputs(place).map((part) => this.of(part, depth + 1));
        if (first === undefined || second === undefined) return none;
        return {
          ...(first.least >= second.least ? first : second),
          least: first.least + second.least,
          isRequest: first.isRequest || second.isRequest,
        };
      }
      case 'FlatMap':
      case 'Interleave':
      case 'ParallelInterleave':
      case 'LegacyParallelInterleave': {
        const each = inner();
        const [call] = this.#program.callsFrom(place.body, place.edge.node);
        const result = call?.callee.returns[0];
        if (call === undefined || result === undefined) return each;
        const within = this.of({ body: call.callee, edge: result.edge, caller: undefined }, depth + 1);
        const least = each.least === 0 ? 0 : each.least * within.least;
        return {
          least,
          isRequest: each.isRequest || within.isRequest,
          by: within.least > each.least ? within.by : each.by,
          isFiltered: each.isFiltered,
        };
      }
      case 'Tensor':
        return { least: 1, isRequest: false, by, isFiltered: false };
      case 'TensorSlice': {
        const size = input === undefined ? undefined : this.#values.of(input.body, input.edge).shape?.[0];
        return { least: typeof size === 'number' ? size : 1, isRequest: false, by, isFiltered: false };
      }
      case undefined:
        return none;
      default:
        // Generators, files, snapshots: they end when what they read ends.
        return input !== undefined && this.#isDataset(input) ? inner() : none;
    }
  }

  #inputs(place: Place): readonly Place[] {
    return place.body
      .inputs(place.edge.node)
      .slice(0, 64)
      .map((edge) => ({ body: place.body, edge, caller: place.caller }));
  }

  #isDataset(place: Place): boolean {
    const { body, edge } = traceBack(this.#program, place);
    return edge.node >= body.argCount && body.op(edge.node).includes('Dataset');
  }

  /** A dataset that a function is given: by whoever calls it, where that is a plain call. */
  #ofArgument(place: Place, depth: number): Count {
    const counts = this.#program
      .callsTo(place.body)
      .slice(0, 16)
      .flatMap(({ caller, kind }) => {
        const op = caller.body.op(caller.node);
        if (kind !== 'op' && op !== 'PartitionedCall' && op !== 'StatefulPartitionedCall') return [];
        const edge = caller.body.inputs(caller.node)[place.edge.node];
        return edge === undefined ? [] : [this.of({ body: caller.body, edge, caller: undefined }, depth + 1)];
      });
    return counts.reduce(
      (most, count) => (count.least > most.least || (count.isRequest && !most.isRequest) ? count : most),
      none,
    );
  }
}

export function judgeDataset(program: Program, values: Values, context: ScanContext, body: Body, node: number, op: string): void {
  const edge = body.inputs(node)[drains.get(op) ?? 0];
  if (edge === undefined) return;
  const count = new DatasetLength(program, values).of({ body, edge, caller: undefined });
  // Of a dataset without a filter, the second element is an error at once.
  if (op === 'DatasetToSingleElement' && !count.isFiltered) return;
  const argument = { name: 'input_dataset', value: count.by } as const;
  if (collectors.has(op) || op === 'SkipDataset') {
    const input = values.input(body, node, 1);
    const wanted = Math.min(count.least, (input === undefined ? undefined : elementBounds(input).min) ?? 0);
    const given = { name: op === 'SkipDataset' ? 'count' : 'batch_size', value: String(wanted) };
    if (op === 'SkipDataset' && wanted > context.limits.maxIterations) {
      const says = `reads ${countText(wanted)} elements to skip them`;
      judge(program, context, { body, node, ruleId: 'hang/long-loop', severity: 'high', says, argument: given });
      // An element is a tensor, however small: 64 bytes with its buffer.
    } else if (op !== 'SkipDataset' && wanted * 64 > context.limits.memoryBudgetBytes) {
      const says = `collects ${countText(wanted)} elements in one batch`;
      judge(program, context, { body, node, ruleId: 'memory/large-list', severity: 'high', says, argument: given });
    }
    return;
  }
  if (seekers.has(op)) {
    if (count.least !== Number.POSITIVE_INFINITY) return;
    const says = `looks for an element in a dataset that never ends, and may never find one: ${count.by}`;
    judge(program, context, { body, node, ruleId: 'hang/endless-dataset', severity: 'medium', says, argument });
    return;
  }
  if (count.least === Number.POSITIVE_INFINITY) {
    judge(program, context, {
      body,
      node,
      ruleId: 'hang/endless-dataset',
      severity: 'high',
      says: `reads a dataset that never ends: ${count.by}`,
      argument,
    });
  } else if (count.least > context.limits.maxIterations) {
    const says = `reads a dataset of ${countText(count.least)} elements: ${count.by}`;
    judge(program, context, { body, node, ruleId: 'hang/long-loop', severity: 'high', says, argument });
  } else if (count.isRequest) {
    const says = `reads a dataset whose length a request chooses: ${count.by}`;
    judge(program, context, {
      body,
      node,
      ruleId: 'hang/request-bounded-loop',
      severity: 'medium',
      says,
      argument: { ...argument, origin: 'request' },
    });
  }
}
