// The rules that follow from what was measured of one input. Every hard rule holds for all data that were read; what holds for nearly all
// of them only watches. A rule that the skeleton has already, from the signature or the graph, is kept where it is narrower.
import type { FeatureRules, ImageFormat, ImageRules, Mode, RuleName, StringRules, TensorRules } from '../../contract/index.ts';
import { completeFeature, completeTensor } from '../../contract/index.ts';
import { dtypes } from '../../tensor/index.ts';
import { VocabularyFiles } from '../vocabulary-files.ts';
import type { FeatureMeasure } from './example-measure.ts';
import type { ImageMeasure } from './image-measure.ts';
import type { InputMeasure } from './input-measure.ts';
import { boundsOf, lengthBounds } from './margins.ts';
import type { NumberMeasure } from './number-measure.ts';
import type { TextMeasure } from './text-measure.ts';

export interface RuleOptions {
  /** Share of the spread by which bounds are widened. */
  readonly margin: number;
  readonly detect: boolean;
  /** Id of the source. */
  readonly source: string;
}

export interface MeasuredRules {
  readonly rules: TensorRules;
  /** The words of a vocabulary to write beside the contract. */
  readonly words: readonly string[] | undefined;
  /** For the file's comments, printable. */
  readonly notes: readonly string[];
}

/** Words of a vocabulary; more are not a closed set just because they were counted. */
const maxWords = 100;
/** How likely another word may be. */
const maxUnseen = 0.01;

type Draft = { -readonly [K in keyof TensorRules]?: TensorRules[K] };

/** Collects the rules of one tensor with their modes and sources. */
class RuleDraft {
  readonly draft: Draft = {};
  readonly modes = new Map<RuleName, Mode>();
  readonly derived = new Set<RuleName>();
  readonly notes: string[] = [];
  words: readonly string[] | undefined;

  derive(...names: RuleName[]): void {
    for (const name of names) this.derived.add(name);
  }
}

/** `base`: the skeleton's rules of this tensor. */
export function rulesOfMeasure(measure: InputMeasure, base: TensorRules, options: RuleOptions): MeasuredRules {
  const to = new RuleDraft();
  if (measure.missing > 0) {
    const share = ((100 * measure.missing) / measure.records).toPrecision(2);
    to.notes.push(`${measure.missing} of ${measure.records} records (${share} %) have no value here; a request must have one`);
  }
  if (measure.numbers !== undefined) addNumbers(measure, measure.numbers, base, options, to);
  if (measure.text !== undefined) addText(measure.text, base, options, to);
  if (measure.images !== undefined) addImages(measure.images, options, to);
  if (measure.examples !== undefined) addExamples(measure, base, options, to);
  const derivedFrom = new Map(base.derivedFrom);
  for (const name of to.derived) derivedFrom.set(name, options.source);
  const rules = completeTensor({
    ...base,
    ...to.draft,
    onViolation: base.onViolation,
    // What the graph does not demand only watches; what the data are is enforced.
    modes: new Map([...[...base.modes].filter(([name]) => !to.derived.has(name)), ...to.modes]),
    derivedFrom,
  });
  return { rules, words: to.words, notes: to.notes };
}

function addNumbers(measure: InputMeasure, numbers: NumberMeasure, base: TensorRules, options: RuleOptions, to: RuleDraft): void {
  const { kind } = dtypes[numbers.dtype];
  if (numbers.nans + numbers.infinities > 0 && base.number !== undefined) {
    to.draft.number = {
      ...base.number,
      nan: numbers.nans > 0 ? 'allow' : base.number.nan,
      infinity: numbers.infinities > 0 ? 'allow' : base.number.infinity,
    };
    if (numbers.nans > 0) to.derive('number.nan');
    if (numbers.infinities > 0) to.derive('number.infinity');
    to.notes.push(`the data have ${numbers.nans} NaN and ${numbers.infinities} infinities, which are therefore allowed`);
  }
  const bounds = kind === 'int' || kind === 'float' ? boundsOf(numbers, options.margin) : undefined;
  if (bounds !== undefined) {
    // An infinity is beyond every bound.
    const isBounded = numbers.infinities === 0;
    if (isBounded && (base.min === undefined || bounds.min > base.min)) {
      to.draft.min = bounds.min;
      to.derive('min');
    }
    if (isBounded && (base.max === undefined || bounds.max < base.max)) {
      to.draft.max = bounds.max;
      to.derive('max');
    }
    to.draft.softMin = bounds.softMin;
    to.draft.softMax = bounds.softMax;
    to.derive('softMin', 'softMax');
    if (numbers.min === numbers.max) to.notes.push(`all values are ${numbers.min}: only this one is allowed`);
  }
  const [last] = measure.sizes.slice(-1);
  if (last !== undefined && last.min === last.max && last.max > 1 && measure.sizes.length === 1)
    to.notes.push('bounds hold for all elements of a row together; a contract cannot bound each one for itself');
  if (!options.detect) return;
  const { order } = measure;
  if (order !== undefined) {
    to.draft.monotone = order;
    to.derive('monotone');
  }
  addUnique(numbers.distinct.allDiffer && numbers.count > 1, to);
}

