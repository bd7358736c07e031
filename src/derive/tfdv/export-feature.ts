// The rules of one feature as a feature of a TFDV schema. TFDV has one domain per feature: the first that fits is written, and every rule
// that it does not hold is reported.
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ContractNumber, ContractValue, FeatureRules, StringRules } from '../../contract/index.ts';
import { floatTextPattern, integerTextPattern } from './feature-draft.ts';
import { type FeatureSchema, FeatureType } from './gen/tensorflow_metadata/schema_pb.ts';
import { outwardFloat32 } from './outward.ts';
import type { TransferNotes } from './transfer-report.ts';

export type FeatureInit = Exclude<MessageInitShape<typeof FeatureSchema>, { $typeName: string }>;
type Domain = FeatureInit['domainInfo'];

export const types = { bytes: FeatureType.BYTES, int64: FeatureType.INT, float: FeatureType.FLOAT } as const;

const noWord = 'TFDV has no such rule';

function isZeroAndOne(allowed: readonly ContractValue[]): boolean {
  return allowed.length === 2 && allowed.includes(0) && allowed.includes(1);
}

/** Integers of both kinds; Math.min takes no bigint. None of none. */
function smallest(values: readonly ContractNumber[]): readonly ContractNumber[] {
  return [...values].sort((a, b) => (a < b ? -1 : Number(a > b))).slice(0, 1);
}

function largest(values: readonly ContractNumber[]): readonly ContractNumber[] {
  return [...values].sort((a, b) => (a < b ? 1 : -Number(a > b))).slice(0, 1);
}

/** Outside of int64 the bound says nothing to TFDV. */
function int64Bound(value: ContractNumber | undefined, direction: 'ceil' | 'floor'): bigint | undefined {
  if (value === undefined) return undefined;
  const whole = typeof value === 'bigint' ? value : BigInt(Math[direction](value));
  return whole >= -(2n ** 63n) && whole < 2n ** 63n ? whole : undefined;
}

function intDomain(path: string, { min, max, allowed }: FeatureRules, notes: TransferNotes): Domain {
  const listed = (allowed ?? []).filter((value) => typeof value === 'number' || typeof value === 'bigint');
  if (allowed !== undefined)
    notes.lose(
      `${path}.allowed`,
      'int_domain',
      'a list of allowed integers',
      'becomes its smallest and largest value, and a comment',
    );
  const from = int64Bound(largest([...(min === undefined ? [] : [min]), ...smallest(listed)]).at(0), 'ceil');
  const to = int64Bound(smallest([...(max === undefined ? [] : [max]), ...largest(listed)]).at(0), 'floor');
  if (from === undefined && to === undefined) return undefined;
  return {
    case: 'intDomain',
    value: { ...(from === undefined ? {} : { min: from }), ...(to === undefined ? {} : { max: to }) },
  };
}

function floatDomain(path: string, { min, max, allowed, number }: FeatureRules, notes: TransferNotes): Domain {
  if (allowed !== undefined) notes.lose(`${path}.allowed`, 'float_domain', 'a list of allowed numbers', noWord);
  const bounds: { min?: number; max?: number } = {};
  for (const [key, bound] of [['min', min] as const, ['max', max] as const]) {
    if (bound === undefined) continue;
    const value = outwardFloat32(Number(bound), key === 'min' ? 'down' : 'up');
    bounds[key] = value;
    if (value !== Number(bound))
      notes.change(`${path}.${key}`, `float_domain.${key}`, 'a bound that no float32 holds', `becomes ${value}`);
  }
  return {
    case: 'floatDomain',
    value: {
      ...bounds,
      ...((number?.nan ?? 'reject') === 'reject' ? { disallowNan: true } : {}),
      ...((number?.infinity ?? 'reject') === 'reject' ? { disallowInf: true } : {}),
    },
  };
}

