// The findings of a second look at a tensor that actions have changed: each of its rules that is in force refuses now, whatever its action,
// because there is no third look. What only watches has been counted in the first one, on what the client sent.
import { refusing } from './compile-context.ts';
import type { Action } from './contract-types.ts';
import { type BoundRule, Findings } from './findings.ts';

const reject: Action = { kind: 'reject' };

/** Reports to the findings of the first look. */
export class SecondLook extends Findings {
  readonly #first: Findings;
  readonly #refusing = new Map<BoundRule, BoundRule>();

  constructor(first: Findings) {
    // Nothing is kept here.
    super({ limit: 0, draw: 0, sampleFraction: 0 });
    this.#first = first;
  }

  override get isSecondLook(): boolean {
    return true;
  }

  override actionOf(rule: BoundRule): Action | undefined {
    return this.#first.enforces(rule) ? reject : undefined;
  }

  override report(rule: BoundRule, path: () => string, expected: string, got: () => string): undefined {
    if (!this.enforces(rule)) return;
    const refusal = this.#refusing.get(rule) ?? refusing(rule);
    this.#refusing.set(rule, refusal);
    this.#first.report(refusal, path, expected, got);
  }

  override get refused(): boolean {
    return this.#first.refused;
  }

  override get refusals(): number {
    return this.#first.refusals;
  }
}
