// Tells the log of rules that were broken without a refusal: what a refused request broke is in its own line, but shadow rules and changed
// inputs would otherwise be seen by nobody. A flood of violations must not become a flood of lines.
import type { Findings } from '../contract/index.ts';
import type { Outcome } from './contract-counts.ts';

export interface ViolationNotice {
  readonly ruleId: string;
  readonly outcome: Outcome;
  /** Elements since the last notice of this rule. */
  readonly count: number;
}

/** One notice per rule in this time. */
const periodMs = 10_000;

interface Pending {
  count: number;
  toldAtMs: number;
}

export class ViolationNotices {
  readonly #tell: (notice: ViolationNotice) => void;
  readonly #clock: () => number;
  readonly #rules = new Map<string, Pending>();

  constructor(tell: (notice: ViolationNotice) => void, clock: () => number) {
    this.#tell = tell;
    this.#clock = clock;
  }

  add(findings: Findings): void {
    for (const [rule, count] of findings.counts) {
      const outcome = findings.actionOf(rule)?.kind ?? 'shadow';
      if (outcome !== 'reject') this.#note(rule.id, outcome, count);
    }
  }

  #note(ruleId: string, outcome: Outcome, count: number): void {
    const nowMs = this.#clock();
    let pending = this.#rules.get(ruleId);
    if (pending === undefined) {
      pending = { count: 0, toldAtMs: Number.NEGATIVE_INFINITY };
      this.#rules.set(ruleId, pending);
    }
    pending.count += count;
    if (nowMs - pending.toldAtMs < periodMs) return;
    this.#tell({ ruleId, outcome, count: pending.count });
    pending.count = 0;
    pending.toldAtMs = nowMs;
  }
}
