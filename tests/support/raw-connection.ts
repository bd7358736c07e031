// A bare TCP connection to a server, for the requests that an HTTP client is too polite to send.
import { connect, type Socket } from 'node:net';

export class RawConnection {
  readonly socket: Socket;
  /** Everything that has arrived, as Latin-1. */
  received = '';
  /** Settles when the connection is over, whoever ended it. */
  readonly closed: Promise<void>;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1');
    });
    // A reset is one of the ways in which it may end.
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => this.socket.once('close', () => resolve()));
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** How many answers have begun to arrive. */
  get answers(): number {
    return this.received.match(/HTTP\/1\.1 (?!100)\d{3} /g)?.length ?? 0;
  }
}
