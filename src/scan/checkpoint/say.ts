// How the readers of checkpoints say what they found: the rule's own severity unless told otherwise, and a bound per rule and
// file, because an index of a million bad entries is one finding to a person. It never drops one without a word: the last one
// says how many there are.
import type { Severity } from '../../core/index.ts';
import type { ScanContext } from '../scan-context.ts';
import type { Argument, Trigger } from '../scan-types.ts';
import { checkpointRules } from './rules.ts';

export interface Remark {
  readonly ruleId: string;
  readonly message: string;
  readonly severity?: Severity;
  /** Default `load`. */
  readonly trigger?: Trigger;
  /** Name of the variable. */
  readonly path?: string;
  readonly offset?: number;
  readonly argument?: Argument;
  /** Default: the file of the speaker. */
  readonly file?: string;
}

const maxPerRule = 10;
const severityOf: ReadonlyMap<string, Severity> = new Map(checkpointRules.map((rule) => [rule.id, rule.severity]));

export class Speaker {
  readonly #context: ScanContext;
  readonly #file: string;
  readonly #counts = new Map<string, number>();

  constructor(context: ScanContext, file: string) {
    this.#context = context;
    this.#file = file;
  }

  say(remark: Remark): void {
    const count = (this.#counts.get(remark.ruleId) ?? 0) + 1;
    this.#counts.set(remark.ruleId, count);
    if (count <= maxPerRule) this.#report(remark);
  }

  /** Says of what there was more. Call it once, at the end. */
  finish(): void {
    for (const [ruleId, count] of this.#counts) {
      if (count > maxPerRule)
        this.#report({ ruleId, message: `${count - maxPerRule} more entries of ${this.#file} have this fault` });
    }
  }

  #report(remark: Remark): void {
    const { ruleId, message, severity, trigger = 'load', path, offset, argument, file = this.#file } = remark;
    this.#context.report({
      ruleId,
      severity: severity ?? severityOf.get(ruleId) ?? 'medium',
      trigger,
      message,
      location: { file, ...(path === undefined ? {} : { path }), ...(offset === undefined ? {} : { offset }) },
      chain: [],
      ...(argument === undefined ? {} : { argument }),
    });
  }
}
