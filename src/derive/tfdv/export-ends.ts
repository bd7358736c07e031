// Where the integers of a feature begin and end, of its bounds and its list of values together, in the 64 bits that TFDV has.
import type { ContractNumber, ContractValue, FeatureRules } from '../../contract/index.ts';
import { isNumeric } from '../changes/index.ts';
import type { ExportNotes } from './export-notes.ts';

export function isZeroAndOne(allowed: readonly ContractValue[]): boolean {
  return allowed.length === 2 && allowed.includes(0) && allowed.includes(1);
}

/** Of both kinds of numbers; Math.min takes no bigint. None of none. */
export function smallest(values: readonly ContractNumber[]): readonly ContractNumber[] {
  return [...values].sort((a, b) => (a < b ? -1 : Number(a > b))).slice(0, 1);
}

export function largest(values: readonly ContractNumber[]): readonly ContractNumber[] {
  return [...values].sort((a, b) => (a < b ? 1 : -Number(a > b))).slice(0, 1);
}

/** Undefined outside of int64: a bound of uint64 can be. */
function int64Bound(value: ContractNumber | undefined, direction: 'ceil' | 'floor'): bigint | undefined {
  if (value === undefined) return undefined;
  const whole = typeof value === 'bigint' ? value : BigInt(Math[direction](value));
  return whole >= -(2n ** 63n) && whole < 2n ** 63n ? whole : undefined;
}

function noteList(path: string, field: string, listed: readonly ContractNumber[], notes: ExportNotes): void {
  const [from, to] = [smallest(listed), largest(listed)].map(([value = 0]) => BigInt(value));
  if (to - from === BigInt(new Set(listed.map(BigInt)).size - 1))
    notes.change(`${path}.allowed`, field, 'a list of all integers from one to another', 'becomes these two');
  else notes.lose(`${path}.allowed`, field, 'a list of allowed integers', 'becomes its smallest and largest value');
}

/** Both ends are inclusive; undefined where there is none. `field` is what they are written into, for the notes. */
export function integerEnds(
  path: string,
  field: string,
  { min, max, allowed }: FeatureRules,
  notes: ExportNotes,
): { readonly from: bigint | undefined; readonly to: bigint | undefined } {
  const listed = (allowed ?? []).filter(isNumeric);
  if (allowed !== undefined) noteList(path, field, listed, notes);
  const from = int64Bound(largest([...(min === undefined ? [] : [min]), ...smallest(listed)]).at(0), 'ceil');
  const to = int64Bound(smallest([...(max === undefined ? [] : [max]), ...largest(listed)]).at(0), 'floor');
  for (const [key, bound, written] of [['min', min, from] as const, ['max', max, to] as const]) {
    if (written !== undefined) notes.say(`${path}.${key}`);
    else if (bound !== undefined)
      notes.lose(`${path}.${key}`, `${field}.${key}`, 'a bound beyond 2^63', 'integers of TFDV have 64 bits and a sign');
  }
  return { from, to };
}
