// The rules of strings on a tensor: each element goes through the text checks, and what they change goes into a copy. Never throws on
// what a client sent.
import type { Tensor } from '../../tensor/index.ts';
import type { CheckContext, CompileContext, TensorCheck } from '../check-types.ts';
import { refusing } from '../compile-context.ts';
import type { Action, StringRules } from '../contract-types.ts';
import type { BoundRule } from '../findings.ts';
import { maxGrowthBytes, maxReports, rebuildStrings } from './strings-rebuild.ts';
import { compileTextChecks, type TextCheck, type TextReporter } from './text-checks.ts';
import type { TextRule } from './text-steps.ts';

/** For a tensor of strings of which the contract says nothing else. */
const defaultRules: StringRules = { encoding: 'utf8', controlCharacters: 'allow', bidiControls: 'allow', invisible: 'allow' };

const textRules: readonly TextRule[] = [
  'string.encoding',
  'string.normalization',
  'string.controlCharacters',
  'string.bidiControls',
  'string.invisible',
  'string.minBytes',
  'string.maxBytes',
  'string.minCodePoints',
  'string.maxCodePoints',
  'string.minGraphemes',
  'string.maxGraphemes',
  'string.pattern',
];

/**
 * The check of `string`; undefined when nothing is to be looked at. A string tensor without `string` is text, and must be UTF-8, unless
 * it has rules of images, audio or examples.
 * @throws CONTRACT_INVALID for a pattern that is not RE2 or too large.
 */
export function compileStringRules(context: CompileContext): TensorCheck | undefined {
  const { rules } = context;
  if (rules.dtype !== 'DT_STRING') return undefined;
  const isContainer = rules.image !== undefined || rules.audio !== undefined || rules.example !== undefined;
  const stringRules = rules.string ?? (isContainer ? undefined : defaultRules);
  if (stringRules === undefined) return undefined;
  const bound = new Map<TextRule, BoundRules>();
  for (const name of textRules) {
    const rule = context.bind(name);
    if (rule !== undefined) bound.set(name, { rule, refusing: refusing(rule) });
  }
  const check = compileTextChecks(stringRules, (name) => bound.has(name));
  return check === undefined ? undefined : (tensor, checkContext) => checkTensor(tensor, checkContext, check, bound);
}

interface BoundRules {
  readonly rule: BoundRule;
  /** The same rule for a string that its action did not help. */
  readonly refusing: BoundRule;
}

function checkTensor(tensor: Tensor, context: CheckContext, check: TextCheck, bound: ReadonlyMap<TextRule, BoundRules>): Tensor {
  if (tensor.dtype !== 'DT_STRING') return tensor;
  const { bytes, offsets } = tensor;
  const reporter = new ElementReporter(context, bound);
  const changed = new Map<number, Uint8Array>();
  let growthBytes = 0;
  for (let index = 0; index + 1 < offsets.length; index++) {
    if (reporter.reports >= maxReports && context.findings.refused) return tensor;
    reporter.index = index;
    const content = check.check(bytes, offsets[index], offsets[index + 1], reporter);
    if (content === undefined) continue;
    growthBytes += content.length - (offsets[index + 1] - offsets[index]);
    if (growthBytes > maxGrowthBytes) {
      reporter.refuseLast(`replacements that add at most ${maxGrowthBytes} bytes`, () => 'more');
      return tensor;
    }
    changed.set(index, content);
  }
  return changed.size === 0 ? tensor : rebuildStrings(tensor, changed);
}

/** One for all elements: `index` says which it is. */
class ElementReporter implements TextReporter {
  readonly #context: CheckContext;
  readonly #bound: ReadonlyMap<TextRule, BoundRules>;
  #lastActed: TextRule | undefined;
  index = 0;
  reports = 0;

  constructor(context: CheckContext, bound: ReadonlyMap<TextRule, BoundRules>) {
    this.#context = context;
    this.#bound = bound;
  }

  get refused(): boolean {
    return this.#context.findings.refused;
  }

  report(name: TextRule, expected: string, got: () => string): Action | undefined {
    const rule = this.#bound.get(name)?.rule;
    if (rule === undefined) return undefined;
    this.reports++;
    const { path, findings } = this.#context;
    const action = findings.report(rule, () => path(this.index), expected, got);
    if (action !== undefined) this.#lastActed = name;
    return action;
  }

  refuse(name: TextRule, expected: string, got: () => string): void {
    const rule = this.#bound.get(name)?.refusing;
    const { path, findings } = this.#context;
    if (rule !== undefined) findings.report(rule, () => path(this.index), expected, got);
  }

  /** Refuses by the rule whose action was taken last. */
  refuseLast(expected: string, got: () => string): void {
    if (this.#lastActed !== undefined) this.refuse(this.#lastActed, expected, got);
  }
}
