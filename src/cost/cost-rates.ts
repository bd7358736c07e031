// From operations and bytes to time, on this machine and for one version of one model: first from some measured runs, then from what real requests took. It refuses
// nothing; who asks decides what a guess is worth.
import { type CostSample, type FittedRates, fitRates } from './fit-rates.ts';

/** How much one run changes the correction. */
const learningShare = 1 / 32;
/** A run that was disturbed must not change much. */
const maxRatio = 16;
const maxSamples = 64;
/** Samples before rates are believed, where nobody measured at the load. */
const minSamples = 4;
/** A new fit after so many runs. */
const fitEvery = 64;

export interface CostRatesReport {
  /** Undefined while nothing was measured. */
  readonly rates: FittedRates | undefined;
  readonly observed: number;
  /** How far predictions were off of late, as a factor: 1 is exact. Undefined before the first. */
  readonly errorFactor: number | undefined;
}

export class CostRates {
  #rates: FittedRates | undefined;
  readonly #samples: CostSample[] = [];
  #nextSample = 0;
  #observed = 0;
  /** By signature: how long runs took, as a multiple of what the rates say. */
  readonly #corrections: number[] = [];
  #logError: number | undefined;
  /** See `opFactors`. */
  #opFactors: ReadonlyMap<string, number> = new Map();

  /**
   * Milliseconds for each unit (`costUnits`) by the type of the operation, learned from profiles. Such a number goes before the rates of the whole model where
   * the time of an operation is asked for.
   */
  set opFactors(factors: ReadonlyMap<string, number>) {
    this.#opFactors = factors;
  }

  /** Runs that were measured with nothing beside them; replaces what was known. */
  calibrate(samples: readonly CostSample[]): void {
    this.#samples.length = 0;
    this.#samples.push(...samples.slice(-maxSamples));
    this.#nextSample = 0;
    this.#rates = fitRates(this.#samples);
    this.#corrections.length = 0;
  }

  /** Of a whole request. */
  milliseconds(signatureIndex: number, flops: number, bytes: number): number | undefined {
    const rates = this.#rates;
    return rates === undefined ? undefined : predicted(rates, flops, bytes) * (this.#corrections[signatureIndex] ?? 1);
  }

  /** A request took so long in a worker that did nothing else. */
  observe(signatureIndex: number, flops: number, bytes: number, milliseconds: number): void {
    if (!(milliseconds > 0) || !Number.isFinite(flops + bytes + milliseconds)) return;
    this.#observed += 1;
    const rates = this.#rates;
    if (rates !== undefined) this.#correct(rates, signatureIndex, { flops, bytes, milliseconds });
    this.#keep({ flops, bytes, milliseconds });
    if (this.#samples.length >= minSamples && (rates === undefined || this.#observed % fitEvery === 0)) {
      this.#rates = fitRates(this.#samples) ?? rates;
      // What the new rates say already must not be said twice.
      this.#corrections.length = 0;
    }
  }

  #correct(rates: FittedRates, signatureIndex: number, { flops, bytes, milliseconds }: CostSample): void {
    const ratio = Math.min(maxRatio, Math.max(1 / maxRatio, milliseconds / predicted(rates, flops, bytes)));
    const before = this.#corrections[signatureIndex] ?? 1;
    this.#corrections[signatureIndex] = before + (ratio - before) * learningShare;
    const logError = Math.abs(Math.log(ratio / before));
    this.#logError = this.#logError === undefined ? logError : this.#logError + (logError - this.#logError) * learningShare;
  }

  /** Sizes that are there already are replaced: requests of one size, however many, must not push out what tells the rates apart. */
  #keep(sample: CostSample): void {
    const same = this.#samples.findIndex(({ flops, bytes }) => flops === sample.flops && bytes === sample.bytes);
    if (same >= 0) {
      const before = this.#samples[same].milliseconds;
      this.#samples[same] = { ...sample, milliseconds: before + (sample.milliseconds - before) * learningShare };
    } else if (this.#samples.length < maxSamples) this.#samples.push(sample);
    else {
      this.#samples[this.#nextSample] = sample;
      this.#nextSample = (this.#nextSample + 1) % maxSamples;
    }
  }

  /** Of operations of one type; undefined while nothing was measured. */
  opMilliseconds(op: string, flops: number, bytes: number): number | undefined {
    const factor = this.#opFactors.get(op);
    if (factor !== undefined) return factor * costUnits(flops, bytes);
    return this.#rates && flops * this.#rates.msPerFlop + bytes * this.#rates.msPerByte;
  }

  /** What nodes are compared by: their time where that is known, else their units. */
  nodeUnits(op: string, flops: number, bytes: number): number {
    const rates = this.#rates;
    const hasRates = rates !== undefined && rates.msPerFlop + rates.msPerByte > 0;
    return (hasRates ? this.opMilliseconds(op, flops, bytes) : undefined) ?? costUnits(flops, bytes);
  }

  get report(): CostRatesReport {
    const errorFactor = this.#logError === undefined ? undefined : Math.exp(this.#logError);
    return { rates: this.#rates, observed: this.#observed, errorFactor };
  }
}

function predicted({ overheadMs, msPerFlop, msPerByte }: FittedRates, flops: number, bytes: number): number {
  return overheadMs + flops * msPerFlop + bytes * msPerByte;
}

/** One number for what an operation does: floating-point operations, and bytes that it reads and writes. */
export function costUnits(flops: number, bytes: number): number {
  return flops + bytes;
}
