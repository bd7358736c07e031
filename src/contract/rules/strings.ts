// The rules of strings on a tensor: each element goes through the text checks, and what they change goes into a copy. Never throws on
// what a client sent.
import type { StringTensor, Tensor } from '../../tensor/index.ts';
import type { CheckContext, CompileContext, TensorCheck } from '../check-types.ts';
import { refusing } from '../compile-context.ts';
import type { Action, StringRules } from '../contract-types.ts';
import type { BoundRule } from '../findings.ts';
import { ElementSteps } from './element-steps.ts';
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
  if (check === undefined) return undefined;
  return Object.assign((tensor: Tensor, checkContext: CheckContext) => checkTensor(tensor, checkContext, check, bound), {
    inSteps: (tensor: Tensor, checkContext: CheckContext) => checkInSteps(tensor, checkContext, check, bound),
  });
}

interface BoundRules {
  readonly rule: BoundRule;
  /** The same rule for a string that its action did not help. */
  readonly refusing: BoundRule;
}

type Bound = ReadonlyMap<TextRule, BoundRules>;

function checkTensor(tensor: Tensor, context: CheckContext, check: TextCheck, bound: Bound): Tensor {
  if (tensor.dtype !== 'DT_STRING') return tensor;
  const elements = new Elements(tensor, context, check, bound);
  while (elements.checkNext());
  return elements.result;
}

function* checkInSteps(tensor: Tensor, context: CheckContext, check: TextCheck, bound: Bound): Generator<void, Tensor> {
  if (tensor.dtype !== 'DT_STRING') return tensor;
  const elements = new Elements(tensor, context, check, bound);
  const steps = new ElementSteps(tensor.offsets, context.measure);
  while (elements.checkNext()) if (steps.endsBefore(elements.index)) yield;
  return elements.result;
}

/** The strings of one tensor, one after the other, and where the problems of each go. */
class Elements implements TextReporter {
  readonly #tensor: StringTensor;
  readonly #context: CheckContext;
  readonly #check: TextCheck;
  readonly #bound: Bound;
  readonly #changed = new Map<number, Uint8Array>();
  #growthBytes = 0;
  #isOvergrown = false;
  #lastActed: TextRule | undefined;
  #reports = 0;
  /** The next one; while it is checked, that one. */
  index = 0;

  constructor(tensor: StringTensor, context: CheckContext, check: TextCheck, bound: Bound) {
    this.#tensor = tensor;
    this.#context = context;
    this.#check = check;
    this.#bound = bound;
  }

  /** The tensor that goes on. */
  get result(): Tensor {
    return this.#isOvergrown || this.#changed.size === 0 ? this.#tensor : rebuildStrings(this.#tensor, this.#changed);
  }

  get work(): CheckContext['measure'] {
    return this.#context.measure;
  }

  /** False when there is none any more, or none that would change the verdict. */
  checkNext(): boolean {
    const { bytes, offsets } = this.#tensor;
    const { index } = this;
    if (index + 1 >= offsets.length) return false;
    if (this.#reports >= maxReports && this.refused) {
      this.#changed.clear();
      return false;
    }
    const content = this.#check.check(bytes, offsets[index], offsets[index + 1], this);
    if (content !== undefined) {
      this.#growthBytes += content.length - (offsets[index + 1] - offsets[index]);
      if (this.#growthBytes > maxGrowthBytes) {
        this.#refuseLast(`replacements that add at most ${maxGrowthBytes} bytes`, () => 'more');
        this.#isOvergrown = true;
        return false;
      }
      this.#changed.set(index, content);
    }
    this.index++;
    return true;
  }

  get refused(): boolean {
    return this.#context.findings.refused;
  }

  report(name: TextRule, expected: string, got: () => string): Action | undefined {
    const rule = this.#bound.get(name)?.rule;
    if (rule === undefined) return undefined;
    this.#reports++;
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
  #refuseLast(expected: string, got: () => string): void {
    if (this.#lastActed !== undefined) this.refuse(this.#lastActed, expected, got);
  }
}
