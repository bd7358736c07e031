// The connections of each client: one that opens them without end, and sends nothing or slowly on them, must not keep the others out. Looks at the
// address only and costs nothing per request; what a connection that got in may do is bounded by the time limits of HTTP.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { HttpLimits } from '../config/index.ts';
import { type AirlockError, violationError } from '../core/index.ts';
import { clientKey } from './client-key.ts';
import { partPerFree } from './client-part.ts';
import { rawAnswer } from './connection-errors.ts';

export class ConnectionShares {
  readonly #maxConnections: number;
  readonly #percent: number;
  readonly #perFree: number;
  readonly #onRefused: (error: AirlockError, status: number) => void;
  /** Of clients that have one. */
  readonly #counts = new Map<string, number>();
  #open = 0;

  /** @param onRefused called for each connection that was closed because of its client's share. */
  constructor(limits: HttpLimits, onRefused: (error: AirlockError, status: number) => void) {
    this.#maxConnections = limits.maxConnections;
    this.#percent = limits.maxClientPercent;
    this.#perFree = partPerFree(limits.maxClientPercent);
    this.#onRefused = onRefused;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#open;
  }

  /** Clients that have one. */
  get clients(): number {
    return this.#counts.size;
  }

  /** From now on the server's connections are counted, and closed where they are too many of one client. */
  guard(server: Server): void {
    server.on('connection', (socket: Socket) => this.#admit(socket));
  }

  #admit(socket: Socket): void {
    const client = clientKey(socket.remoteAddress);
    const count = this.#counts.get(client) ?? 0;
    // The first one is always let in: whether there is any room at all is decided before.
    if (count > 0 && count >= this.#perFree * (this.#maxConnections - this.#open)) {
      this.#refuse(socket);
      return;
    }
    this.#open++;
    this.#counts.set(client, count + 1);
    socket.once('close', () => {
      this.#open--;
      const left = (this.#counts.get(client) ?? 1) - 1;
      if (left > 0) this.#counts.set(client, left);
      else this.#counts.delete(client);
    });
  }

  #refuse(socket: Socket): void {
    const error = violationError('CLIENT_OVERLOADED', {
      path: '',
      rule: 'maxClientPercent',
      expected: `of ${this.#maxConnections} connections at most ${this.#percent} percent for one client, and fewer the more clients there are`,
      got: 'one more',
    });
    const { status, text } = rawAnswer(error);
    this.#onRefused(error, status);
    socket.on('error', () => undefined);
    socket.write(text);
    // Not `end`: a client that does not read would keep the connection after all.
    socket.destroy();
  }
}