/** Names the rules of strings that are set and not in `written`. */
function loseStringRules(path: string, rules: StringRules, written: ReadonlySet<string>, notes: TransferNotes): void {
  for (const [key, value] of Object.entries(rules)) {
    if (written.has(key) || value === undefined || value === 'allow' || (key === 'encoding' && value === 'binary')) continue;
    notes.lose(`${path}.string.${key}`, '', `the rule string.${key}`, noWord);
  }
}

function bytesDomain(path: string, rules: FeatureRules, notes: TransferNotes): Domain {
  const { image, allowed, vocabulary, string } = rules;
  const written = new Set<string>();
  let domain: Domain;
  if (image !== undefined) {
    written.add('maxBytes');
    const bytes = string?.maxBytes;
    domain = {
      case: 'imageDomain',
      value: { minimumSupportedImageFraction: 1, ...(bytes === undefined ? {} : { maxImageByteSize: BigInt(bytes) }) },
    };
    notes.lose(
      `${path}.image`,
      'image_domain',
      'formats and sizes of images',
      'TFDV knows only whether an image can be decoded, and its bytes',
    );
  } else if (allowed !== undefined || (vocabulary !== undefined && vocabulary.entries.size > 0)) {
    written.add('encoding');
    domain = { case: 'stringDomain', value: { value: allowed?.map(String) ?? [...(vocabulary?.entries ?? [])] } };
  } else if (string?.pattern === integerTextPattern || string?.pattern === floatTextPattern) {
    for (const key of ['encoding', 'pattern']) written.add(key);
    domain = string.pattern === integerTextPattern ? { case: 'intDomain', value: {} } : { case: 'floatDomain', value: {} };
  }
  if (vocabulary !== undefined && (domain?.case !== 'stringDomain' || allowed !== undefined))
    notes.lose(`${path}.vocabulary`, 'string_domain', 'a vocabulary', 'its file was not read, or another domain takes its place');
  if (string !== undefined) loseStringRules(path, string, written, notes);
  return domain;
}

function domainOf(path: string, rules: FeatureRules, notes: TransferNotes): Domain {
  if (rules.kind === 'bytes') return bytesDomain(path, rules, notes);
  if (rules.vocabulary !== undefined) notes.lose(`${path}.vocabulary`, '', 'a vocabulary of numbers', noWord);
  if (rules.allowed !== undefined && isZeroAndOne(rules.allowed) && rules.min === undefined && rules.max === undefined)
    return { case: 'boolDomain', value: {} };
  return rules.kind === 'int64' ? intDomain(path, rules, notes) : floatDomain(path, rules, notes);
}

function shapeOf({ count, required }: FeatureRules): FeatureInit['shapeType'] {
  if (count === undefined) return undefined;
  const { min, max } = count;
  if (required && min !== undefined && min === max) return { case: 'shape', value: { dim: [{ size: BigInt(min) }] } };
  const ends = { ...(min === undefined ? {} : { min: BigInt(min) }), ...(max === undefined ? {} : { max: BigInt(max) }) };
  return { case: 'valueCount', value: ends };
}

/** The feature, for `create(SchemaSchema, …)`. `path` is its place in the contract, for the report. */
export function exportFeature(name: string, path: string, rules: FeatureRules, notes: TransferNotes): FeatureInit {
  const domainInfo = domainOf(path, rules, notes);
  const shapeType = shapeOf(rules);
  if (rules.monotone !== undefined) notes.lose(`${path}.monotone`, '', 'values that rise or fall', noWord);
  if (rules.unique === true)
    notes.lose(`${path}.unique`, '', 'no value twice in one example', 'TFDV counts different values of the data set');
  const unknown =
    domainInfo?.case === 'stringDomain' && rules.allowed === undefined ? (rules.vocabulary?.maxUnknownFraction ?? 0) : 0;
  if (unknown > 0)
    notes.change(
      `${path}.vocabulary`,
      'distribution_constraints',
      'the share of one example’s values',
      'becomes the share of the data set',
    );
  const isListed = domainInfo?.case === 'intDomain' && rules.allowed !== undefined;
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
