// Counts what a contract's rules found in a data set, and says it. It keeps the first few places of each rule and only numbers of the rest.
import type { BoundRule, Findings } from '../../contract/index.ts';
import { printable } from '../../core/index.ts';

/** One place where a rule was broken; safe to show. */
export interface FoundPlace {
  readonly record: string;
  readonly path: string;
  readonly expected: string;
  readonly got: string;
}

export interface RuleReport {
  readonly ruleId: string;
  readonly rule: string;
  readonly mode: BoundRule['mode'];
  readonly action: string;
  /** Records, or recorded requests, in which it was broken. */
  readonly records: number;
  /** `records` over all records that were checked. */
  readonly share: number;
  /** As often as the check reported it. */
  readonly violations: number;
  readonly first: readonly FoundPlace[];
}

export interface CheckReport {
  readonly name: string;
  readonly records: number;
  /** Records that have no value for an input and therefore make no request. */
  readonly incomplete: number;
  /** Recorded requests that could not be decoded, by error code. */
  readonly undecodable: Readonly<Record<string, number>>;
  readonly refused: number;
  /** Let through with changes: clipped, cut, filled, replaced. */
  readonly changed: number;
  /** Images that a server would decode and make anew; that was not done here. */
  readonly imagesToDecode: number;
  /** Most broken first. */
  readonly rules: readonly RuleReport[];
}

const perRulePlaces = 3;
const barChars = 24;

interface RuleCount {
  readonly rule: BoundRule;
  records: number;
  violations: number;
  readonly first: FoundPlace[];
}

export class CheckTally {
  records = 0;
  incomplete = 0;
  refused = 0;
  changed = 0;
  imagesToDecode = 0;
  readonly undecodable = new Map<string, number>();
  readonly #rules = new Map<string, RuleCount>();

  /** The findings of one record or request. `label` names it: `record 17`. */
  add(findings: Findings, label: string): void {
    if (findings.refused) this.refused++;
    else if (findings.kept.some(({ outcome }) => outcome !== 'shadow' && outcome !== 'log' && outcome !== 'reject'))
      this.changed++;
    for (const [rule, violations] of findings.counts) {
      let count = this.#rules.get(rule.id);
      if (count === undefined) {
        count = { rule, records: 0, violations: 0, first: [] };
        this.#rules.set(rule.id, count);
      }
      count.records++;
      count.violations += violations;
      if (count.first.length >= perRulePlaces) continue;
      const place = findings.kept.find(({ rule: found }) => found === rule);
      if (place === undefined) continue;
      const { path, expected, got } = place.violation;
      count.first.push({ record: label, path, expected, got });
    }
  }

  addUndecodable(code: string): void {
    this.undecodable.set(code, (this.undecodable.get(code) ?? 0) + 1);
  }

  report(name: string): CheckReport {
    const checked = this.records - this.incomplete;
    const rules = [...this.#rules.values()]
      .sort((one, other) => other.records - one.records || (one.rule.id < other.rule.id ? -1 : 1))
      .map(({ rule, records, violations, first }) => ({
        ruleId: rule.id,
        rule: rule.name,
        mode: rule.mode,
        action: rule.action.kind,
        records,
        share: checked === 0 ? 0 : records / checked,
        violations,
        first,
      }));
    const { records, incomplete, refused, changed, imagesToDecode, undecodable } = this;
    return {
      name: printable(name, 200),
      records,
      incomplete,
      undecodable: Object.fromEntries([...undecodable].sort()),
      refused,
      changed,
      imagesToDecode,
      rules,
    };
  }
}

export interface VerdictOptions {
  /** Whether records without a value for an input may be passed over; default false. Something must be left to check all the same. */
  readonly allowIncomplete?: boolean;
}

/**
 * Why a data set does not pass, in a few words each; empty when it does. A rule whose action is `log` refuses nothing. What was not
 * checked has not passed: no record at all, records that make no request, and requests that cannot be decoded.
 */
export function checkFailures(report: CheckReport, { allowIncomplete = false }: VerdictOptions = {}): readonly string[] {
  const { rules, records, incomplete } = report;
  const undecodable = undecodableOf(report);
  const failures: string[] = [];
  if (rules.some(({ mode, action }) => mode !== 'shadow' && action !== 'log'))
    failures.push('rules that are enforced were broken');
  if (undecodable > 0) failures.push(`${undecodable} of ${records} requests could not be decoded`);
  if (records === 0) failures.push('there was nothing to check');
  else if (records === incomplete) failures.push('no record has a value for every input: nothing was checked');
  else if (incomplete > 0 && !allowIncomplete)
    failures.push(`${incomplete} of ${records} records have no value for an input and were not checked (see --allow-incomplete)`);
  return failures;
}

/** True when there is a reason why the data set does not pass. */
export function isBroken(report: CheckReport, options?: VerdictOptions): boolean {
  return checkFailures(report, options).length > 0;
}

function undecodableOf({ undecodable }: CheckReport): number {
  return Object.values(undecodable).reduce((sum, count) => sum + count, 0);
}

/** For people: totals, then a line with a bar for each rule, and its first places. */
export function formatCheckReport(report: CheckReport): string {
  const { name, records, incomplete, refused, changed, imagesToDecode, rules, undecodable } = report;
  const parts = [`${records} records`, `${refused} refused`, `${changed} changed`];
  if (incomplete > 0) parts.push(`${incomplete} without a value for an input`);
  if (imagesToDecode > 0) parts.push(`${imagesToDecode} images to decode first`);
  const lines = [`${name}: ${parts.join(', ')}`];
  for (const [code, count] of Object.entries(undecodable)) lines.push(`  ${count} could not be decoded: ${code}`);
  const width = Math.max(0, ...rules.map(({ ruleId }) => printable(ruleId, 80).length));
  for (const { ruleId, mode, action, records: broken, share, first } of rules) {
    const filled = Math.max(1, Math.round(share * barChars));
    const bar = '#'.repeat(filled).padEnd(barChars, '.');
    const percent = `${(share * 100).toFixed(2)} %`.padStart(8);
    lines.push(
      `  ${printable(ruleId, 80).padEnd(width)}  ${bar} ${percent}  ${broken}  ${mode === 'shadow' ? 'shadow' : action}`,
    );
    for (const { record, path, expected, got } of first) lines.push(`      ${record}: ${path}: expected ${expected}, got ${got}`);
  }
  const checked = records - incomplete - undecodableOf(report);
  if (checked === 0) lines.push('  nothing was checked');
  else if (rules.length === 0) lines.push(`  no rule was broken by the ${checked} that were checked`);
  return `${lines.join('\n')}\n`;
}
