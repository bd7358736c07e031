// What a case of a rule is: tests/support/contract-cases.ts has one for each.
import type { Action, ActionKind, RuleName } from '../../src/contract/index.ts';
import type { Tensor } from '../../src/tensor/index.ts';
import type { RuleDraft } from './contracts.ts';

/** The actions that change something. */
export type Change = Exclude<ActionKind, 'reject' | 'log'>;

export interface RuleChange {
  readonly action: Action;
  /** What goes on in place of `outside`, or what the job says that makes its image anew. */
  readonly becomes: Tensor | { readonly box: string };
  /** In place of `outside`, where the action needs another mistake. */
  readonly of?: Tensor;
}

export interface RuleCase {
  readonly rules: RuleDraft;
  readonly inside: Tensor;
  readonly outside: Tensor;
  readonly changes?: Partial<Record<Change, RuleChange>>;
  /** What cannot be read must not reach the model, whatever the action or the mode says; it breaks every other rule too. */
  readonly alwaysRefused?: true;
}

/** Rules that are checked of a tensor by itself; the others are in `casesElsewhere`. */
export type CaseName = Exclude<RuleName, 'relation' | 'matchesBatch' | 'number.narrowing'>;
