// What the makers of rules have in common: the rules of one tensor while they are collected, with their modes, their sources and what a
// person must know. Decides nothing.
import type { Mode, RuleName, TensorRules } from '../../contract/index.ts';

export interface RuleOptions {
  /** Share of the spread by which bounds are widened. */
  readonly margin: number;
  readonly detect: boolean;
  /** Id of the source. */
  readonly source: string;
}

type Draft = { -readonly [K in keyof TensorRules]?: TensorRules[K] };

export class RuleDraft {
  readonly draft: Draft = {};
  readonly modes = new Map<RuleName, Mode>();
  readonly derived = new Set<RuleName>();
  /** For the contract's comments. */
  readonly notes: string[] = [];
  /** Those of the notes that must not be overlooked: the data break the contract, or made it allow what it would not have allowed. */
  readonly warnings: string[] = [];
  /** The words of a vocabulary to write beside the contract. */
  words: readonly string[] | undefined;

  derive(...names: RuleName[]): void {
    for (const name of names) this.derived.add(name);
  }

  warn(text: string): void {
    this.notes.push(text);
    this.warnings.push(text);
  }
}

export function addUnique(allDiffer: boolean, to: RuleDraft): void {
  if (!allDiffer) return;
  to.draft.unique = 'elements';
  to.derive('unique');
}
