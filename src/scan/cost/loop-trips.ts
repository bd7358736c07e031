// How often a loop of functions runs, as a formula: from a counter that its condition compares with a limit, and that its body moves by a constant.
import type { Body, Edge } from '../graph/index.ts';
import {
  addDims,
  contentOf,
  type Dim,
  divideDims,
  elementBounds,
  formulaOf,
  numbersOf,
  smallerDim,
  subtractDims,
  unknownDim,
  type Value,
  valueOfConst,
  viewOf,
} from '../values/index.ts';
import type { Flow } from './flow-types.ts';

const passing: ReadonlySet<string> = new Set([
  'Identity',
  'Cast',
  'Reshape',
  'Squeeze',
  'StopGradient',
  'EnsureShape',
  'ExpandDims',
]);
const maxSteps = 64;

/** The tensor that this one is, without operations that keep its content. */
export function originOf(body: Body, from: Edge): Edge {
  let edge = from;
  for (let step = 0; step < maxSteps; step++) {
    const next = edge.node < body.argCount || !passing.has(body.op(edge.node)) ? undefined : body.inputs(edge.node)[0];
    if (next === undefined) break;
    edge = next;
  }
  return edge;
}

/** True for a variable that the body hands on as it is. */
export function isInvariant(work: Body, index: number): boolean {
  const result = work.returns[index]?.edge;
  return result !== undefined && originOf(work, result).node === index && index < work.argCount;
}

function constantOf(body: Body, edge: Edge): Value | undefined {
  if (edge.node < body.argCount || body.op(edge.node) !== 'Const') return undefined;
  return valueOfConst(viewOf(body, edge.node, 'Const', [], unknownDim), false);
}

function oneNumber(value: Value | undefined): number | undefined {
  const numbers = numbersOf(contentOf(value));
  return numbers?.length === 1 ? numbers[0] : undefined;
}

interface LoopParts {
  readonly condition: Body;
  readonly work: Body;
  readonly initial: readonly Flow[];
}

/** What the body adds to a variable in each round. */
function stepOf({ work, initial }: LoopParts, index: number): number | undefined {
  const result = work.returns[index]?.edge;
  if (result === undefined) return undefined;
  const made = originOf(work, result);
  if (made.node < work.argCount) return undefined;
  const op = work.op(made.node);
  if (op !== 'AddV2' && op !== 'Add' && op !== 'Sub') return undefined;
  const [a, b] = work.inputs(made.node).map((edge) => originOf(work, edge));
  if (a === undefined || b === undefined) return undefined;
  const numberOf = (edge: Edge): number | undefined => {
    if (edge.node >= work.argCount) return oneNumber(constantOf(work, edge));
    return isInvariant(work, edge.node) ? oneNumber(initial[edge.node]?.value) : undefined;
  };
  if (op === 'Sub') return a.node === index ? negative(numberOf(b)) : undefined;
  return a.node === index ? numberOf(b) : b.node === index ? numberOf(a) : undefined;
}

const negative = (value: number | undefined): number | undefined => (value === undefined ? undefined : -value);

const turned: Readonly<Record<string, string>> = {
  Less: 'Greater',
  LessEqual: 'GreaterEqual',
  Greater: 'Less',
  GreaterEqual: 'LessEqual',
};

function scalarDim(value: Value | undefined): Dim | undefined {
  const [atom] = contentOf(value)?.atoms ?? [];
  if (atom !== undefined && !Buffer.isBuffer(atom)) return atom;
  if (value === undefined) return undefined;
  const { min, max } = elementBounds(value);
  return { isRequest: false, min: min ?? Number.NEGATIVE_INFINITY, max };
}

/** Undefined when nothing bounds it. */
export function loopTrips(parts: LoopParts): Dim | undefined {
  const result = parts.condition.returns[0]?.edge;
  return result === undefined ? undefined : tripsWhile(parts, result, 0);
}

function tripsWhile(parts: LoopParts, from: Edge, depth: number): Dim | undefined {
  const { condition } = parts;
  const edge = originOf(condition, from);
  if (edge.node < condition.argCount || depth > maxSteps) return undefined;
  const op = condition.op(edge.node);
  const [a, b] = condition.inputs(edge.node);
  if (a === undefined || b === undefined) return undefined;
  if (op === 'LogicalAnd') {
    const [first, second] = [tripsWhile(parts, a, depth + 1), tripsWhile(parts, b, depth + 1)];
    if (first === undefined || second === undefined) return first ?? second;
    return smallerDim(first, second);
  }
  if (turned[op] === undefined || !Object.hasOwn(turned, op)) return undefined;
  return tripsOf(parts, op, a, b) ?? tripsOf(parts, turned[op], b, a);
}

function tripsOf(parts: LoopParts, op: string, counterEdge: Edge, limitEdge: Edge): Dim | undefined {
  const { condition, work, initial } = parts;
  const [counter, limit] = [originOf(condition, counterEdge).node, originOf(condition, limitEdge)];
  if (counter >= condition.argCount) return undefined;
  const step = stepOf(parts, counter);
  const end =
    limit.node < condition.argCount
      ? isInvariant(work, limit.node)
        ? scalarDim(initial[limit.node]?.value)
        : undefined
      : scalarDim(constantOf(condition, limit));
  const start = scalarDim(initial[counter]?.value);
  if (step === undefined || step === 0 || end === undefined || start === undefined) return undefined;
  const isUp = op === 'Less' || op === 'LessEqual';
  // Where it does not move towards its limit, nothing says when it ends.
  if (isUp !== step > 0) return undefined;
  const distance = isUp ? subtractDims(end, start) : subtractDims(start, end);
  const last = op.endsWith('Equal') ? addDims(distance, 1) : distance;
  const width = Math.abs(step);
  const trips = divideDims(addDims(last, width - 1), width);
  if (typeof trips === 'number') return Math.max(0, trips);
  return formulaOf(trips) === undefined ? undefined : { ...trips, min: Math.max(0, trips.min) };
}
