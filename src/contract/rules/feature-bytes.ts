// The rules of the byte strings of one feature: text, lists of values, images. Strings are compared by their bytes, never as what they look
// like after a decoder has replaced what is wrong.
import type { FeatureRules } from '../contract-types.ts';
import { checkImageBytes } from '../images/index.ts';
import { FeatureValues } from './example-values.ts';
import { type FeatureCheck, type FeatureMeasure, type FeatureReport, reportUnknown } from './feature-numbers.ts';
import { firstRepeated } from './feature-unique.ts';
import { compileTextChecks, type TextReporter } from './text-checks.ts';
import { invalidUtf8At, utf8Text } from './utf8.ts';

/** Looks at one value. */
type ValueCheck = (
  bytes: Uint8Array,
  start: number,
  end: number,
  index: number,
  report: FeatureReport,
  measure: FeatureMeasure,
) => void;

/**
 * `name` is printable. Undefined when there is nothing to look at.
 * @throws CONTRACT_INVALID for a pattern that is not RE2 or too large.
 */
export function compileFeatureBytes(name: string, rules: FeatureRules): FeatureCheck | undefined {
  const checks: ValueCheck[] = [...textCheck(name, rules), ...allowedCheck(name, rules), ...imageCheck(name, rules)];
  const { unique = false, vocabulary } = rules;
  if (checks.length === 0 && !unique && vocabulary === undefined) return undefined;
  const isKnown = vocabulary === undefined ? undefined : vocabularyTest(vocabulary.entries);
  const maxUnknownFraction = vocabulary?.maxUnknownFraction ?? 0;
  return (bytes, place, report, measure) => {
    const once = firstOnly(report);
    const bounds = unique ? new Uint32Array(2 * place.count) : undefined;
    const values = new FeatureValues(bytes, place);
    let unknown = 0;
    for (let index = 0; !values.isDone; index++) {
      values.nextBytes();
      const { start, end } = values;
      for (const check of checks) check(bytes, start, end, index, once, measure);
      bounds?.set([start, end], 2 * index);
      if (isKnown !== undefined && !isKnown(bytes, start, end)) {
        unknown++;
        if (maxUnknownFraction === 0) once(index, `${name} in its vocabulary`, () => preview(bytes, start, end));
      }
    }
    if (bounds !== undefined) {
      const startOf = (index: number): number => bounds[2 * index];
      const endOf = (index: number): number => bounds[2 * index + 1];
      const again = firstRepeated({ bytes, count: place.count, startOf, endOf });
      if (again >= 0) report(again, `${name} without a value twice`, () => preview(bytes, startOf(again), endOf(again)));
    }
    if (maxUnknownFraction > 0) reportUnknown(name, unknown, place.count, maxUnknownFraction, report);
  };
}

function textCheck(name: string, rules: FeatureRules): ValueCheck[] {
  if (rules.string === undefined) return [];
  const check = compileTextChecks(rules.string, () => true);
  if (check === undefined) return [];
  return [
    (bytes, start, end, index, report, measure) => {
      const reporter: TextReporter = {
        // Its rules are all one rule of the tensor, which takes no action.
        report: (_, expected, got) => {
          report(index, `${name}: ${expected}`, got);
          return undefined;
        },
        refuse: (_, expected, got) => report(index, `${name}: ${expected}`, got),
        refused: false,
        work: measure,
      };
      check.check(bytes, start, end, reporter);
    },
  ];
}

function allowedCheck(name: string, { allowed }: FeatureRules): ValueCheck[] {
  if (allowed === undefined) return [];
  const isAllowed = memberTest(allowed.map(String));
  return [
    (bytes, start, end, index, report) => {
      if (isAllowed(bytes, start, end)) return;
      report(index, `${name} one of ${allowed.length} values`, () => preview(bytes, start, end));
    },
  ];
}

/** An image inside a message stays as it is: one that would have to be made anew, or smaller, is refused. */
function imageCheck(name: string, { image }: FeatureRules): ValueCheck[] {
  if (image === undefined) return [];
  const rules = { ...image, reencode: [] };
  return [
    (bytes, start, end, index, report, measure) => {
      const { header } = checkImageBytes(bytes.subarray(start, end), rules, {
        isOn: () => true,
        enforces: () => true,
        report(rule, expected, got) {
          report(index, `${name}, ${rule}: ${expected}`, got);
          return undefined;
        },
      });
      if (header !== undefined) measure.pixels += header.width * header.height * header.frames;
    },
  ];
}

/** Whether bytes are the UTF-8 of one of a few values; what is longer than all of them is never copied. */
function memberTest(values: readonly string[]): (bytes: Uint8Array, start: number, end: number) => boolean {
  const keys = new Set(values.map((value) => Buffer.from(value).toString('latin1')));
  const longest = Math.max(...Array.from(keys, ({ length }) => length));
  return (bytes, start, end) => end - start <= longest && keys.has(byteKey(bytes, start, end));
}

/** The same for a set too large to be held twice. U+FFFD for bytes that are wrong must not find an entry with a real one. */
function vocabularyTest(entries: ReadonlySet<string>): (bytes: Uint8Array, start: number, end: number) => boolean {
  let longest = 0;
  for (const entry of entries) longest = Math.max(longest, Buffer.byteLength(entry));
  return (bytes, start, end) =>
    end - start <= longest && invalidUtf8At(bytes, start, end) < 0 && entries.has(utf8Text(bytes, start, end));
}

/** One character per byte: two strings have the same key only when they have the same bytes. */
function byteKey(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}

function preview(bytes: Uint8Array, start: number, end: number): string {
  return utf8Text(bytes, start, Math.min(end, start + 200));
}

/** Passes on the first report of each expectation. */
function firstOnly(report: FeatureReport): FeatureReport {
  const told = new Set<string>();
  return (index, expected, got) => {
    if (told.has(expected)) return;
    told.add(expected);
    report(index, expected, got);
  };
}