function addUnique(allDiffer: boolean, to: RuleDraft): void {
  if (!allDiffer) return;
  to.draft.unique = 'elements';
  to.derive('unique');
}

function addText(text: TextMeasure, base: TensorRules, options: RuleOptions, to: RuleDraft): void {
  if (text.count === 0) return;
  const words = wordsOf(text);
  const { rules, mode } = stringRules(text, options, words === undefined);
  to.draft.string = { ...base.string, ...rules };
  to.derive('string.encoding', 'string.minBytes', 'string.maxBytes');
  if (rules.encoding === 'binary') {
    to.notes.push(`${text.invalid} of ${text.count} values are not UTF-8: no rule of text is set`);
    return;
  }
  to.derive('string.maxCodePoints', 'string.controlCharacters', 'string.bidiControls', 'string.invisible');
  if (rules.maxGraphemes !== undefined) to.derive('string.maxGraphemes');
  if (rules.normalization !== undefined) to.derive('string.normalization');
  if (rules.pattern !== undefined) {
    to.derive('string.pattern');
    if (mode !== undefined) to.modes.set('string.pattern', mode);
  }
  const table = base.vocabulary?.entries;
  // A table of the model itself knows better which words there are; that the data hold no others is reason enough to enforce it.
  if (words !== undefined && table === undefined) to.words = words;
  if (words?.every((word) => table === undefined || table.has(word)) === true) to.derive('vocabulary');
  if (options.detect) addUnique(text.distinct.allDiffer && text.count > 1, to);
}

/** The closed set of words that the values are, if there is one. */
function wordsOf({ distinct }: TextMeasure): readonly string[] | undefined {
  const { size } = distinct;
  if (size === undefined || size > maxWords || distinct.unseenShare > maxUnseen) return undefined;
  const words = [...distinct.values].sort((one, other) => (one < other ? -1 : 1));
  return VocabularyFiles.canHold(words) ? words : undefined;
}

function stringRules(
  text: TextMeasure,
  { margin }: RuleOptions,
  withPattern = true,
): { readonly rules: StringRules; readonly mode?: Mode } {
  const bytes = lengthBounds(text.bytes, margin);
  const lengths = { minBytes: bytes.min, maxBytes: bytes.max };
  if (text.invalid > 0) {
    const allow = { controlCharacters: 'allow', bidiControls: 'allow', invisible: 'allow' } as const;
    return { rules: { encoding: 'binary', ...allow, ...lengths } };
  }
  const graphemes = lengthBounds(text.graphemes, margin).max;
  const codePoints = lengthBounds(text.codePoints, margin).max;
  const found = withPattern ? text.shapes.pattern(margin) : undefined;
  const rules: StringRules = {
    encoding: 'utf8',
    controlCharacters: text.controls === 0 ? 'reject' : 'allow',
    bidiControls: text.bidiControls === 0 ? 'reject' : 'allow',
    invisible: text.invisibles === 0 ? 'reject' : 'allow',
    ...lengths,
    maxCodePoints: codePoints,
    ...(graphemes < codePoints ? { maxGraphemes: graphemes } : {}),
    // ASCII is its own normal form and says nothing about other text.
    ...(text.notAscii > 0 && text.notNfc === 0 ? { normalization: 'NFC' as const } : {}),
    ...(found === undefined ? {} : { pattern: found.pattern }),
  };
  return found !== undefined && found.share < 1 ? { rules, mode: 'shadow' } : { rules };
}

/** Those that TensorFlow's SECURITY.md lists as safe for input that nobody trusts. */
const trustedFormats: readonly ImageFormat[] = ['png', 'gif', 'bmp'];

