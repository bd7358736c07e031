// The rules of serialized tf.Example messages on a tensor of strings: structure, features, their values, and groups of features. Never
// throws on what a client sent, and trusts no message that it could not read to its end.
import { printable } from '../../core/index.ts';
import type { Tensor } from '../../tensor/index.ts';
import type { CheckContext, CompileContext, TensorCheck } from '../check-types.ts';
import { refusing } from '../compile-context.ts';
import type { ExampleRules } from '../contract-types.ts';
import type { BoundRule, Findings } from '../findings.ts';
import type { RuleName } from '../rule-table.ts';
import { ElementSteps, inOneStep } from './element-steps.ts';
import { ExampleIndex, type FeaturePlace, maxIndexedFeatures } from './example-index.ts';
import { selectFeatures } from './example-select.ts';
import { type CompiledFeature, compileFeatures } from './feature-checks.ts';
import { type GroupCheck, raggedCheck, sparseCheck } from './feature-groups.ts';
import type { FeatureReport } from './feature-numbers.ts';
import { maxReports, rebuildStrings } from './strings-rebuild.ts';

type ExampleRule = Extract<RuleName, `example.${string}`>;

/**
 * The check of `example`; undefined when the tensor has no such rules, or all are off.
 * @throws CONTRACT_INVALID for a pattern of a feature that is not RE2 or too large.
 */
export function compileExampleRules(context: CompileContext): TensorCheck | undefined {
  const rules = context.rules.example;
  if (rules === undefined) return undefined;
  const bound = new Map<ExampleRule, BoundRule>();
  for (const name of exampleRules) {
    const rule = context.bind(name);
    if (rule !== undefined) bound.set(name, rule);
  }
  if (bound.size === 0) return undefined;
  const check = new ExampleCheck(rules, bound);
  const inSteps: TensorCheck['inSteps'] = (tensor, checkContext) => check.check(tensor, checkContext);
  return Object.assign((tensor: Tensor, checkContext: CheckContext) => inOneStep(check.check(tensor, checkContext)), { inSteps });
}

const exampleRules: readonly ExampleRule[] = [
  'example.structure',
  'example.unknownFeatures',
  'example.maxFeatures',
  'example.required',
  'example.kind',
  'example.count',
  'example.values',
  'example.sparse',
  'example.ragged',
];

/** Where one message lies, and what it is called. */
interface Message {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly index: number;
}

class ExampleCheck {
  readonly #rules: ExampleRules;
  readonly #bound: ReadonlyMap<ExampleRule, BoundRule>;
  /** The same rules for what they could not look at: there is nothing that an action could do about it. */
  readonly #refusing: ReadonlyMap<ExampleRule, BoundRule>;
  readonly #features: ReadonlyMap<string, CompiledFeature>;
  readonly #sparse: readonly GroupCheck[];
  readonly #ragged: readonly GroupCheck[];
  readonly #index = new ExampleIndex();
  /** For the tensor that is looked at. */
  #reports = 0;

  constructor(rules: ExampleRules, bound: ReadonlyMap<ExampleRule, BoundRule>) {
    this.#rules = rules;
    this.#bound = bound;
    this.#refusing = new Map(Array.from(bound, ([name, rule]) => [name, refusing(rule)]));
    this.#features = compileFeatures(rules.features, bound.has('example.values'));
    this.#sparse = rules.sparse.map((group) => sparseCheck(printable(group.name), group));
    this.#ragged = rules.ragged.map((group) => raggedCheck(printable(group.name), group));
  }

