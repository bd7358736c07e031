// One way to say a finding about a file, so that severity and texts come from the rule.
import { AirlockError, type Severity } from '../../core/index.ts';
import type { ScanContext } from '../scan-context.ts';
import type { Rule, Trigger } from '../scan-types.ts';
import { fileRules } from './rules.ts';

const byId: ReadonlyMap<string, Rule> = new Map(fileRules.map((rule) => [rule.id, rule]));

export interface FileFinding {
  readonly file: string;
  readonly message: string;
  /** Default: the rule's. */
  readonly severity?: Severity;
  /** Default `none`: nothing known opens the file. */
  readonly trigger?: Trigger;
  readonly offset?: number;
  readonly argument?: { readonly name: string; readonly value: string };
}

export function reportFile(context: ScanContext, ruleId: string, finding: FileFinding): void {
  const { file, message, severity, trigger = 'none', offset, argument } = finding;
  context.report({
    ruleId,
    severity: severity ?? byId.get(ruleId)?.severity ?? 'medium',
    trigger,
    message,
    location: offset === undefined ? { file } : { file, offset },
    chain: [],
    ...(argument === undefined ? {} : { argument }),
  });
}

export function damaged(file: string, text: string): AirlockError {
  return new AirlockError('MODEL_INVALID', { message: `${file} is damaged: ${text}` });
}

/** Takes from what the scan may hold. When that is used up, the file is a bomb and reported as one. @throws MODEL_INVALID then. */
export function payExpanded(context: ScanContext, bytes: number, file: string): void {
  try {
    context.takeExpanded(bytes, file);
  } catch (thrown) {
    const message = `${file} grows to ${bytes} bytes or more, beyond what a scan may unpack`;
    reportFile(context, 'memory/archive-bomb', {
      file,
      trigger: 'parse',
      message,
      argument: { name: 'size', value: String(bytes) },
    });
    throw thrown;
  }
}
