// Bounds the bodies of all requests together, and those of each client. Each body alone is within its limit, but a thousand connections that each send one
// would still fill the machine, and one client that sends slowly could hold all there is; what does not fit is refused at once and may be sent again.
import { violationError } from '../core/index.ts';
import { partPerFree } from './client-part.ts';

/** Requests that hold less are not counted for their client: there are at most as many as connections. */
const leastBytes = 16 * 1024;

interface ClientBytes {
  bytes: number;
  shares: number;
}

export class BodyBudget {
  readonly #maxBytes: number;
  readonly #percent: number;
  readonly #perFree: number;
  /** Of clients that hold more than a little. */
  readonly #clients = new Map<string, ClientBytes>();
  #usedBytes = 0;

  /** @param maxClientPercent of what all may hold, for one client; less the more others hold. Default 100: no bound. */
  constructor(maxBytes: number, maxClientPercent = 100) {
    this.#maxBytes = maxBytes;
    this.#percent = maxClientPercent;
    this.#perFree = partPerFree(maxClientPercent);
  }

  /** Bytes that requests hold now. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Clients that hold more than a little now. */
  get clientCount(): number {
    return this.#clients.size;
  }

  /** The share of one request of `client`; it must be released when the request has been answered. */
  open(client: string): BodyShare {
    return new BodyShare(this, client);
  }

  /** For BodyShare: counts `bytes` more of a request that holds `heldBytes`, and returns its client's account where it has one. */
  take(client: string, account: ClientBytes | undefined, heldBytes: number, bytes: number): ClientBytes | undefined {
    if (this.#usedBytes + bytes > this.#maxBytes) {
      throw overloaded('SERVER_OVERLOADED', 'maxBufferedBytes', `at most ${this.#maxBytes} bytes of requests at one time`);
    }
    if (heldBytes + bytes <= leastBytes) {
      this.#usedBytes += bytes;
      return undefined;
    }
    const known = account ?? this.#clients.get(client);
    const ofClient = (known?.bytes ?? 0) + (account === undefined ? heldBytes : 0) + bytes;
    // A request that is alone takes nothing from anybody.
    const isAlone = this.#usedBytes === heldBytes;
    if (!isAlone && ofClient > this.#perFree * (this.#maxBytes - this.#usedBytes)) {
      const part = `of ${this.#maxBytes} bytes at most ${this.#percent} percent for one client, and less the more the others hold`;
      throw overloaded('CLIENT_OVERLOADED', 'maxClientPercent', part);
    }
    this.#usedBytes += bytes;
    const joined = known ?? { bytes: 0, shares: 0 };
    if (known === undefined) this.#clients.set(client, joined);
    joined.bytes = ofClient;
    if (account === undefined) joined.shares++;
    return joined;
  }

  /** For BodyShare. */
  giveBack(client: string, account: ClientBytes | undefined, heldBytes: number): void {
    this.#usedBytes -= heldBytes;
    if (account === undefined) return;
    account.bytes -= heldBytes;
    account.shares--;
    if (account.shares === 0) this.#clients.delete(client);
  }
}

export class BodyShare {
  readonly #budget: BodyBudget;
  readonly #client: string;
  #account: ClientBytes | undefined;
  #heldBytes = 0;

  constructor(budget: BodyBudget, client: string) {
    this.#budget = budget;
    this.#client = client;
  }

  /**
   * Counts bytes that have arrived.
   * @throws SERVER_OVERLOADED when all requests together hold too many, CLIENT_OVERLOADED when those of the client do.
   */
  add(bytes: number): void {
    this.#account = this.#budget.take(this.#client, this.#account, this.#heldBytes, bytes);
    this.#heldBytes += bytes;
  }

  /** Gives everything back; may be called twice. */
  release(): void {
    this.#budget.giveBack(this.#client, this.#account, this.#heldBytes);
    this.#account = undefined;
    this.#heldBytes = 0;
  }
}

function overloaded(code: 'SERVER_OVERLOADED' | 'CLIENT_OVERLOADED', rule: string, expected: string): Error {
  return violationError(code, { path: '', rule, expected, got: 'more' });
}