  *check(tensor: Tensor, context: CheckContext): Generator<void, Tensor> {
    if (tensor.dtype !== 'DT_STRING') return tensor;
    const { bytes, offsets } = tensor;
    const changed = new Map<number, Uint8Array>();
    const steps = new ElementSteps(offsets, context.measure);
    this.#reports = 0;
    for (let index = 0; index + 1 < offsets.length; index++) {
      if (steps.endsBefore(index)) {
        // Other requests are checked meanwhile.
        const reports = this.#reports;
        yield;
        this.#reports = reports;
      }
      if (this.#reports >= maxReports && context.findings.refused) return tensor;
      const selected = this.#message({ bytes, start: offsets[index], end: offsets[index + 1], index }, context);
      if (selected !== undefined) changed.set(index, selected);
    }
    return changed.size === 0 ? tensor : rebuildStrings(tensor, changed);
  }

  /** The message that takes its place, or undefined. */
  #message(message: Message, context: CheckContext): Uint8Array | undefined {
    const { bytes, start, end } = message;
    const { maxFeatures } = this.#rules;
    const tooMany = this.#bound.get('example.maxFeatures');
    // Names are looked at only when somebody will ask for them.
    const isBounded = tooMany !== undefined && context.findings.outcomeOf(tooMany) === 'reject';
    if (!this.#index.read(bytes, start, end, isBounded ? maxFeatures : maxIndexedFeatures)) {
      this.#unreadable(message, context, this.#index.problem);
      return undefined;
    }
    const { features, places } = this.#index;
    if (features > maxFeatures) {
      this.#report('example.maxFeatures', message, context, `at most ${maxFeatures} features`, () => String(features));
      if (isBounded) return undefined;
    }
    this.#named(message, context, places);
    for (const check of this.#sparse) {
      check(bytes, places, (expected, got) => this.#report('example.sparse', message, context, expected, got));
    }
    for (const check of this.#ragged) {
      check(bytes, places, (expected, got) => this.#report('example.ragged', message, context, expected, got));
    }
    return this.#rules.unknownFeatures === 'reject' ? this.#unknown(message, context, places) : undefined;
  }

  /** Refuses by the rule of the structure; where that only watches, by every rule that is enforced and could not be looked at. */
  #unreadable(message: Message, context: CheckContext, problem: string): void {
    const { findings } = context;
    this.#report('example.structure', message, context, 'a well-formed tf.Example', () => problem);
    if (this.#refuses('example.structure', findings)) return;
    for (const name of this.#bound.keys()) this.#unseen(name, message, context, 'a tf.Example that can be read', () => problem);
  }

  #refuses(name: ExampleRule, findings: Findings): boolean {
    const rule = this.#refusing.get(name);
    return rule !== undefined && findings.outcomeOf(rule) === 'reject';
  }

  /** For a rule that could not look at what it is about: refuses where it is enforced, whatever its action. */
  #unseen(
    name: ExampleRule,
    message: Message,
    context: CheckContext,
    expected: string,
    got: () => string,
    suffix?: string,
  ): void {
    if (!this.#refuses(name, context.findings)) return;
    this.#reportBy(this.#refusing.get(name), message, context, expected, got, suffix);
  }

  #named(message: Message, context: CheckContext, places: ReadonlyMap<string, FeaturePlace>): void {
    for (const [name, feature] of this.#features) {
      const place = places.get(name);
      if (place?.kind === undefined) {
        if (!feature.isRequired) continue;
        this.#report('example.required', message, context, `the feature ${feature.name}`, () => 'no such feature');
        continue;
      }
      const { count, kind } = place;
      const isOther = kind !== feature.kind;
      if (isOther) {
        this.#report('example.kind', message, context, `${feature.name} of kind ${feature.kind}`, () => kind, feature.name);
        if (this.#refuses('example.kind', context.findings)) continue;
      }
      if (count < feature.minCount || count > feature.maxCount) {
        this.#report('example.count', message, context, feature.expectedCount, () => `${count} values`, feature.name);
      }
      if (isOther) {
        // Rules of integers say nothing of floats: values of another kind than theirs have not been looked at.
        const expected = `${feature.name} with values of kind ${feature.kind}`;
        if (feature.boundsValues) this.#unseen('example.values', message, context, expected, () => kind, feature.name);
        continue;
      }
      const report: FeatureReport = (index, expected, got) => {
        const suffix = index === undefined ? feature.name : `${feature.name}[${index}]`;
        this.#report('example.values', message, context, expected, got, suffix);
      };
      feature.values?.(message.bytes, place, report, context.measure);
    }
  }

  #unknown(message: Message, context: CheckContext, places: ReadonlyMap<string, FeaturePlace>): Uint8Array | undefined {
    let others = 0;
    let first = 0;
    let at = 0;
    for (const name of places.keys()) {
      if (!this.#features.has(name) && others++ === 0) first = at;
      at++;
    }
    if (others === 0) return undefined;
    const rule = this.#bound.get('example.unknownFeatures');
    if (rule === undefined) return undefined;
    this.#reports++;
    const { path, findings } = context;
    // Its place, not its name: the name is the client's, and paths are logged.
    const action = findings.report(
      rule,
      () => path(message.index),
      'only features that the contract names',
      () => (others === 1 ? `another at ${first}` : `${others} others, the first at ${first}`),
    );
    if (action?.kind !== 'select') return undefined;
    return selectFeatures(
      message.bytes,
      Array.from(places.values()).filter(({ name }) => this.#features.has(name)),
    );
  }

  #report(
    name: ExampleRule,
    message: Message,
    context: CheckContext,
    expected: string,
    got: () => string,
    suffix?: string,
  ): void {
    this.#reportBy(this.#bound.get(name), message, context, expected, got, suffix);
  }

  #reportBy(
    rule: BoundRule | undefined,
    { index }: Message,
    { path, findings }: CheckContext,
    expected: string,
    got: () => string,
    suffix: string | undefined,
  ): void {
    if (rule === undefined) return;
    this.#reports++;
    findings.report(rule, () => (suffix === undefined ? path(index) : `${path(index)}.${suffix}`), expected, got);
  }
}
