// Bounds the bodies of all requests together. Each body alone is within its limit, but a thousand connections that each send one would
// still fill the machine; what does not fit is refused at once and may be sent again.
import { violationError } from '../core/index.ts';

export class BodyBudget {
  readonly #maxBytes: number;
  #usedBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes that requests hold now. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** A request's share; it must be released when the request has been answered. */
  open(): BodyShare {
    let held = 0;
    return {
      add: (bytes) => {
        if (this.#usedBytes + bytes > this.#maxBytes) {
          throw violationError('SERVER_OVERLOADED', {
            path: '',
            rule: 'maxBufferedBytes',
            expected: `at most ${this.#maxBytes} bytes of requests at one time`,
            got: 'more',
          });
        }
        this.#usedBytes += bytes;
        held += bytes;
      },
      release: () => {
        this.#usedBytes -= held;
        held = 0;
      },
    };
  }
}

export interface BodyShare {
  /** Counts bytes that have arrived. @throws SERVER_OVERLOADED when all requests together hold too many. */
  add(bytes: number): void;
  /** Gives everything back; may be called twice. */
  release(): void;
}
