// Looks at every number of a tensor once: a loop that only compares, and an exact decision for the numbers that the comparison does not
// pass. Comparisons are written so that NaN fails them. It must never write into the tensor that it got.

import type { NumericTensor, Tensor } from '../../tensor/index.ts';
import type { CheckContext, TensorCheck } from '../check-types.ts';
import type { EngineContext } from '../compile-context.ts';
import type { ContractNumber } from '../contract-types.ts';
import type { BoundRule } from '../findings.ts';
import { blockNumbers, type NumberView, numberView } from './element-access.ts';
import { endsOf, type NumberPlan, type NumberRule, numberPlan } from './numeric-plan.ts';
import { NumberCopy } from './numeric-types.ts';

/** NaN, infinities, subnormals, negative zero, and the bounds. @throws CONTRACT_INVALID */
export function compileNumbers(context: EngineContext): TensorCheck | undefined {
  const plan = numberPlan(context);
  if (plan === undefined) return undefined;
  return (tensor, check) => (tensor.dtype === 'DT_STRING' ? tensor : scan(tensor, plan, context.maxReports, check));
}

const block = new Float64Array(blockNumbers);

function scan(tensor: NumericTensor, plan: NumberPlan, maxReports: number, check: CheckContext): Tensor {
  const view = numberView(tensor);
  const { tiny } = plan;
  let { low, high } = plan;
  // Made for the first number that needs it: most requests have none.
  let inspector: Inspector | undefined;
  for (let base = 0; base < view.length; base += blockNumbers) {
    const count = Math.min(blockNumbers, view.length - base);
    view.read(base, base + count, block);
    let at = -1;
    while (true) {
      at = tiny === 0 ? firstOutside(block, at + 1, count, low, high) : firstOdd(block, at + 1, count, low, high, tiny);
      if (at >= count) break;
      inspector ??= new Inspector(tensor, view, plan, maxReports, check);
      if (!inspector.inspect(base + at)) return inspector.result;
      ({ low, high } = inspector);
    }
  }
  return inspector?.result ?? tensor;
}

/** The first place from `from` on whose number is not within the ends; `to` when there is none. */
export function firstOutside(values: Float64Array, from: number, to: number, low: number, high: number): number {
  for (let i = from; i < to; i++) {
    const value = values[i];
    if (!(value >= low && value <= high)) return i;
  }
  return to;
}

/** Stops also at numbers smaller than `tiny`, but for the zero without a sign. */
function firstOdd(values: Float64Array, from: number, to: number, low: number, high: number, tiny: number): number {
  for (let i = from; i < to; i++) {
    const value = values[i];
    if (!(value >= low && value <= high)) return i;
    const size = Math.abs(value);
    if (size < tiny && (size !== 0 || 1 / value < 0)) return i;
  }
  return to;
}

/** Decides single numbers, and remembers which rules need no further look. */
class Inspector {
  low: number;
  high: number;
  readonly #tensor: NumericTensor;
  readonly #view: NumberView;
  readonly #check: CheckContext;
  readonly #maxReports: number;
  readonly #isComplex: boolean;
  #rules: readonly NumberRule[];
  #soft: readonly NumberRule[];
  #reports: Map<NumberRule, number> | undefined;
  #copy: NumberCopy | undefined;

  constructor(tensor: NumericTensor, view: NumberView, plan: NumberPlan, maxReports: number, check: CheckContext) {
    this.#tensor = tensor;
    this.#view = view;
    this.#check = check;
    this.#maxReports = maxReports;
    this.#isComplex = plan.isComplex;
    this.#rules = plan.rules;
    this.#soft = plan.soft;
    this.low = plan.low;
    this.high = plan.high;
  }

  get result(): Tensor {
    return this.#copy?.tensor ?? this.#tensor;
  }

  /** False when nothing more has to be looked at: the tensor is refused, with as many reasons as are told. */
  inspect(index: number): boolean {
    const came = this.#view.exact(index);
    let value = came;
    for (const rule of this.#rules) {
      if (!rule.breaks(value)) continue;
      // No bound is nearest to NaN: where clip meets one, it refuses.
      const bound = Number.isNaN(value) && rule.rule.action.kind === 'clip' ? rule.refusing : rule.rule;
      const { findings } = this.#check;
      const reports = this.#report(rule, index, value, bound);
      if (findings.outcomeOf(bound) === 'reject') return reports < this.#maxReports;
      if (!findings.enforces(bound)) continue;
      value = rule.fixed(value);
      this.#copy ??= new NumberCopy(this.#tensor);
      this.#copy.set(index, value);
    }
    for (const rule of this.#soft) if (rule.breaks(came)) this.#report(rule, index, came);
    return this.#rules.length + this.#soft.length > 0;
  }

  #report(rule: NumberRule, index: number, value: ContractNumber, bound: BoundRule = rule.rule): number {
    const { findings, path } = this.#check;
    this.#reports ??= new Map();
    const reports = (this.#reports.get(rule) ?? 0) + 1;
    if (reports > this.#maxReports) return reports;
    this.#reports.set(rule, reports);
    const element = this.#isComplex ? index >> 1 : index;
    findings.report(
      bound,
      () => path(element),
      rule.expected,
      () => String(Object.is(value, -0) ? '-0' : value),
    );
    if (reports === this.#maxReports && !findings.enforces(bound)) this.#retire(rule);
    return reports;
  }

  /** A rule that only watches and has said all that it may say; its bounds would send the rest of the tensor on the slow way. */
  #retire(rule: NumberRule): void {
    this.#rules = this.#rules.filter((other) => other !== rule);
    this.#soft = this.#soft.filter((other) => other !== rule);
    const { low, high } = endsOf([...this.#rules, ...this.#soft]);
    this.low = low;
    this.high = high;
  }
}
