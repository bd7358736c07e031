// What a loop does to one of its variables in each round: nothing, a step of a known size, a reset, or something that cannot be said.
import type { Program } from '../graph/index.ts';
import { elementBounds } from './lattice.ts';
import { type Loop, traceInLoop } from './loop.ts';
import { inputOf, type Place } from './trace.ts';
import type { Value, Values } from './value-types.ts';

export type Step =
  | { readonly kind: 'same' }
  /** Bounds of what is added. */
  | { readonly kind: 'add'; readonly min: number; readonly max: number }
  /** Multiplied by a number. */
  | { readonly kind: 'scale'; readonly factor: number }
  | { readonly kind: 'unknown' };

const same: Step = { kind: 'same' };
const unknown: Step = { kind: 'unknown' };
const maxDepth = 32;

/** The value of a place, as all callers of its body together see it. */
export function valueAt(values: Values, place: Place): Value {
  return values.of(place.body, place.edge);
}

function oneNumber(values: Values, place: Place | undefined): number | undefined {
  if (place === undefined) return undefined;
  const { min, max } = elementBounds(valueAt(values, place));
  return min !== undefined && min === max ? min : undefined;
}

function added(values: Values, place: Place, sign: 1 | -1): Step {
  const { min, max } = elementBounds(valueAt(values, place));
  if (min === undefined || max === undefined) {
    // A positive amount that is not known further is progress nevertheless.
    if (sign === 1 && min !== undefined && min > 0) return { kind: 'add', min, max: Number.POSITIVE_INFINITY };
    return unknown;
  }
  return sign === 1 ? { kind: 'add', min, max } : { kind: 'add', min: -max, max: -min };
}

function combine(first: Step, second: Step): Step {
  if (first.kind === 'same') return second;
  if (second.kind === 'same') return first;
  if (first.kind === 'add' && second.kind === 'add')
    return { kind: 'add', min: first.min + second.min, max: first.max + second.max };
  return unknown;
}

/** Of either of two ways: `same` is a step of nothing. */
function either(first: Step, second: Step): Step {
  if (first.kind === 'same' && second.kind === 'same') return same;
  const zero = { kind: 'add', min: 0, max: 0 } as const;
  const [a, b] = [first.kind === 'same' ? zero : first, second.kind === 'same' ? zero : second];
  if (a.kind === 'add' && b.kind === 'add') return { kind: 'add', min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
  return unknown;
}

/** What becomes of a variable in one round. */
export function stepOf(program: Program, values: Values, loop: Loop, variable: number): Step {
  const next = loop.variables.get(variable)?.next;
  return next === undefined ? same : stepTo(program, values, loop, variable, next, 0);
}

function stepTo(program: Program, values: Values, loop: Loop, variable: number, from: Place, depth: number): Step {
  if (depth > maxDepth) return unknown;
  const place = traceInLoop(program, loop, from);
  const reached = loop.variableOf(place);
  if (reached !== undefined) return reached === variable ? same : unknown;
  const op = place.edge.node < place.body.argCount ? '_Arg' : place.body.op(place.edge.node);
  const [first, second] = [inputOf(place, 0), inputOf(place, 1)];
  const follow = (next: Place) => stepTo(program, values, loop, variable, next, depth + 1);
  const isVariable = (next: Place | undefined) => next !== undefined && dependsOn(program, loop, next, variable);
  if (first !== undefined && second !== undefined && (op === 'Add' || op === 'AddV2')) {
    if (isVariable(first) && !isVariable(second)) return combine(follow(first), added(values, second, 1));
    if (isVariable(second) && !isVariable(first)) return combine(follow(second), added(values, first, 1));
    return unknown;
  }
  if (first !== undefined && second !== undefined && op === 'Sub') {
    return isVariable(first) && !isVariable(second) ? combine(follow(first), added(values, second, -1)) : unknown;
  }
  if (first !== undefined && second !== undefined && ['Mul', 'FloorDiv', 'RealDiv', 'Div', 'TruncateDiv'].includes(op)) {
    const amount = oneNumber(values, second) ?? (op === 'Mul' ? oneNumber(values, first) : undefined);
    const base = oneNumber(values, second) !== undefined ? first : second;
    if (amount === undefined || follow(base).kind !== 'same') return unknown;
    return { kind: 'scale', factor: op === 'Mul' ? amount : 1 / amount };
  }
  if (op === 'Select' || op === 'SelectV2') {
    const third = inputOf(place, 2);
    return second === undefined || third === undefined ? unknown : either(follow(second), follow(third));
  }
  if (op === 'Merge' && first !== undefined && second !== undefined) return either(follow(first), follow(second));
  if (op === 'If' || op === 'StatelessIf') {
    const branches = program.callsFrom(place.body, place.edge.node).flatMap(({ callee }) => {
      const edge = callee.returns[place.edge.output ?? 0]?.edge;
      return edge === undefined ? [] : [follow({ body: callee, edge, caller: { place, shift: 1 } })];
    });
    return branches.length === 0 ? unknown : branches.reduce(either);
  }
  return unknown;
}

const maxVisited = 2000;

/** True when the variable, or for undefined any that the loop changes, has a part in this tensor. Too much to look at counts as yes. */
export function dependsOn(
  program: Program,
  loop: Loop,
  from: Place,
  variable: number | undefined,
  isChanging?: (index: number) => boolean,
): boolean {
  const stack = [from];
  const seen = new Map<object, Set<number>>();
  let visited = 0;
  while (stack.length > 0) {
    const start = stack.pop();
    if (start === undefined) break;
    if (++visited > maxVisited || stack.length > maxVisited * 8) return true;
    const place = traceInLoop(program, loop, start);
    const reached = loop.variableOf(place);
    if (reached !== undefined) {
      if (variable === undefined ? (isChanging?.(reached) ?? true) : reached === variable) return true;
      continue;
    }
    const nodes = seen.get(place.body) ?? new Set<number>();
    seen.set(place.body, nodes);
    if (nodes.has(place.edge.node)) continue;
    nodes.add(place.edge.node);
    if (place.edge.node < place.body.argCount) continue;
    for (const edge of place.body.inputs(place.edge.node)) stack.push({ body: place.body, edge, caller: place.caller });
  }
  return false;
}
