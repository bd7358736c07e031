// The checks that can be built into a graph, as data: what a rule of a contract becomes. Nothing here knows how a graph is written.
import type { DType } from '../tensor/index.ts';

export interface CheckText {
  /** `serving_default/inputs/age/max`; several when one operation checks several rules. */
  readonly ruleIds: readonly string[];
  /** For the message: `at most 120`. Safe to show. */
  readonly expected: string;
}

export interface NamedAxis {
  readonly axis: number;
  readonly name: string;
  /** The size of the axis is multiplier × dimension + offset. */
  readonly multiplier: number;
  readonly offset: number;
}

export interface DimBounds {
  readonly min: number;
  readonly max: number;
  readonly multipleOf?: number;
}

/** Looks at the shape only, and runs before anything touches the values. */
export type LayoutCheck = CheckText &
  (
    | {
        readonly kind: 'shape';
        /** -1 where any size will do. */
        readonly sizes: readonly number[];
        readonly named: readonly NamedAxis[];
      }
    | { readonly kind: 'elements'; readonly max: number }
  );

/** Runs before the comparisons, so that what is no number never reaches them. */
export type FiniteCheck = CheckText & { readonly kind: 'finite' | 'notNan' | 'notInfinite' };

export type Comparison = 'GreaterEqual' | 'LessEqual' | 'Greater' | 'Less';

export type ValueCheck = CheckText &
  (
    | {
        readonly kind: 'bound';
        readonly comparison: Comparison;
        readonly value: number | bigint;
        /** The contract allows NaN; otherwise it is outside of every bound, also where its own rule is not built in. */
        readonly passesNan: boolean;
      }
    /** Sorted, without duplicates. */
    | { readonly kind: 'oneOf'; readonly values: readonly (number | bigint)[] }
    /** RE2; the whole string must match. */
    | { readonly kind: 'match'; readonly pattern: string }
    | {
        readonly kind: 'length';
        readonly unit: 'BYTE' | 'UTF8_CHAR';
        readonly comparison: 'GreaterEqual' | 'LessEqual';
        readonly value: number;
      }
    /** All strings of the tensor together. */
    | { readonly kind: 'totalBytes'; readonly max: number }
  );

/** All that is built in for one tensor. */
export interface TensorChecks {
  readonly dtype: DType;
  readonly layout: readonly LayoutCheck[];
  readonly finite: readonly FiniteCheck[];
  readonly values: readonly ValueCheck[];
  /** Bounds of the named dimensions that this tensor's shape has. */
  readonly dims: ReadonlyMap<string, DimBounds>;
}

export function isEmpty(checks: TensorChecks): boolean {
  return checks.layout.length + checks.finite.length + checks.values.length === 0;
}

/** Equal exactly when two tensors are checked in the same way, whatever the messages say. */
export function checksKey(checks: TensorChecks): string {
  const { dtype, layout, finite, values, dims } = checks;
  const meaning = [dtype, [...layout, ...finite, ...values].map((check) => ({ ...check, ruleIds: 0, expected: 0 })), [...dims]];
  return JSON.stringify(meaning, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
  });
}
