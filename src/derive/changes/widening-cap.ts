// How far one bound may move in one step. Data that is fed in slowly moves every bound a little each time; the cap makes that visible
// in the revisions, and a person has to agree to each.
import type { ContractNumber } from '../../contract/index.ts';

const parts = 1_000_000;

export interface BoundStep {
  readonly before: ContractNumber;
  /** What the data asks for; beyond `before`. */
  readonly wanted: ContractNumber;
  /** The bound at the other end, if there is one. */
  readonly opposite?: ContractNumber | undefined;
  /** Of the old range (of the bound's own size when it has no other end), 0 or more. */
  readonly maxFraction: number;
  readonly isInteger: boolean;
}

/** The bound after this step: `wanted` where the cap allows, otherwise as far as it does; `before` when it allows no step at all. */
export function cappedBound(step: BoundStep): ContractNumber {
  const { before, wanted, opposite } = step;
  const isBig = [before, wanted, opposite].some((bound) => typeof bound === 'bigint');
  const bound = step.isInteger && isBig ? exactBound(step) : doubleBound(step);
  // Rounding must not turn a step around.
  return wanted > before === bound > before ? bound : before;
}

const toInteger = (value: ContractNumber): bigint => (typeof value === 'bigint' ? value : BigInt(Math.trunc(value)));

function exactBound({ before, wanted, opposite, maxFraction }: BoundStep): ContractNumber {
  const [start, end] = [toInteger(before), toInteger(wanted)];
  const range = opposite === undefined ? start : start - toInteger(opposite);
  const step = ((range < 0n ? -range : range) * BigInt(Math.floor(maxFraction * parts))) / BigInt(parts);
  const limit = wanted > before ? start + step : start - step;
  const bound = wanted > before === limit < end ? limit : end;
  const number = Number(bound);
  return Number.isSafeInteger(number) ? number : bound;
}

function doubleBound({ before, wanted, opposite, maxFraction, isInteger }: BoundStep): number {
  const [start, end] = [Number(before), Number(wanted)];
  const exact = Math.abs(opposite === undefined ? start : start - Number(opposite)) * maxFraction;
  const step = isInteger ? Math.floor(exact) : exact;
  if (!Number.isFinite(step)) return start;
  return end > start ? Math.min(end, start + step) : Math.max(end, start - step);
}
