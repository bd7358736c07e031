// All rules of one string, one after the other, and what their actions make of it. Knows neither tensors nor findings, so that the
// strings of a tensor and the values of a feature go the same way.
import type { Action, StringRules } from '../contract-types.ts';
import { cutText } from './graphemes.ts';
import type { PatternWork } from './pattern.ts';
import { byteClassesOf } from './text-scan.ts';
import { type TextRule, type TextStep, textSteps } from './text-steps.ts';
import { TextView } from './text-view.ts';

/** Where a string's problems go. */
export interface TextReporter {
  /** The action that the check must take; undefined: leave the string alone. */
  report(rule: TextRule, expected: string, got: () => string): Action | undefined;
  /** For a rule whose action was taken and did not help: refuses where the rule is enforced. */
  refuse(rule: TextRule, expected: string, got: () => string): void;
  /** Whether the request is refused already. */
  readonly refused: boolean;
  /** Of the request. */
  readonly work: PatternWork;
}

export interface TextCheck {
  /** Looks at bytes[start … end]; gives the string that takes its place, or undefined. */
  check(bytes: Uint8Array, start: number, end: number, reporter: TextReporter): Uint8Array | undefined;
}

/**
 * Undefined when there is nothing to look at.
 * @throws CONTRACT_INVALID for a pattern that is not RE2 or too large.
 */
export function compileTextChecks(rules: StringRules, isBound: (rule: TextRule) => boolean): TextCheck | undefined {
  const steps = textSteps(rules, isBound);
  return steps.length === 0 ? undefined : new StepsCheck(rules, steps);
}

/** Of a step, for one string. */
interface Progress {
  /** Reported: not once more, when a later action makes the rules be looked at again. */
  readonly reported: Set<TextStep>;
  /** Its action was taken. */
  readonly acted: Set<TextStep>;
}

class StepsCheck implements TextCheck {
  readonly #isText: boolean;
  readonly #steps: readonly TextStep[];
  readonly #lengthLimits: ReadonlySet<TextStep>;
  /** Bytes of an ASCII text that no rule of length speaks against, and the steps that plain ASCII can break. */
  readonly #plainMin: number;
  readonly #plainMax: number;
  readonly #acceptsPlain: TextStep['accepts'];

  constructor(rules: StringRules, steps: readonly TextStep[]) {
    this.#isText = rules.encoding !== 'binary';
    this.#steps = steps;
    this.#lengthLimits = new Set(steps.filter(({ rule }) => rule === 'string.maxBytes' || rule === 'string.maxCodePoints'));
    this.#acceptsPlain = steps.find(({ accepts }) => accepts !== undefined)?.accepts;
    const { minBytes = 0, minCodePoints = 0, minGraphemes = 0 } = rules;
    const { maxBytes = Infinity, maxCodePoints = Infinity, maxGraphemes = Infinity } = rules;
    // A limit whose rule is off only sends the string the longer way.
    this.#plainMin = Math.max(minBytes, minCodePoints, minGraphemes);
    this.#plainMax = Math.min(maxBytes, maxCodePoints, maxGraphemes);
  }

  check(bytes: Uint8Array, start: number, end: number, reporter: TextReporter): Uint8Array | undefined {
    if (this.#isPlain(bytes, start, end, reporter.work)) return undefined;
    const progress: Progress = { reported: new Set(), acted: new Set() };
    let content = bytes.subarray(start, end);
    let isChanged = false;
    // Each round but the last takes one step's action, and none takes it twice.
    for (;;) {
      const next = this.#round(content, progress, reporter);
      if (next === undefined) return isChanged ? content : undefined;
      content = next;
      isChanged = true;
    }
  }

  /** ASCII without controls, of a good length, that matches: the string that nearly every request has. */
  #isPlain(bytes: Uint8Array, start: number, end: number, work: PatternWork): boolean {
    const length = end - start;
    if (length < this.#plainMin || length > this.#plainMax) return false;
    if (!this.#isText) return true;
    if (byteClassesOf(bytes, start, end) !== 0) return false;
    return this.#acceptsPlain === undefined || this.#acceptsPlain(bytes.subarray(start, end), work);
  }

  #round(content: Uint8Array, { reported, acted }: Progress, reporter: TextReporter): Uint8Array | undefined {
    const text = new TextView(content, this.#isText);
    let isTooLong = false;
    for (const step of this.#steps) {
      if (step.isCostly && isTooLong && reporter.refused) continue;
      const problem = step.find(text, reporter.work);
      if (problem === undefined) continue;
      if (this.#lengthLimits.has(step)) isTooLong = true;
      const { expected, got } = problem;
      if (acted.has(step)) {
        acted.delete(step);
        reported.add(step);
        reporter.refuse(step.rule, expected, got);
        continue;
      }
      if (reported.has(step)) continue;
      reported.add(step);
      const action = reporter.report(step.rule, expected, got);
      if (action === undefined) continue;
      const changed = this.#apply(action, step, text);
      if (changed === undefined) {
        reporter.refuse(step.rule, expected, got);
        continue;
      }
      acted.add(step);
      return changed;
    }
    return undefined;
  }

  /** Undefined when the action cannot be taken. */
  #apply(action: Action, step: TextStep, text: TextView): Uint8Array | undefined {
    if (action.kind === 'replace') return typeof action.with === 'string' ? Buffer.from(action.with) : undefined;
    if (action.kind !== 'truncate' || step.cut === undefined) return undefined;
    if (!this.#isText) {
      const { limit } = step.cut;
      const { rawBytes } = text;
      return action.side === 'right' ? rawBytes.slice(0, limit) : rawBytes.slice(rawBytes.length - limit);
    }
    // Where a broken text may be cut, nobody can say.
    if (text.invalidAt >= 0) return undefined;
    const [start, end] = cutText(text.bytes, 0, text.bytes.length, step.cut, action.side);
    return text.bytes.slice(start, end);
  }
}