function addImages(images: ImageMeasure, options: RuleOptions, to: RuleDraft): void {
  if (images.firstProblem !== undefined) {
    const { index, text } = images.firstProblem;
    to.notes.push(
      `${images.problems} of ${images.count} files are no images that can be allowed; the first is number ${index}: ${text}`,
    );
  }
  if (images.bytes.count === 0) return;
  to.draft.image = imageRules(images, options.margin);
  to.draft.string = {
    encoding: 'binary',
    controlCharacters: 'allow',
    bidiControls: 'allow',
    invisible: 'allow',
    maxBytes: lengthBounds(images.bytes, options.margin).max,
  };
  to.derive('image.format', 'image.width', 'image.height', 'image.maxPixels', 'image.channels', 'image.bitDepth');
  to.derive('image.maxFrames', 'image.maxDecodedBytes', 'image.maxRatio', 'image.maxMetadataBytes', 'string.maxBytes');
  if (images.formats.has('jpeg')) to.derive('image.maxScans');
}

function imageRules(images: ImageMeasure, margin: number): ImageRules {
  const sorted = (values: Iterable<number>) => [...values].sort((one, other) => one - other);
  const formats = [...images.formats.keys()].sort();
  return {
    formats: formats.filter((format) => trustedFormats.includes(format)),
    reencode: formats.filter((format) => !trustedFormats.includes(format)),
    width: lengthBounds(images.width, margin),
    height: lengthBounds(images.height, margin),
    maxPixels: lengthBounds(images.pixels, margin).max,
    channels: sorted(images.channels.keys()),
    bitDepth: sorted(images.bitDepths.keys()),
    maxFrames: images.maxFrames,
    maxDecodedBytes: lengthBounds(images.decodedBytes, margin).max,
    maxRatio: Math.ceil(images.maxRatio * (1 + margin)),
    inflatedSize: 'check',
    trailingData: images.trailing === 0 ? 'reject' : 'allow',
    maxMetadataBytes: lengthBounds(images.metadataBytes, margin).max,
    maxScans: Math.max(images.maxScans, 1),
    checksums: images.badChecksums === 0 ? 'check' : 'ignore',
  };
}

function addExamples(measure: InputMeasure, base: TensorRules, options: RuleOptions, to: RuleDraft): void {
  const { examples } = measure;
  if (examples === undefined || examples.count === 0) return;
  const features = new Map(base.example?.features);
  for (const [name, feature] of examples.features) {
    const known = features.get(name);
    // What the graph parses is another kind: the data are not what this model reads.
    if (known !== undefined && known.kind !== feature.kind) {
      to.notes.push(`the data have the feature ${name} as ${feature.kind}, the model reads ${known.kind}`);
      continue;
    }
    features.set(name, featureRules(feature, examples.count, known, options));
  }
  to.draft.example = {
    unknownFeatures: base.example?.unknownFeatures ?? 'reject',
    maxFeatures: base.example?.maxFeatures ?? Math.max(features.size, 1),
    sparse: base.example?.sparse ?? [],
    ragged: base.example?.ragged ?? [],
    features,
  };
  to.draft.string = { encoding: 'binary', controlCharacters: 'allow', bidiControls: 'allow', invisible: 'allow' };
  to.derive('example.required', 'example.kind', 'example.count', 'example.values', 'example.unknownFeatures');
}

function featureRules(
  feature: FeatureMeasure,
  examples: number,
  known: FeatureRules | undefined,
  options: RuleOptions,
): FeatureRules {
  const count = lengthBounds(feature.counts, options.margin);
  const isFixed = feature.counts.min === feature.counts.max;
  const bounds = feature.kind === 'bytes' ? undefined : boundsOf(feature.numbers, options.margin);
  const { nans, infinities } = feature.numbers;
  return completeFeature({
    ...known,
    kind: feature.kind,
    required: known?.required ?? feature.present === examples,
    count: known?.count ?? (isFixed ? { min: feature.counts.min, max: feature.counts.max } : count),
    ...(bounds === undefined || infinities > 0 ? {} : { min: bounds.min, max: bounds.max }),
    ...(feature.kind === 'float'
      ? {
          number: {
            nan: nans > 0 ? ('allow' as const) : ('reject' as const),
            infinity: infinities > 0 ? ('allow' as const) : ('reject' as const),
          },
        }
      : {}),
    ...(feature.kind === 'bytes' && feature.text.count > 0 ? { string: featureString(feature, options) } : {}),
  });
}

/** A pattern that does not hold for all values cannot only watch here: the rules of a feature have one mode together. */
function featureString({ text }: FeatureMeasure, options: RuleOptions): StringRules {
  const { rules, mode } = stringRules(text, options);
  if (mode === undefined) return rules;
  const { pattern: _, ...rest } = rules;
  return rest;
}
