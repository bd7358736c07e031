// Relations that compare two inputs element by element: `ordered` and `implies`. Both inputs must have the same shape; if they do not,
// the relation is broken, because it cannot be said to hold. NaN is ordered with nothing and meets no condition.
import { AirlockError, printable } from '../../core/index.ts';
import { dtypes, formatShape, type NumericTensor, type Tensor } from '../../tensor/index.ts';
import type { RelationCheck, RelationContext } from '../check-types.ts';
import type { Condition, ContractNumber, Relation } from '../contract-types.ts';
import type { BoundRule } from '../findings.ts';
import { type NumberView, numberView, visitPairs } from './element-access.ts';
import { nearestOf } from './numeric-types.ts';
import type { RelationParts } from './relations-types.ts';
import { NumberSet } from './set-rules-numbers.ts';
import { elementPreview } from './set-rules-strings.ts';
import { ByteSet } from './set-rules-table.ts';

/** @throws CONTRACT_INVALID when one of the inputs has no order */
export function compileOrdered(
  { lower, upper, strict }: Extract<Relation, { rule: 'ordered' }>,
  { rule, maxReports, inputs }: RelationParts,
): RelationCheck {
  for (const alias of [lower, upper]) {
    const kind = dtypes[inputs.get(alias)?.dtype ?? 'DT_STRING'].kind;
    if (kind !== 'float' && kind !== 'int') throw notComparable(rule, alias);
  }
  const expected = `${strict ? 'more than' : 'at least'} ${printable(lower)} at the same place`;
  return (tensors, context) => {
    const pair = pairOf(tensors, lower, upper, rule, context);
    if (pair === undefined || pair[0].dtype === 'DT_STRING' || pair[1].dtype === 'DT_STRING') return;
    const low = numberView(pair[0]);
    const high = numberView(pair[1]);
    let reports = 0;
    visitPairs(low, high, (lows, highs, count, base) => {
      for (let i = 0; i < count; i++) {
        if (isBelow(lows[i], highs[i], strict, () => [low.exact(base + i), high.exact(base + i)])) continue;
        const got = (): string => `${high.exact(base + i)} beside ${low.exact(base + i)}`;
        context.findings.report(rule, () => context.pathOf(upper)(base + i), expected, got);
        reports++;
        if (reports === maxReports) return false;
      }
      return true;
    });
  };
}

function isBelow(low: number, high: number, strict: boolean, exact: () => readonly [ContractNumber, ContractNumber]): boolean {
  // Two 64-bit integers that differ may round to one double; comparing a bigint with a number is exact in JavaScript.
  if (low === high && Math.abs(low) >= 2 ** 53) {
    const [exactLow, exactHigh] = exact();
    return strict ? exactLow < exactHigh : exactLow <= exactHigh;
  }
  return strict ? low < high : low <= high;
}

/** @throws CONTRACT_INVALID when a condition is none for the type of its input */
export function compileImplies(
  { when, then }: Extract<Relation, { rule: 'implies' }>,
  { rule, maxReports, inputs }: RelationParts,
): RelationCheck {
  const isGiven = compileCondition(when, rule, inputs.get(when.tensor)?.dtype);
  const mustHold = compileCondition(then, rule, inputs.get(then.tensor)?.dtype);
  const expected = `${conditionText(then)} where ${printable(when.tensor)} is ${conditionText(when)}`;
  return (tensors, context) => {
    const pair = pairOf(tensors, when.tensor, then.tensor, rule, context);
    if (pair === undefined) return;
    const [whenTensor, thenTensor] = pair;
    const given = isGiven(whenTensor);
    const holds = mustHold(thenTensor);
    const count = whenTensor.shape.reduce((product, size) => product * size, 1);
    let reports = 0;
    for (let index = 0; index < count && reports < maxReports; index++) {
      if (!given(index) || holds(index)) continue;
      context.findings.report(
        rule,
        () => context.pathOf(then.tensor)(index),
        expected,
        () => elementPreview(thenTensor, index),
      );
      reports++;
    }
  };
}

/** Undefined, and reported, when the two shapes differ. */
function pairOf(
  tensors: ReadonlyMap<string, Tensor>,
  left: string,
  right: string,
  rule: BoundRule,
  { findings, pathOf }: RelationContext,
): readonly [Tensor, Tensor] | undefined {
  const first = tensors.get(left);
  const second = tensors.get(right);
  if (first === undefined || second === undefined) return undefined;
  const wanted = formatShape(first.shape);
  const got = formatShape(second.shape);
  if (wanted === got) return [first, second];
  findings.report(
    rule,
    () => pathOf(right)(),
    `the shape of ${printable(left)}, ${wanted}`,
    () => got,
  );
  return undefined;
}

type ElementTest = (index: number) => boolean;

function compileCondition(
  condition: Condition,
  rule: BoundRule,
  dtype: Tensor['dtype'] | undefined,
): (tensor: Tensor) => ElementTest {
  const { min, max, allowed, tensor: alias } = condition;
  if (dtype === undefined || dtypes[dtype].kind === 'complex') throw notComparable(rule, alias);
  if (dtype === 'DT_STRING') {
    if (min !== undefined || max !== undefined || allowed === undefined) throw notComparable(rule, alias);
    const set = new ByteSet(allowed.filter((value) => typeof value === 'string'));
    return (tensor) => (index) =>
      tensor.dtype === 'DT_STRING' && set.has(tensor.bytes, tensor.offsets[index], tensor.offsets[index + 1]);
  }
  const set = allowed === undefined ? undefined : new NumberSet(dtype, allowed);
  const low = min === undefined ? undefined : nearestOf(dtype, min);
  const high = max === undefined ? undefined : nearestOf(dtype, max);
  const holds = (value: ContractNumber): boolean =>
    (low === undefined || value >= low) && (high === undefined || value <= high) && (set === undefined || set.has(value));
  return (tensor) => {
    if (tensor.dtype === 'DT_STRING') return () => false;
    const view: NumberView = numberView(tensor satisfies NumericTensor);
    return (index) => holds(view.exact(index));
  };
}

function conditionText({ min, max, allowed }: Condition): string {
  const parts = [
    ...(min === undefined ? [] : [`at least ${min}`]),
    ...(max === undefined ? [] : [`at most ${max}`]),
    ...(allowed === undefined ? [] : [`one of ${printable(allowed.slice(0, 5).join(', '))}${allowed.length > 5 ? ' …' : ''}`]),
  ];
  return parts.join(' and ');
}

function notComparable({ id }: BoundRule, alias: string): AirlockError {
  return new AirlockError('CONTRACT_INVALID', {
    message: `${printable(id, 200)}: ${printable(alias)} has a type that this relation cannot compare`,
  });
}
