// One way to say a finding about a SavedModel, and one way to go on when a part of it cannot be read.
import { isAirlockError, type Severity } from '../../core/index.ts';
import type { ScanContext } from '../scan-context.ts';
import type { Rule, Trigger } from '../scan-types.ts';
import { savedModelRules } from './rules.ts';

const byId: ReadonlyMap<string, Rule> = new Map(savedModelRules.map((rule) => [rule.id, rule]));

export interface ModelFinding {
  readonly file: string;
  readonly message: string;
  readonly severity?: Severity;
  /** Default `load`. */
  readonly trigger?: Trigger;
  readonly metaGraph?: string | undefined;
  readonly node?: string | undefined;
  readonly argument?: { readonly name: string; readonly value: string };
}

export function reportModel(context: ScanContext, ruleId: string, finding: ModelFinding): void {
  const { file, message, severity, trigger = 'load', metaGraph, node, argument } = finding;
  context.report({
    ruleId,
    severity: severity ?? byId.get(ruleId)?.severity ?? 'medium',
    trigger,
    message,
    location: { file, ...(metaGraph === undefined ? {} : { metaGraph }), ...(node === undefined ? {} : { node }) },
    chain: [],
    ...(argument === undefined ? {} : { argument }),
  });
}

/** What `read` gives; undefined, and said, when the file cannot be read. Faults of ours are thrown. */
export function readPart<Result>(file: string, context: ScanContext, read: () => Result): Result | undefined {
  try {
    return read();
  } catch (thrown) {
    if (!isAirlockError(thrown) || thrown.code === 'INTERNAL') throw thrown;
    reportModel(context, 'malformed/saved-model', { file, message: `${file} cannot be read: ${thrown.message}` });
    context.unreadable(file, thrown.message);
    return undefined;
  }
}
