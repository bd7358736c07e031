// Binds the rules of one tensor to their modes and actions. A rule whose mode is off is bound to nothing, and so is never compiled.
import { printable } from '../core/index.ts';
import type { CompileContext } from './check-types.ts';
import type { Action, Contract, Mode, OutputRules, TensorRules } from './contract-types.ts';
import type { BoundRule } from './findings.ts';
import type { RuleName } from './rule-table.ts';

/** What the engine's own compile steps are given. */
export interface EngineContext extends CompileContext {
  /**
   * Elements of one tensor that one rule reports in one request, the contract's `maxViolations`: the rest is neither listed nor counted,
   * so that a tensor full of mistakes costs no more than the answer that it gets.
   */
  readonly maxReports: number;
  /** `serving_default/inputs/age`. */
  readonly place: string;
}

const reject: Action = { kind: 'reject' };
const toZero: Action = { kind: 'replace', with: 0 };

/** `side` is `inputs` or `outputs`. */
export function engineContext(contract: Contract, place: string, rules: TensorRules | OutputRules): EngineContext {
  // Aliases are the model's: they are part of a rule's id, which clients read.
  const safePlace = printable(place, 256);
  return {
    rules,
    place: safePlace,
    maxReports: contract.maxViolations,
    bind(name) {
      const mode = modeOf(contract, rules, name);
      if (mode === 'off') return undefined;
      return { id: `${safePlace}/${name}`, name, mode, action: actionOf(rules, name) };
    },
  };
}

/** The same tensor where no action is taken any more: what is not right by now is refused. */
export function withoutActions(context: EngineContext): EngineContext {
  return {
    ...context,
    bind(name) {
      const rule = context.bind(name);
      return rule && refusing(rule);
    },
  };
}

function modeOf(contract: Contract, rules: TensorRules, name: RuleName): Mode {
  const mode = rules.modes.get(name) ?? contract.mode;
  return mode !== 'off' && (name === 'softMin' || name === 'softMax') ? 'shadow' : mode;
}

function actionOf(rules: TensorRules, name: RuleName): Action {
  if (name === 'number.negativeZero' && rules.number?.negativeZero === 'normalize') return toZero;
  return rules.onViolation.get(name) ?? reject;
}

/** The same rule where its action cannot help: a third dimension that should not be there cannot be cut off. */
export function refusing(rule: BoundRule): BoundRule {
  return rule.action.kind === 'reject' || rule.action.kind === 'log' ? rule : { ...rule, action: reject };
}
