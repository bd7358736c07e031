// The connections of a server that stops. Node ends no slow request any more once its server is closed, so one client that sends a byte now and then would keep it from ever ending.
// Whoever has begun a request may finish it, in the time that it would have had; it must never be cut off before.
import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** How often what has become idle is looked for. */
const lookMs = 250;

export class LastConnections {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** @param server whose connections are known from now on. */
  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /**
   * Ends connections on which nothing was ever sent at once, those that wait for a next request when they do, and all that are left after `maxMs`.
   * To be called when the server is about to be closed.
   */
  end(maxMs: number): void {
    const server = this.#server;
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
    const look = setInterval(() => server.closeIdleConnections(), lookMs);
    const last = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, maxMs);
    server.once('close', () => {
      clearInterval(look);
      clearTimeout(last);
    });
  }
}
