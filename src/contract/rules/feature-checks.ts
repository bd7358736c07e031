// The rules of the features of a tf.Example, compiled: what must be there, of which kind, how many values, and what these may be.
import { printable } from '../../core/index.ts';
import type { FeatureKind, FeatureRules } from '../contract-types.ts';
import { compileFeatureBytes } from './feature-bytes.ts';
import { compileFeatureNumbers, type FeatureCheck } from './feature-numbers.ts';

export interface CompiledFeature {
  /** Printable. */
  readonly name: string;
  readonly kind: FeatureKind;
  readonly isRequired: boolean;
  readonly minCount: number;
  readonly maxCount: number;
  readonly expectedCount: string;
  readonly values?: FeatureCheck;
  /** Whether `values` says something that values of another kind could break too: those cannot be NaN, but they can be too large. */
  readonly boundsValues: boolean;
}

/**
 * By name. `withValues`: false leaves the rules of values out.
 * @throws CONTRACT_INVALID for a pattern that is not RE2 or too large.
 */
export function compileFeatures(
  features: ReadonlyMap<string, FeatureRules>,
  withValues: boolean,
): ReadonlyMap<string, CompiledFeature> {
  return new Map(Array.from(features, ([name, rules]) => [name, compileFeature(printable(name), rules, withValues)]));
}

const valueRules = ['min', 'max', 'allowed', 'vocabulary', 'string', 'image', 'monotone', 'unique'] as const;

function compileFeature(name: string, rules: FeatureRules, withValues: boolean): CompiledFeature {
  const { min = 0, max = Number.POSITIVE_INFINITY } = rules.count ?? {};
  const compile = rules.kind === 'bytes' ? compileFeatureBytes : compileFeatureNumbers;
  const values = withValues ? compile(name, rules) : undefined;
  return {
    name,
    kind: rules.kind,
    isRequired: rules.required,
    minCount: min,
    maxCount: max,
    expectedCount: `${name} with ${countText(min, max)}`,
    ...(values === undefined ? {} : { values }),
    boundsValues: values !== undefined && valueRules.some((key) => rules[key] !== undefined && rules[key] !== false),
  };
}

function countText(min: number, max: number): string {
  if (min === max) return min === 1 ? '1 value' : `${min} values`;
  if (max === Number.POSITIVE_INFINITY) return `at least ${min} values`;
  return min === 0 ? `at most ${max} values` : `${min} to ${max} values`;
}
