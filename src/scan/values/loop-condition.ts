// How long a loop runs, from its condition and from what its body does to the variables in it.
import type { Program } from '../graph/index.ts';
import type { ScanContext } from '../scan-context.ts';
import { narrowRange, typeOf } from './data-types.ts';
import { elementBounds } from './lattice.ts';
import { type Loop, traceInLoop } from './loop.ts';
import { dependsOn, type Step, stepOf, valueAt } from './loop-steps.ts';
import { inputOf, type Place } from './trace.ts';
import type { Value, Values } from './value-types.ts';

export type Bound =
  /** Ends. */
  | { readonly kind: 'bounded'; readonly iterations: number | undefined }
  | { readonly kind: 'unknown'; readonly why: string }
  | { readonly kind: 'request'; readonly limit: string }
  | { readonly kind: 'long'; readonly iterations: number }
  | { readonly kind: 'endless'; readonly why: string };

const ranks: readonly Bound['kind'][] = ['bounded', 'unknown', 'request', 'long', 'endless'];
const rank = (bound: Bound) => ranks.indexOf(bound.kind);
const bounded: Bound = { kind: 'bounded', iterations: undefined };
const unknown = (why: string): Bound => ({ kind: 'unknown', why });

/** Both must hold to go on: the stricter decides, but what may always hold decides nothing against a counter. */
function both(a: Bound, b: Bound): Bound {
  const [first, second] = rank(a) <= rank(b) ? [a, b] : [b, a];
  if (first.kind === 'bounded' && second.kind === 'bounded') {
    const known = [first.iterations, second.iterations].filter((count) => count !== undefined);
    return known.length === 0 ? bounded : { kind: 'bounded', iterations: Math.min(...known) };
  }
  if (first.kind === 'unknown' && (second.kind === 'request' || second.kind === 'long')) return second;
  return first;
}

type Comparison = 'Less' | 'LessEqual' | 'Greater' | 'GreaterEqual' | 'NotEqual' | 'Equal';
const negated: Readonly<Record<Comparison, Comparison>> = {
  Less: 'GreaterEqual',
  LessEqual: 'Greater',
  Greater: 'LessEqual',
  GreaterEqual: 'Less',
  NotEqual: 'Equal',
  Equal: 'NotEqual',
};
const mirrored: Readonly<Record<Comparison, Comparison>> = {
  Less: 'Greater',
  LessEqual: 'GreaterEqual',
  Greater: 'Less',
  GreaterEqual: 'LessEqual',
  NotEqual: 'NotEqual',
  Equal: 'Equal',
};
const isComparison = (op: string): op is Comparison => op in negated && Object.hasOwn(negated, op);

const compares: Readonly<Record<Comparison, (a: number, b: number) => boolean>> = {
  Less: (a, b) => a < b,
  LessEqual: (a, b) => a <= b,
  Greater: (a, b) => a > b,
  GreaterEqual: (a, b) => a >= b,
  NotEqual: (a, b) => a !== b,
  Equal: (a, b) => a === b,
};

// Of these the next answer may be another: the loop waits for something outside of it.
const changing =
  /^(ReadVariableOp|Variable|Random|Stateful|Iterator|Queue|Lookup|Stack|Barrier|Reader|Timestamp|TensorArray|Optional|Unstage|Multinomial)/;
const maxDepth = 64;
// A condition of more operations than this is taken for one that waits.
const maxVisited = 2000;

function single(value: Value): number | undefined {
  const { min, max } = elementBounds(value);
  return min !== undefined && min === max ? min : undefined;
}

export class LoopCondition {
  readonly #program: Program;
  readonly #values: Values;
  readonly #context: ScanContext;
  readonly #loop: Loop;

  constructor(program: Program, values: Values, context: ScanContext, loop: Loop) {
    this.#program = program;
    this.#values = values;
    this.#context = context;
    this.#loop = loop;
  }

  bound(): Bound {
    return this.#judge(this.#loop.condition, false, 0);
  }

