// What the rules of a contract found in one request, and what follows from it. Every check reports here and nowhere else; it never throws
// on bad input, so that one answer can list all that is wrong.
import { AirlockError, type ErrorCode, errorSpec, printable, type Violation } from '../core/index.ts';
import type { Action, Mode } from './contract-types.ts';
import type { RuleName } from './rule-table.ts';

/** One rule of one tensor, compiled. Rules whose mode is `off` are not compiled at all. */
export interface BoundRule {
  /** Stable: `serving_default/inputs/age/max`. */
  readonly id: string;
  readonly name: RuleName;
  readonly mode: Exclude<Mode, 'off'>;
  readonly action: Action;
}

/** One thing that a rule found. */
export interface Finding {
  readonly rule: BoundRule;
  readonly violation: Violation;
  /** What was done: `shadow` nothing, because of the rule's mode; otherwise the action. */
  readonly outcome: 'shadow' | Action['kind'];
}

export interface FindingsOptions {
  /** Violations that are kept; further ones are counted. */
  readonly limit: number;
  /** 0 ≤ draw < 1, one per request: a rule of mode `sample` is enforced when it is below the contract's fraction. */
  readonly draw: number;
  readonly sampleFraction: number;
}

export class Findings {
  readonly #limit: number;
  readonly #samples: boolean;
  readonly #kept: Finding[] = [];
  readonly #counts = new Map<BoundRule, number>();
  #refusals = 0;

  constructor({ limit, draw, sampleFraction }: FindingsOptions) {
    this.#limit = limit;
    this.#samples = draw < sampleFraction;
  }

  /** The action that `rule` takes on this request; `undefined` when its mode only watches. */
  actionOf(rule: BoundRule): Action | undefined {
    return rule.mode === 'enforce' || (rule.mode === 'sample' && this.#samples) ? rule.action : undefined;
  }

  /** What becomes of a finding of `rule` on this request. */
  outcomeOf(rule: BoundRule): Finding['outcome'] {
    return this.actionOf(rule)?.kind ?? 'shadow';
  }

  /** False when `rule` lets through what breaks it, as it came: by its mode, or because its action is to log. */
  enforces(rule: BoundRule): boolean {
    const action = this.actionOf(rule);
    return action !== undefined && action.kind !== 'log';
  }

  /**
   * Reports that `rule` was broken, and gives the action that the check must take (clip, truncate, …), or undefined when it must leave
   * the value alone (shadow, reject, log). The texts are made only for findings that are kept. `got` passes `printable` here, at most
   * 40 characters: an answer never echoes what a client sent beyond that, and the log holds none of it.
   */
  report(rule: BoundRule, path: () => string, expected: string, got: () => string): Action | undefined {
    const action = this.actionOf(rule);
    const outcome = action?.kind ?? 'shadow';
    this.#counts.set(rule, (this.#counts.get(rule) ?? 0) + 1);
    if (outcome === 'reject') this.#refusals++;
    // A refusal must be able to say why, whatever the rules that only watch have filled the list with.
    const room = this.#kept.length < this.#limit || (outcome === 'reject' && this.#refusals === 1);
    if (room) {
      const violation = { path: path(), rule: rule.name, ruleId: rule.id, expected, got: printable(got(), 40) };
      this.#kept.push({ rule, violation, outcome });
    }
    return outcome === 'shadow' || outcome === 'reject' || outcome === 'log' ? undefined : action;
  }

  /** True when actions were taken and this is about what they made: what a rule itself has put in place is none of its concern then. */
  get isSecondLook(): boolean {
    return false;
  }

  get refused(): boolean {
    return this.#refusals > 0;
  }

  /** How many findings refuse, kept or not: a check that raised it has refused its tensor. */
  get refusals(): number {
    return this.#refusals;
  }

  /** In the order in which they were found, at most `limit` of them. */
  get kept(): readonly Finding[] {
    return this.#kept;
  }

  /** How often each rule was broken, kept or not. */
  get counts(): ReadonlyMap<BoundRule, number> {
    return this.#counts;
  }

  /** The refusal that a client gets: the first violation in the message, all that were kept beside it. */
  error(code: Extract<ErrorCode, 'CONTRACT_VIOLATION' | 'MODEL_OUTPUT_REFUSED'>): AirlockError {
    const violations = this.#kept.filter(({ outcome }) => outcome === 'reject').map(({ violation }) => violation);
    const [first] = violations;
    const more = this.#refusals > 1 ? ` (and ${this.#refusals - 1} more)` : '';
    const where = first.path === '' ? '' : ` at ${first.path}`;
    return new AirlockError(code, {
      message: `${errorSpec(code).text}${where}: expected ${first.expected}, got ${first.got}${more}`,
      violations,
    });
  }
}
