// How often each rule of a contract was broken since a version was loaded, and what became of it. It holds numbers and the ids of rules,
// which are finite, and nothing of any request.
import type { Finding, Findings } from '../contract/index.ts';

export type Outcome = Finding['outcome'];

export interface RuleCount {
  readonly ruleId: string;
  /** How often it was broken, by what was done; `shadow`: nothing. Several elements of one request count each. */
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
}

export interface ContractCountsReport {
  /** When the counting began, as ISO 8601 in UTC. */
  readonly since: string;
  /** Requests whose inputs were checked. */
  readonly checked: number;
  readonly refused: number;
  /** Requests that went on with changed inputs. */
  readonly transformed: number;
  /** Answers of the model that were refused. */
  readonly answersRefused: number;
  /** Rules that were ever broken, most broken first, at most 200. */
  readonly rules: readonly RuleCount[];
}

const maxReportedRules = 200;

export class ContractCounts {
  readonly #since = new Date().toISOString();
  readonly #rules = new Map<string, Map<Outcome, number>>();
  #checked = 0;
  #refused = 0;
  #transformed = 0;
  #answersRefused = 0;

  /** One request's inputs. */
  addInputs(findings: Findings): void {
    this.#checked++;
    if (findings.counts.size === 0) return;
    const changed = this.#add(findings);
    if (findings.refused) this.#refused++;
    else if (changed) this.#transformed++;
  }

  /** What was found besides, in a request that is counted already. */
  addMore(findings: Findings): void {
    this.#add(findings);
  }

  /** A refusal after all of a request whose inputs had passed. */
  addRefusal(findings: Findings): void {
    this.#add(findings);
    this.#refused++;
  }

  addOutputs(findings: Findings): void {
    if (findings.counts.size === 0) return;
    this.#add(findings);
    if (findings.refused) this.#answersRefused++;
  }

  /** True when a rule changed something. */
  #add(findings: Findings): boolean {
    let changed = false;
    for (const [rule, count] of findings.counts) {
      const outcome = findings.actionOf(rule)?.kind ?? 'shadow';
      changed ||= outcome !== 'shadow' && outcome !== 'reject' && outcome !== 'log';
      let outcomes = this.#rules.get(rule.id);
      if (outcomes === undefined) {
        outcomes = new Map();
        this.#rules.set(rule.id, outcomes);
      }
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + count);
    }
    return changed;
  }

  get report(): ContractCountsReport {
    const total = (outcomes: ReadonlyMap<Outcome, number>) => [...outcomes.values()].reduce((sum, count) => sum + count, 0);
    const rules = [...this.#rules]
      .sort(([, a], [, b]) => total(b) - total(a))
      .slice(0, maxReportedRules)
      .map(([ruleId, outcomes]) => ({ ruleId, outcomes: Object.fromEntries(outcomes) }));
    return {
      since: this.#since,
      checked: this.#checked,
      refused: this.#refused,
      transformed: this.#transformed,
      answersRefused: this.#answersRefused,
      rules,
    };
  }
}
