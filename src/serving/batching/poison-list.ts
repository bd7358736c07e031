// Inputs that ended a worker, by digest: which are not run again, and which may only run by themselves. One list per model version, in memory: a version that is loaded
// again forgets. Holds no input, and says nothing about one that it was not told of.
import { createHmac, randomBytes } from 'node:crypto';
import type { Tensor } from '../../tensor/index.ts';

/** What is known of an input. `suspect`: it was in a batch that ended a worker, or ended one once, which may have been a coincidence. */
export type PoisonVerdict = 'poisoned' | 'suspect' | undefined;

interface Entry {
  readonly strikes: number;
  readonly untilMs: number;
  readonly size: number;
  /** Since it was struck last. */
  answers: number;
}

export interface PoisonListOptions {
  /** The least recently struck are forgotten first. Default 1024. */
  readonly maxEntries?: number;
  /** How long an input is remembered after it was struck last. Default 10 minutes. */
  readonly ttlMs?: number;
  readonly clock?: () => number;
}

/** So many make an input poisoned: one death of a worker may have been a coincidence. */
export const poisoningStrikes = 2;
/** So many answers make a suspect one like any other: what many send would otherwise be refused for two coincidences among thousands of answers. */
const acquittingAnswers = 3;

export class PoisonList {
  readonly #maxEntries: number;
  readonly #ttlMs: number;
  readonly #clock: () => number;
  /** A client that could work out digests could look for two inputs with one. */
  readonly #key = randomBytes(32);
  /** In the order in which they were struck. */
  readonly #entries = new Map<string, Entry>();
  /** How many entries have inputs of this size: an input of another size is not hashed, or one bad input would make every request pay for it. */
  readonly #sizes = new Map<number, number>();

  constructor({ maxEntries = 1024, ttlMs = 600_000, clock = () => performance.now() }: PoisonListOptions = {}) {
    this.#maxEntries = maxEntries;
    this.#ttlMs = ttlMs;
    this.#clock = clock;
  }

  /** Entries, also those that only wait to be forgotten. While it is 0 there is no need to ask. */
  get size(): number {
    return this.#entries.size;
  }

  verdict(signatureIndex: number, inputs: readonly Tensor[]): PoisonVerdict {
    if (!this.#sizes.has(sizeOf(signatureIndex, inputs))) return undefined;
    const digest = this.#digest(signatureIndex, inputs);
    const entry = this.#entries.get(digest);
    if (entry === undefined) return undefined;
    if (entry.untilMs <= this.#clock()) {
      this.#forget(digest, entry);
      return undefined;
    }
    return entry.strikes >= poisoningStrikes ? 'poisoned' : 'suspect';
  }

  /** @param strikes 0 for an input that was only near. True when this makes it poisoned. */
  strike(signatureIndex: number, inputs: readonly Tensor[], strikes: number): boolean {
    const digest = this.#digest(signatureIndex, inputs);
    const old = this.#entries.get(digest);
    const nowMs = this.#clock();
    const before = old !== undefined && old.untilMs > nowMs ? old.strikes : 0;
    const size = sizeOf(signatureIndex, inputs);
    if (old === undefined) this.#sizes.set(size, (this.#sizes.get(size) ?? 0) + 1);
    // To the end of the order.
    this.#entries.delete(digest);
    this.#entries.set(digest, { strikes: before + strikes, untilMs: nowMs + this.#ttlMs, size, answers: 0 });
    this.#makeRoom(nowMs);
    return before < poisoningStrikes && before + strikes >= poisoningStrikes;
  }

  /** Forgets an input that was only near. */
  absolve(signatureIndex: number, inputs: readonly Tensor[]): void {
    const digest = this.#digest(signatureIndex, inputs);
    const entry = this.#entries.get(digest);
    if (entry?.strikes === 0) this.#forget(digest, entry);
  }

  /** Counts an answer, and forgets a suspect that was answered some times. */
  acquit(signatureIndex: number, inputs: readonly Tensor[]): void {
    const digest = this.#digest(signatureIndex, inputs);
    const entry = this.#entries.get(digest);
    if (entry === undefined || entry.strikes >= poisoningStrikes) return;
    if (++entry.answers >= acquittingAnswers) this.#forget(digest, entry);
  }

  #makeRoom(nowMs: number): void {
    for (const [digest, entry] of this.#entries) {
      if (entry.untilMs > nowMs && this.#entries.size <= this.#maxEntries) return;
      this.#forget(digest, entry);
    }
  }

  #forget(digest: string, { size }: Entry): void {
    this.#entries.delete(digest);
    const count = (this.#sizes.get(size) ?? 1) - 1;
    if (count === 0) this.#sizes.delete(size);
    else this.#sizes.set(size, count);
  }

  #digest(signatureIndex: number, inputs: readonly Tensor[]): string {
    const hmac = createHmac('sha256', this.#key);
    // Every part is told apart from the next by its length, so that no two requests have one text.
    hmac.update(JSON.stringify([signatureIndex, inputs.map(({ dtype, shape, bytes }) => [dtype, shape, bytes.byteLength])]));
    for (const tensor of inputs) {
      if (tensor.dtype === 'DT_STRING') {
        const { buffer, byteOffset, byteLength } = tensor.offsets;
        hmac.update(new Uint8Array(buffer, byteOffset, byteLength));
      }
      hmac.update(tensor.bytes);
    }
    return hmac.digest('base64');
  }
}

function sizeOf(signatureIndex: number, inputs: readonly Tensor[]): number {
  let bytes = 0;
  for (const tensor of inputs) bytes += tensor.bytes.byteLength;
  return bytes * 64 + (signatureIndex & 63);
}