  /** @param isPart One of several that may each keep the loop going: that it is false at first ends nothing then. */
  #judge(from: Place, isNegated: boolean, depth: number, isPart = false): Bound {
    if (depth > maxDepth) return unknown('its condition is too deep');
    const place = traceInLoop(this.#program, this.#loop, from);
    const constant = this.#alwaysKnown(place);
    if (constant !== undefined)
      return (constant !== 0) !== isNegated
        ? { kind: 'endless', why: 'its condition is always true' }
        : { kind: 'bounded', iterations: 0 };
    const variable = this.#loop.variableOf(place);
    if (variable !== undefined) return this.#judgeFlag(variable, isNegated, isPart);
    if (place.edge.node < place.body.argCount) return unknown('its condition comes from elsewhere');
    const op = place.body.op(place.edge.node);
    const [first, second] = [inputOf(place, 0), inputOf(place, 1)];
    if (op === 'LogicalNot' && first !== undefined) return this.#judge(first, !isNegated, depth + 1, isPart);
    if ((op === 'LogicalAnd' || op === 'LogicalOr') && first !== undefined && second !== undefined) {
      // Not (a or b) is neither a nor b.
      const isBoth = (op === 'LogicalAnd') !== isNegated;
      const parts = [first, second].map((part) => this.#judge(part, isNegated, depth + 1, isPart || !isBoth));
      if (isBoth) return both(parts[0], parts[1]);
      return rank(parts[0]) >= rank(parts[1]) ? parts[0] : parts[1];
    }
    if ((op === 'All' || op === 'Any') && first !== undefined && this.#isScalar(first))
      return this.#judge(first, isNegated, depth + 1);
    if (isComparison(op) && first !== undefined && second !== undefined) {
      return this.#judgeComparison(isNegated ? negated[op] : op, first, second, isPart);
    }
    return this.#judgeOther(place);
  }

  #isScalar(place: Place): boolean {
    return valueAt(this.#values, place).shape?.length === 0;
  }

  /** A condition whose content is one and the same in every round. */
  #alwaysKnown(place: Place): number | undefined {
    return single(valueAt(this.#values, place));
  }

  #changes(variable: number): boolean {
    return stepOf(this.#program, this.#values, this.#loop, variable).kind !== 'same';
  }

  /** Something that none of its changing variables has a part in, and nothing outside of the loop changes. */
  #isInvariant(place: Place): boolean {
    return !dependsOn(this.#program, this.#loop, place, undefined, (variable) => this.#changes(variable)) && !this.#waits(place);
  }

  /** True when something that lies outside of the loop's variables may change its answer. */
  #waits(from: Place): boolean {
    const stack = [from];
    const seen = new Set<string>();
    while (stack.length > 0) {
      if (seen.size > maxVisited || stack.length > maxVisited * 8) return true;
      const start = stack.pop();
      if (start === undefined) break;
      const place = traceInLoop(this.#program, this.#loop, start);
      if (place.edge.node < place.body.argCount || this.#loop.variableOf(place) !== undefined) continue;
      const key = `${place.body.function ?? ''}:${place.edge.node}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const op = place.body.op(place.edge.node);
      if (changing.test(op) || this.#context.ops.get(op) === undefined) return true;
      for (const edge of place.body.inputs(place.edge.node)) stack.push({ body: place.body, edge, caller: place.caller });
    }
    return false;
  }

  /** `while running`: what the body makes of the flag. */
  #judgeFlag(variable: number, isNegated: boolean, isPart: boolean): Bound {
    const { initial, next } = this.#loop.variables.get(variable) ?? {};
    const start = initial === undefined ? undefined : single(this.#values.of(initial.body, initial.edge));
    if (!isPart && start !== undefined && (start !== 0) === isNegated) return { kind: 'bounded', iterations: 0 };
    if (!this.#changes(variable)) return { kind: 'endless', why: 'its body never changes the flag that it waits for' };
    const after = next === undefined ? undefined : single(valueAt(this.#values, next));
    if (after !== undefined && (after !== 0) !== isNegated) return { kind: 'endless', why: 'its body never ends it' };
    if (after !== undefined) return { kind: 'bounded', iterations: 1 };
    return unknown('its condition depends on data');
  }

  #judgeOther(place: Place): Bound {
    if (this.#isInvariant(place)) return { kind: 'endless', why: 'its body changes nothing that its condition depends on' };
    return unknown('its condition depends on data');
  }

  #judgeComparison(op: Comparison, left: Place, right: Place, isPart: boolean): Bound {
    const [a, b] = [traceInLoop(this.#program, this.#loop, left), traceInLoop(this.#program, this.#loop, right)];
    const [x, y] = [this.#loop.variableOf(a), this.#loop.variableOf(b)];
    const xChanges = x !== undefined && this.#changes(x);
    const yChanges = y !== undefined && this.#changes(y);
    if (xChanges && !yChanges) return this.#judgeCounter(op, x, right, false, isPart);
    if (yChanges && !xChanges) return this.#judgeCounter(mirrored[op], y, left, false, isPart);
    if (xChanges && yChanges) return this.#judgeRace(op, x, y);
    return this.#judgeOffset(op, a, b, right, left);
  }

  /** `i + 1 < n`, `n - i > 0`: a counter with something added. */
  #judgeOffset(op: Comparison, a: Place, b: Place, right: Place, left: Place): Bound {
    for (const [side, other, how] of [
      [a, right, op],
      [b, left, mirrored[op]],
    ] as const) {
      if (side.edge.node < side.body.argCount || this.#isInvariant(side) || !this.#isInvariant(other)) continue;
      const name = side.body.op(side.edge.node);
      if (name !== 'AddV2' && name !== 'Add' && name !== 'Sub' && name !== 'Mul') continue;
      for (const index of [0, 1]) {
        const part = inputOf(side, index);
        const variable = part === undefined ? undefined : this.#loop.variableOf(traceInLoop(this.#program, this.#loop, part));
        if (variable === undefined || !this.#changes(variable)) continue;
        const isTurned = name === 'Sub' && index === 1;
        const found = this.#judgeCounter(isTurned ? mirrored[how] : how, variable, other, true);
        if (found.kind !== 'unknown') return found;
      }
    }
    const whole = this.#isInvariant(a) && this.#isInvariant(b);
    if (whole) return { kind: 'endless', why: 'its body changes nothing that its condition depends on' };
    return unknown('its condition depends on data');
  }

  /** Two variables that both change: they must come closer. */
  #judgeRace(op: Comparison, x: number, y: number): Bound {
    const [first, second] = [x, y].map((variable) => stepOf(this.#program, this.#values, this.#loop, variable));
    if (first.kind !== 'add' || second.kind !== 'add') return unknown('its condition depends on data');
    if (op === 'NotEqual' || op === 'Equal') return unknown('its condition depends on data');
    const isUp = op === 'Less' || op === 'LessEqual';
    const closer = isUp ? first.min - second.max : second.min - first.max;
    const closest = isUp ? first.max - second.min : second.max - first.min;
    if (closer > 0) return bounded;
    return closest <= 0
      ? { kind: 'endless', why: 'what it counts never reaches its limit, which moves as well' }
      : unknown('its limit moves');
  }

  /** @param isOffset Something is added to the counter, so that numbers of rounds are not exact. */
  #judgeCounter(op: Comparison, variable: number, limitPlace: Place, isOffset = false, isPart = false): Bound {
    const step = stepOf(this.#program, this.#values, this.#loop, variable);
    const limit = valueAt(this.#values, limitPlace);
    const { initial, next } = this.#loop.variables.get(variable) ?? {};
    const startValue = initial === undefined ? undefined : this.#values.of(initial.body, initial.edge);
    const start = startValue === undefined ? undefined : elementBounds(startValue);
    const end = elementBounds(limit);
    if (
      !isOffset &&
      !isPart &&
      start?.min !== undefined &&
      start.min === start.max &&
      end.min !== undefined &&
      end.min === end.max
    ) {
      if (!compares[op](start.min, end.min)) return { kind: 'bounded', iterations: 0 };
    }
    if (!isOffset && next !== undefined && this.#holdsAfter(op, valueAt(this.#values, next), limit)) {
      return { kind: 'endless', why: 'what its body gives always satisfies its condition' };
    }
    if (op === 'Equal')
      return step.kind === 'add' && (step.min > 0 || step.max < 0) ? bounded : unknown('its condition depends on data');
    if (!this.#isInvariant(limitPlace)) return unknown('its limit changes in the loop');
    if (step.kind === 'unknown') return unknown('what its body does to the counter is not known');
    const isUp = op === 'Less' || op === 'LessEqual';
    const direction = this.#direction(op, step, start?.min);
    if (direction === 'away') {
      return {
        kind: 'endless',
        why: isUp || op === 'NotEqual' ? 'its counter never reaches its limit' : 'its counter never falls to its limit',
      };
    }
    if (direction === 'unknown') return unknown('its counter may stand still');
    return this.#countRounds(op, step, startValue, this.#isCapped(op, limitPlace) ? { ...limit, origins: new Set() } : limit);
  }

  /** True when the value after a round satisfies the condition whatever happens. */
  #holdsAfter(op: Comparison, after: Value, limit: Value): boolean {
    const [x, y] = [elementBounds(after), elementBounds(limit)];
    // Within the bounds of its type everything is: that says nothing about a loop.
    const range = narrowRange(after.dtype);
    if (range !== undefined && x.min === range[0] && x.max === range[1]) return false;
    switch (op) {
      case 'Less':
        return x.max !== undefined && y.min !== undefined && x.max < y.min;
      case 'LessEqual':
        return x.max !== undefined && y.min !== undefined && x.max <= y.min;
      case 'Greater':
        return x.min !== undefined && y.max !== undefined && x.min > y.max;
      case 'GreaterEqual':
        return x.min !== undefined && y.max !== undefined && x.min >= y.max;
      case 'NotEqual':
        return (
          (x.max !== undefined && y.min !== undefined && x.max < y.min) ||
          (x.min !== undefined && y.max !== undefined && x.min > y.max)
        );
      default:
        return false;
    }
  }

  #direction(op: Comparison, step: Step, start: number | undefined): 'toward' | 'away' | 'unknown' {
    if (step.kind === 'scale') {
      const { factor } = step;
      if (factor === 1 || start === 0) return 'away';
      if (op === 'Less' || op === 'LessEqual') return factor > 1 && (start ?? 0) > 0 ? 'toward' : factor > 1 ? 'unknown' : 'away';
      return factor > 0 && factor < 1
        ? op === 'GreaterEqual'
          ? 'unknown'
          : 'toward'
        : factor > 1 && (start ?? 0) > 0
          ? 'away'
          : 'unknown';
    }
    if (step.kind !== 'add') return 'unknown';
    if (step.min === 0 && step.max === 0) return 'away';
    if (op === 'NotEqual') return step.min > 0 || step.max < 0 ? 'toward' : 'unknown';
    const isUp = op === 'Less' || op === 'LessEqual';
    if (isUp ? step.min > 0 : step.max < 0) return 'toward';
    return (isUp ? step.max <= 0 : step.min >= 0) ? 'away' : 'unknown';
  }

  /** `minimum(length of the input, what the request says)`, as dynamic_rnn of TensorFlow 1 counts: no more rounds than there is data. */
  #isCapped(op: Comparison, limit: Place): boolean {
    if (op !== 'Less' && op !== 'LessEqual') return false;
    const place = traceInLoop(this.#program, this.#loop, limit);
    const variable = this.#loop.variableOf(place);
    const { body, edge } = (variable === undefined ? undefined : this.#loop.variables.get(variable)?.initial) ?? place;
    if (edge.node < body.argCount || body.op(edge.node) !== 'Minimum') return false;
    return body.inputs(edge.node).some((input) => !this.#values.of(body, input).origins.has('request'));
  }

  #countRounds(op: Comparison, step: Step, startValue: Value | undefined, limit: Value): Bound {
    // What is scaled grows or shrinks by a factor in each round: that is over soon.
    if (step.kind !== 'add') return bounded;
    const { maxIterations } = this.#context.limits;
    const end = elementBounds(limit);
    const start = startValue === undefined ? undefined : elementBounds(startValue);
    const isUp = step.min > 0;
    const width = isUp ? step.max : -step.min;
    const [from, to] = isUp ? [start?.max, end.min] : [start?.min, end.max];
    if (from !== undefined && to !== undefined) {
      const isExact = step.min === step.max && start?.min === start?.max && end.min === end.max;
      if (op === 'NotEqual' && isExact && (to - from) % step.min !== 0)
        return { kind: 'endless', why: 'its counter steps over its limit' };
      const rounds = Math.max(0, Math.ceil((isUp ? to - from : from - to) / width));
      if (rounds > maxIterations) return { kind: 'long', iterations: rounds };
      // A float32 of more than 2^24 does not change when 1 is added.
      if (limit.dtype === typeOf.float && Math.abs(to) / width > 2 ** 24) {
        return { kind: 'endless', why: 'its counter stops growing before its limit' };
      }
      if (isExact) return { kind: 'bounded', iterations: rounds };
    }
    // Counting up, a request chooses the limit; counting down, the beginning.
    for (const value of isUp ? [limit] : [startValue]) {
      if (value === undefined || !value.origins.has('request')) continue;
      const largest = elementBounds(value).max ?? narrowRange(value.dtype)?.[1];
      if (largest === undefined || largest / width > maxIterations)
        return { kind: 'request', limit: isUp ? 'the limit' : 'where it begins' };
    }
    return bounded;
  }
}
