// How two values of one key of a contract compare: which of them lets more through. One table of keys, so that a new rule is either in it
// or counts as changed, never as harmless.
import { type ContractNumber, type DimExpression, formatDimExpression } from '../../contract/index.ts';

/** What the second of two contracts does compared with the first. */
export type Effect = 'tightened' | 'widened' | 'changed';

/** Words from the loosest to the strictest; a key is only compared with itself. */
const scales: readonly (readonly unknown[])[] = [
  ['allow', 'normalize', 'reject'],
  ['nearest', 'exactIntegers', 'exact'],
  ['binary', 'utf8', 'ascii'],
  ['ignore', 'check'],
  ['off', 'shadow', 'sample', 'enforce'],
  [false, true],
];

const upperKeys = new Set(['max', 'limit', 'exclusiveMax', 'softMax', 'roundTo', 'topK']);
const lowerKeys = new Set(['min', 'exclusiveMin', 'softMin', 'sampleFraction']);
const setKeys = new Set(['allowed', 'formats', 'reencode', 'channels', 'bitDepth', 'sampleRate', 'codings', 'entries']);

/** What a bound is. */
export function isNumeric(value: unknown): value is ContractNumber {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** Which end a number bounds; undefined for numbers that are no bounds. */
export function boundDirection(key: string): 'upper' | 'lower' | undefined {
  if (upperKeys.has(key) || /^max[A-Z]/.test(key)) return 'upper';
  return lowerKeys.has(key) || /^min[A-Z]/.test(key) ? 'lower' : undefined;
}

function compareShapes(before: readonly DimExpression[], after: readonly DimExpression[]): Effect {
  if (before.length !== after.length) return 'changed';
  const differ = before
    .map((dim, index) => [dim, after[index]] as const)
    .filter(([a, b]) => formatDimExpression(a) !== formatDimExpression(b));
  if (differ.every(([, b]) => b.kind === 'any')) return 'widened';
  return differ.every(([a]) => a.kind === 'any') ? 'tightened' : 'changed';
}

function compareSets(before: ReadonlySet<unknown>, after: ReadonlySet<unknown>): Effect | undefined {
  const gone = [...before].some((value) => !after.has(value));
  const added = [...after].some((value) => !before.has(value));
  if (gone && added) return 'changed';
  if (gone) return 'tightened';
  return added ? 'widened' : undefined;
}

/** JSON of a value, for the comparison of what has no order; bigint as text with an n. */
function meaning(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? `${inner}n` : inner)) ?? 'undefined';
}

/** `key` is the last part of the path of both values. Undefined: they say the same. */
export function compareValues(key: string, before: unknown, after: unknown): Effect | undefined {
  if (before instanceof Set && after instanceof Set) return compareSets(before, after);
  if (Array.isArray(before) && Array.isArray(after)) {
    if (setKeys.has(key)) return compareSets(new Set<unknown>(before), new Set<unknown>(after));
    if (meaning(before) === meaning(after)) return undefined;
    return key === 'shape' ? compareShapes(before, after) : 'changed';
  }
  // -0 and 0 are one bound; 1 and 1n too.
  if (isNumeric(before) && isNumeric(after)) {
    // biome-ignore lint/suspicious/noDoubleEquals: a bigint and a number may be the same integer.
    if (before == after) return undefined;
    const direction = boundDirection(key);
    if (direction === undefined) return 'changed';
    return after > before === (direction === 'upper') ? 'widened' : 'tightened';
  }
  if (meaning(before) === meaning(after)) return undefined;
  const scale = scales.find((words) => words.includes(before) && words.includes(after));
  if (scale === undefined) return 'changed';
  return scale.indexOf(after) > scale.indexOf(before) ? 'tightened' : 'widened';
}

/** `value` for people, short; never all of a long list. */
export function valueText(value: unknown): string {
  if (value instanceof Set) return `${value.size} entries`;
  if (Array.isArray(value) && value.every((each) => typeof each === 'object'))
    return `[${value.map((each: DimExpression) => formatDimExpression(each) ?? 'null').join(', ')}]`;
  if (Array.isArray(value) && value.length > 10) return `${value.length} values`;
  return meaning(value);
}
