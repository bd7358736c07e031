// The rules of one feature as a feature of a TFDV schema. TFDV has one domain per feature: the first that fits is written, and every rule
// that it does not hold is reported.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { FeatureRules, TensorRules } from '../../contract/index.ts';
import { integerEnds, isZeroAndOne } from './export-ends.ts';
import type { ExportedFeature } from './export-inputs.ts';
import { type ExportNotes, noWord } from './export-notes.ts';
import { floatTextPattern, integerTextPattern } from './feature-draft.ts';
import { type FeatureSchema, FeatureType } from './gen/tensorflow_metadata/schema_pb.ts';
import { outwardFloat32 } from './outward.ts';

export type FeatureInit = Exclude<MessageInitShape<typeof FeatureSchema>, { $typeName: string }>;
type Domain = FeatureInit['domainInfo'];

export const types = { bytes: FeatureType.BYTES, int64: FeatureType.INT, float: FeatureType.FLOAT } as const;

function intDomain(path: string, rules: FeatureRules, notes: ExportNotes): Domain {
  const { from, to } = integerEnds(path, 'int_domain', rules, notes);
  if (from === undefined && to === undefined) return undefined;
  return {
    case: 'intDomain',
    value: { ...(from === undefined ? {} : { min: from }), ...(to === undefined ? {} : { max: to }) },
  };
}

function floatDomain(path: string, { min, max, allowed, number }: FeatureRules, notes: ExportNotes): Domain {
  if (allowed !== undefined) notes.lose(`${path}.allowed`, 'float_domain', 'a list of allowed numbers', noWord);
  const bounds: { min?: number; max?: number } = {};
  for (const [key, bound] of [['min', min] as const, ['max', max] as const]) {
    if (bound === undefined) continue;
    const value = outwardFloat32(Number(bound), key === 'min' ? 'down' : 'up');
    bounds[key] = value;
    notes.say(`${path}.${key}`);
    if (value !== Number(bound))
      notes.change(`${path}.${key}`, `float_domain.${key}`, 'a bound that no float32 holds', `becomes ${value}`);
  }
  for (const key of ['nan', 'infinity']) notes.say(`${path}.number.${key}`);
  return {
    case: 'floatDomain',
    value: {
      ...bounds,
      ...((number?.nan ?? 'reject') === 'reject' ? { disallowNan: true } : {}),
      ...((number?.infinity ?? 'reject') === 'reject' ? { disallowInf: true } : {}),
    },
  };
}

function bytesDomain(path: string, rules: FeatureRules, notes: ExportNotes): Domain {
  const { image, allowed, vocabulary, string } = rules;
  if (image !== undefined) {
    const bytes = string?.maxBytes;
    notes.say(`${path}.string.maxBytes`);
    notes.lose(
      `${path}.image`,
      'image_domain',
      'formats and sizes of images',
      'TFDV knows only whether an image can be decoded, and its bytes',
    );
    return {
      case: 'imageDomain',
      value: { minimumSupportedImageFraction: 1, ...(bytes === undefined ? {} : { maxImageByteSize: BigInt(bytes) }) },
    };
  }
  if (allowed !== undefined || (vocabulary !== undefined && vocabulary.entries.size > 0)) {
    const words = allowed?.map(String) ?? [...(vocabulary?.entries ?? [])];
    notes.say(allowed === undefined ? `${path}.vocabulary` : `${path}.allowed`);
    // Where nothing but the words gets through, their encoding is the encoding.
    const isClosed = allowed !== undefined || vocabulary?.maxUnknownFraction === 0;
    if (isClosed && (string?.encoding !== 'ascii' || words.every((word) => /^\p{ASCII}*$/u.test(word))))
      notes.say(`${path}.string.encoding`);
    return { case: 'stringDomain', value: { value: words } };
  }
  if (string?.pattern !== integerTextPattern && string?.pattern !== floatTextPattern) return undefined;
  for (const key of ['encoding', 'pattern']) notes.say(`${path}.string.${key}`);
  return string.pattern === integerTextPattern ? { case: 'intDomain', value: {} } : { case: 'floatDomain', value: {} };
}

function domainOf(path: string, rules: FeatureRules, notes: ExportNotes): Domain {
  if (rules.kind === 'bytes') return bytesDomain(path, rules, notes);
  if (rules.allowed !== undefined && isZeroAndOne(rules.allowed) && rules.min === undefined && rules.max === undefined) {
    for (const key of ['allowed', 'number.nan', 'number.infinity']) notes.say(`${path}.${key}`);
    return { case: 'boolDomain', value: {} };
  }
  return rules.kind === 'int64' ? intDomain(path, rules, notes) : floatDomain(path, rules, notes);
}

function shapeOf({ count, required }: FeatureRules): FeatureInit['shapeType'] {
  if (count === undefined) return undefined;
  const { min, max } = count;
  if (required && min !== undefined && min === max) return { case: 'shape', value: { dim: [{ size: BigInt(min) }] } };
  const ends = { ...(min === undefined ? {} : { min: BigInt(min) }), ...(max === undefined ? {} : { max: BigInt(max) }) };
  return { case: 'valueCount', value: ends };
}

/** The shape after the batch, where all of it is fixed. */
function denseShape(path: string, { shape }: TensorRules, notes: ExportNotes): FeatureInit['shapeType'] {
  if (shape === undefined) return undefined;
  const dim = shape.slice(1).flatMap((each) => (each.kind === 'fixed' ? [{ size: BigInt(each.size) }] : []));
  if (dim.length < shape.length - 1) {
    notes.lose(`${path}.shape`, 'shape', 'named or open dimensions', 'TFDV’s shapes are fixed');
    return undefined;
  }
  notes.say(`${path}.shape`);
  return { case: 'shape', value: { dim } };
}

/** The feature, for `create(SchemaSchema, …)`. */
export function exportFeature({ name, path, rules, tensor }: ExportedFeature, notes: ExportNotes): FeatureInit {
  const domainInfo = domainOf(path, rules, notes);
  const shapeType = tensor === undefined ? shapeOf(rules) : denseShape(path, tensor, notes);
  for (const key of ['kind', 'required', 'count']) notes.say(`${path}.${key}`);
  const unknown =
    domainInfo?.case === 'stringDomain' && rules.allowed === undefined ? (rules.vocabulary?.maxUnknownFraction ?? 0) : 0;
  if (unknown > 0)
    notes.change(
      `${path}.vocabulary`,
      'distribution_constraints',
      'the share of one example’s values',
      'becomes the share of the data set',
    );
  const isListed = domainInfo?.case === 'intDomain' && rules.kind !== 'bytes' && rules.allowed !== undefined;
  return {
    name,
    type: types[rules.kind],
    ...(shapeType === undefined ? {} : { shapeType }),
    ...(domainInfo === undefined ? {} : { domainInfo }),
    ...(rules.required ? { presenceConstraints: { case: 'presence', value: { minFraction: 1 } } } : {}),
    ...(unknown > 0 ? { distributionConstraints: { minDomainMass: 1 - unknown } } : {}),
    ...(isListed ? { annotation: { comment: [`allowed: ${(rules.allowed ?? []).slice(0, 1_000).join(' ')}`] } } : {}),
  };
}
