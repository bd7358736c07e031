// Memory that requests hold between two stages, counted, with one limit for all of them. Allocates nothing itself.
import { AirlockError } from '../../core/index.ts';

export class HeldBytes {
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @throws SERVER_OVERLOADED when all together would hold more; nothing is taken then. */
  take(bytes: number): void {
    if (this.#bytes + bytes > this.#maxBytes) throw new AirlockError('SERVER_OVERLOADED');
    this.#bytes += bytes;
  }

  /** Exactly what was taken, once. */
  give(bytes: number): void {
    this.#bytes -= bytes;
  }
}
