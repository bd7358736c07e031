// The rules that follow from serialized tf.Example messages. What the graph demands of a feature stays; that the data do not have it, or
// have it otherwise, is said aloud.
import { completeFeature, type FeatureRules, type Interval, type StringRules, type TensorRules } from '../../contract/index.ts';
import { printable } from '../../core/index.ts';
import type { ExampleMeasure, FeatureMeasure } from './example-measure.ts';
import { intervalText, isOutside } from './intervals.ts';
import { boundsOf, lengthBounds } from './margins.ts';
import { narrowBounds, openedBy } from './number-rules.ts';
import type { RuleDraft, RuleOptions } from './rule-draft.ts';
import { stringRules } from './text-rules.ts';

const maxNameChars = 1_024;

export function addExamples(examples: ExampleMeasure, base: TensorRules, options: RuleOptions, to: RuleDraft): void {
  if (examples.count === 0) return;
  const features = new Map(base.example?.features);
  for (const [name, feature] of examples.features) {
    const known = features.get(name);
    const shown = printable(name);
    if (name === '' || printable(name, maxNameChars) !== name) {
      to.warn(`the feature ${shown} has a name that no contract can hold`);
      continue;
    }
    // What the graph parses is another kind: the data are not what this model reads.
    if (known !== undefined && known.kind !== feature.kind) {
      to.warn(`the data have the feature ${shown} as ${feature.kind}, the model reads ${known.kind}`);
      continue;
    }
    const { rules, warnings, notes } = featureRules(feature, examples.count, known, options);
    features.set(name, rules);
    for (const text of warnings) to.warn(`feature ${shown}: ${text}`);
    to.notes.push(...notes.map((text) => `feature ${shown}: ${text}`));
  }
  addAbsent(examples, features, to);
  const unknownFeatures = base.example?.unknownFeatures ?? 'reject';
  const unnamed = [...examples.empty].filter((name) => !features.has(name)).length;
  if (unknownFeatures === 'reject' && unnamed > 0)
    to.warn(`${unnamed} features never have a value: they are of no kind, not named here, and refused`);
  // No graph says how many there may be, and fewer than are required would make no contract.
  const known = base.example?.maxFeatures ?? features.size;
  const maxFeatures = Math.max(known, examples.mostFeatures, 1);
  if (base.example !== undefined && maxFeatures > known)
    to.warn(`an example has ${maxFeatures} features, so maxFeatures is no longer ${known}`);
  to.draft.example = {
    unknownFeatures,
    maxFeatures,
    sparse: base.example?.sparse ?? [],
    ragged: base.example?.ragged ?? [],
    features,
  };
  to.draft.string = { encoding: 'binary', controlCharacters: 'allow', bidiControls: 'allow', invisible: 'allow' };
  to.derive('example.required', 'example.kind', 'example.count', 'example.values', 'example.unknownFeatures');
}

/** Features that the model needs and no example has. */
function addAbsent(examples: ExampleMeasure, features: ReadonlyMap<string, FeatureRules>, to: RuleDraft): void {
  for (const [name, { required }] of features)
    if (required && !examples.features.has(name)) to.warn(`no example has the feature ${printable(name)}, which must be there`);
}

interface MeasuredFeature {
  readonly rules: FeatureRules;
  readonly warnings: readonly string[];
  readonly notes: readonly string[];
}

function featureRules(
  feature: FeatureMeasure,
  examples: number,
  known: FeatureRules | undefined,
  options: RuleOptions,
): MeasuredFeature {
  const { counts, numbers, present } = feature;
  const warnings: string[] = [];
  if (known?.required === true && present < examples)
    warnings.push(`${examples - present} of ${examples} examples lack it, and it must be there`);
  const { min, max } = counts;
  if (known?.count !== undefined && isOutside(counts, known.count))
    warnings.push(`the data have ${intervalText({ min, max })} values, allowed are ${intervalText(known.count)}`);
  const isFixed = min === max;
  const count: Interval = isFixed ? { min, max } : lengthBounds(counts, options.margin);
  const measured = feature.kind === 'bytes' ? undefined : boundsOf(numbers, options.margin);
  const narrowed = measured === undefined ? undefined : narrowBounds(measured, known ?? {}, numbers);
  warnings.push(...(narrowed?.passed ?? []).map(({ text }) => text));
  const opened = openedBy(numbers);
  if (opened !== undefined) warnings.push(opened);
  const string = feature.kind === 'bytes' && feature.text.count > 0 ? featureString(feature, options) : undefined;
  const rules = completeFeature({
    ...known,
    kind: feature.kind,
    required: known?.required ?? present === examples,
    count: known?.count ?? count,
    ...narrowed?.bounds,
    ...(feature.kind === 'float'
      ? {
          number: {
            nan: numbers.nans > 0 ? ('allow' as const) : ('reject' as const),
            infinity: numbers.infinities > 0 ? ('allow' as const) : ('reject' as const),
          },
        }
      : {}),
    ...(string === undefined ? {} : { string: string.rules }),
  });
  return { rules, warnings, notes: string?.notes ?? [] };
}

/** A pattern that does not hold for all values cannot only watch here: the rules of a feature have one mode together. */
function featureString({ text }: FeatureMeasure, options: RuleOptions): { rules: StringRules; notes: readonly string[] } {
  const { rules, mode, notes } = stringRules(text, options);
  if (mode === undefined) return { rules, notes };
  const { pattern: _, ...rest } = rules;
  return { rules: rest, notes };
}
