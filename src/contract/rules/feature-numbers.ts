// The rules of the numbers of one feature. Floats are compared as what they are, 32 bits: the bounds of the contract are rounded to the same
// first, or a value of 0.1 would lie above a bound of 0.1. Integers are exact at any size.
import type { CheckContext } from '../check-types.ts';
import type { ContractNumber, FeatureRules, Monotone } from '../contract-types.ts';
import type { FeaturePlace } from './example-index.ts';
import { FeatureValues } from './example-values.ts';
import { NumberRows } from './feature-unique.ts';

/** Of one feature; `index` is the value's place in it, undefined for all of them together. */
export type FeatureReport = (index: number | undefined, expected: string, got: () => string) => void;

/**
 * Looks at the values of one feature. Reports the first value that breaks a rule, not each: a list of a million is one mistake. Adds the
 * pixels of images to `measure`.
 */
export type FeatureCheck = (bytes: Uint8Array, place: FeaturePlace, report: FeatureReport, measure: FeatureMeasure) => void;

export type FeatureMeasure = CheckContext['measure'];

interface NumberTest {
  readonly expected: string;
  holds(value: ContractNumber): boolean;
}

/** `name` is printable. Undefined when there is nothing to look at. */
export function compileFeatureNumbers(name: string, rules: FeatureRules): FeatureCheck | undefined {
  const tests = rules.kind === 'float' ? floatTests(name, rules) : boundTests(name, rules, (bound) => bound);
  const { monotone, unique = false, vocabulary } = rules;
  const isKnown = vocabulary === undefined ? undefined : (value: ContractNumber) => vocabulary.entries.has(String(value));
  const maxUnknownFraction = vocabulary?.maxUnknownFraction ?? 0;
  if (tests.length === 0 && monotone === undefined && !unique && isKnown === undefined) return undefined;
  const follows = monotone === undefined ? undefined : orders[monotone];
  return (bytes, place, report) => {
    const broken = new Set<NumberTest | 'monotone'>();
    const isFloat = place.kind === 'float';
    const seen = unique ? new NumberRows(place.count, 1) : undefined;
    const values = new FeatureValues(bytes, place);
    let previous: ContractNumber | undefined;
    let unknown = 0;
    for (let index = 0; !values.isDone; index++) {
      const value = isFloat ? values.nextFloat() : values.nextInt64();
      for (const test of tests) {
        if (test.holds(value) || broken.has(test)) continue;
        broken.add(test);
        report(index, test.expected, () => String(value));
      }
      if (follows !== undefined && previous !== undefined && !follows(previous, value) && !broken.has('monotone')) {
        broken.add('monotone');
        const before = previous;
        report(index, `${name} ${monotone}`, () => `${value} after ${before}`);
      }
      previous = value;
      if (seen !== undefined) {
        if (isFloat) seen.addFloat(Number(value));
        else seen.addInteger(value);
      }
      if (isKnown !== undefined && !isKnown(value)) {
        unknown++;
        if (unknown === 1 && maxUnknownFraction === 0) report(index, `${name} in its vocabulary`, () => String(value));
      }
    }
    const again = seen?.firstRepeated() ?? -1;
    if (again >= 0) {
      report(again, `${name} without a value twice`, () => String(isFloat ? seen?.floatAt(again) : seen?.integerAt(again)));
    }
    if (maxUnknownFraction > 0) reportUnknown(name, unknown, place.count, maxUnknownFraction, report);
  };
}

/** Reports when more than the share that a vocabulary allows is not in it. */
export function reportUnknown(name: string, unknown: number, count: number, maxFraction: number, report: FeatureReport): void {
  if (unknown <= maxFraction * count) return;
  report(undefined, `${name} with at most ${maxFraction} of its values outside its vocabulary`, () => `${unknown} of ${count}`);
}

function floatTests(name: string, rules: FeatureRules): readonly NumberTest[] {
  const { nan, infinity } = rules.number ?? { nan: 'reject', infinity: 'reject' };
  const tests: NumberTest[] = [];
  if (nan === 'reject') tests.push({ expected: `${name} not NaN`, holds: (value) => !Number.isNaN(value) });
  if (infinity === 'reject') {
    tests.push({ expected: `${name} finite`, holds: (value) => Number.isFinite(value) || Number.isNaN(value) });
  }
  return [...tests, ...boundTests(name, rules, (bound) => Math.fround(Number(bound)))];
}

function boundTests(
  name: string,
  { min, max, allowed, number }: FeatureRules,
  rounded: (bound: ContractNumber) => ContractNumber,
): readonly NumberTest[] {
  const tests: NumberTest[] = [];
  // NaN is within no bounds, but for a contract that says `nan: allow`: there they are about numbers. As on tensors (numeric-plan.ts).
  const isFreeNan = (value: ContractNumber): boolean => number?.nan === 'allow' && Number.isNaN(value);
  if (min !== undefined) {
    const bound = rounded(min);
    tests.push({ expected: `${name} ≥ ${min}`, holds: (value) => value >= bound || isFreeNan(value) });
  }
  if (max !== undefined) {
    const bound = rounded(max);
    tests.push({ expected: `${name} ≤ ${max}`, holds: (value) => value <= bound || isFreeNan(value) });
  }
  if (allowed !== undefined) {
    const values = new Set<ContractNumber>();
    for (const value of allowed) if (typeof value === 'number' || typeof value === 'bigint') values.add(plain(rounded(value)));
    tests.push({ expected: `${name} one of ${allowed.length} values`, holds: (value) => values.has(value) });
  }
  return tests;
}

/** As `nextInt64` gives it: a number where that is exact. */
function plain(value: ContractNumber): ContractNumber {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

const orders: Readonly<Record<Monotone, (before: ContractNumber, value: ContractNumber) => boolean>> = {
  increasing: (before, value) => value > before,
  nonDecreasing: (before, value) => value >= before,
  decreasing: (before, value) => value < before,
  nonIncreasing: (before, value) => value <= before,
};
