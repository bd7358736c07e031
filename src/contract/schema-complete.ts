// Fills in what depends on a tensor's data type: the rules that are on by default, and the kind of its bounds. After this, all that is
// enforced is in the contract, and two files that mean the same give the same value.
import { dtypes } from '../tensor/index.ts';
import type {
  ContractNumber,
  ContractValue,
  FeatureRules,
  NumberRules,
  OutputRules,
  StringRules,
  TensorRules,
} from './contract-types.ts';

/** NaN and infinities are refused; all else is let through. */
export const defaultNumberRules: NumberRules = {
  nan: 'reject',
  infinity: 'reject',
  subnormal: 'allow',
  negativeZero: 'allow',
  narrowing: 'nearest',
};

const presetString: Omit<StringRules, 'encoding'> = { controlCharacters: 'allow', bidiControls: 'allow', invisible: 'allow' };

/** Text unless something else says what the bytes are. */
type Draft<T> = Omit<T, 'string' | 'number'> & {
  readonly string?: Omit<StringRules, 'encoding'> & Partial<Pick<StringRules, 'encoding'>>;
  readonly number?: Partial<NumberRules>;
};

type Bounds = Partial<
  Record<'min' | 'max' | 'exclusiveMin' | 'exclusiveMax' | 'softMin' | 'softMax', ContractNumber> & {
    allowed: readonly ContractValue[];
  }
>;

const boundKeys = ['min', 'max', 'exclusiveMin', 'exclusiveMax', 'softMin', 'softMax'] as const;

/** Bounds of floating-point values are doubles, whatever they look like in the file. */
export function floatBounds<T extends Bounds>(rules: T): T {
  const bounds: Record<string, unknown> = {};
  for (const key of boundKeys) if (typeof rules[key] === 'bigint') bounds[key] = Number(rules[key]);
  if (rules.allowed !== undefined)
    bounds.allowed = rules.allowed.map((value) => (typeof value === 'bigint' ? Number(value) : value));
  return { ...rules, ...bounds };
}

/** A tensor with every default. */
export function completeTensor(draft: Draft<TensorRules>): TensorRules {
  const { string, number, ...rest } = draft;
  const { kind } = dtypes[draft.dtype];
  const isBinary = draft.image !== undefined || draft.audio !== undefined || draft.example !== undefined;
  const isFloat = kind === 'float' || kind === 'complex';
  return {
    ...(kind === 'float' ? floatBounds(rest) : rest),
    ...(isFloat || number !== undefined ? { number: { ...defaultNumberRules, ...number } } : {}),
    ...(string !== undefined || kind === 'string'
      ? { string: { encoding: isBinary ? 'binary' : 'utf8', ...presetString, ...string } }
      : {}),
  };
}

/** An output with every default. */
export function completeOutput(draft: Draft<OutputRules>): OutputRules {
  const { matchesBatch, roundTo, topK, redact } = draft;
  return {
    ...completeTensor(draft),
    matchesBatch,
    redact,
    ...(roundTo === undefined ? {} : { roundTo }),
    ...(topK === undefined ? {} : { topK }),
  };
}

/** A feature with every default. */
export function completeFeature(draft: Draft<FeatureRules>): FeatureRules {
  const { string, number, ...rest } = draft;
  const isBinary = draft.image !== undefined;
  return {
    ...(draft.kind === 'float' ? floatBounds(rest) : rest),
    ...(draft.kind === 'float' || number !== undefined
      ? { number: { nan: number?.nan ?? 'reject', infinity: number?.infinity ?? 'reject' } }
      : {}),
    ...(string !== undefined || draft.kind === 'bytes'
      ? { string: { encoding: isBinary ? 'binary' : 'utf8', ...presetString, ...string } }
      : {}),
  };
}
