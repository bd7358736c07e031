// Finds the input that a key names. Programs write the keys of every instance in one order, so after the first instance the bytes of a key are
// compared with the one that followed last time, and no string is made; any other order is found as well, only slower.
import type { TensorSpec } from '../signature.ts';

export class KeyOrder {
  readonly #inputs: readonly TensorSpec[];
  /** The names as UTF-8; made when the second instance begins, because a single one does not pay for them. */
  #names: readonly Buffer[] | undefined;
  /** By the input before (or the number of inputs, at the beginning of an instance), the input that followed it. */
  readonly #next: number[] = [];
  #last: number;

  constructor(inputs: readonly TensorSpec[]) {
    this.#inputs = inputs;
    this.#last = inputs.length;
  }

  /** To be called when an instance has ended. */
  endInstance(): void {
    this.#last = this.#inputs.length;
    this.#names ??= this.#inputs.map(({ alias }) => Buffer.from(alias, 'utf8'));
  }

  /** The input that followed last time, if its name is exactly `bytes[start … end]`; else -1. */
  expected(bytes: Uint8Array, start: number, end: number): number {
    const index = this.#next[this.#last];
    if (index === undefined || this.#names === undefined) return -1;
    const name = this.#names[index];
    if (name.length !== end - start) return -1;
    for (let at = 0; at < name.length; at++) if (name[at] !== bytes[start + at]) return -1;
    this.#last = index;
    return index;
  }

  /** The input of this name, or -1. */
  named(key: string): number {
    const index = this.#inputs.findIndex(({ alias }) => alias === key);
    if (index >= 0) {
      this.#next[this.#last] = index;
      this.#last = index;
    }
    return index;
  }
}
