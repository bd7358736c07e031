// What goes wrong below HTTP: bytes that are no request, headers without end, a request that does not arrive in time. Such a client gets
// the same kind of answer as every other, and its connection is closed, because nobody knows where the next request would begin.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { AirlockError } from '../core/index.ts';
import { errorAnswer } from './error-body.ts';
import { TurnShare } from './turn-share.ts';

/** The last one of a connection; one object for all of them. */
interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
}

export class ConnectionErrors {
  readonly #latest = new WeakMap<Socket, Exchange>();
  readonly #reasons = new WeakMap<Socket, AirlockError>();
  /** Node finds all that are late once a second, and names them in one go. */
  readonly #late = new TurnShare();
  readonly #onUnhandled: (error: AirlockError, status: number) => void;

  /** @param onUnhandled called for an error that no request's handler will hear of. */
  constructor(onUnhandled: (error: AirlockError, status: number) => void) {
    this.#onUnhandled = onUnhandled;
  }

  /** To be called when the headers of a request have arrived. */
  begin(request: IncomingMessage, response: ServerResponse): void {
    const latest = this.#latest.get(request.socket);
    if (latest === undefined) this.#latest.set(request.socket, { request, response });
    else {
      latest.request = request;
      latest.response = response;
    }
  }

  /** Why the connection of a request was closed by us, if it was; a handler only sees that the body ended early. */
  reason(request: IncomingMessage): AirlockError | undefined {
    return this.#reasons.get(request.socket);
  }

  /** Answers and closes, what was too slow in its turn. For Node's `clientError`, which comes again for every packet that a broken connection goes on to bring. */
  answer(cause: NodeJS.ErrnoException, socket: Socket): void {
    if (cause.code === 'ERR_HTTP_REQUEST_TIMEOUT') this.#late.wait(() => this.#answer(cause, socket));
    else this.#answer(cause, socket);
  }

  #answer(cause: NodeJS.ErrnoException, socket: Socket): void {
    // The client is gone; a handler that waits for the rest of a body is told by its stream.
    if (cause.code === 'ECONNRESET' || socket.destroyed || this.#reasons.has(socket)) return;
    const error = translate(cause);
    const { status, text } = rawAnswer(error);
    this.#reasons.set(socket, error);
    const latest = this.#latest.get(socket);
    const isUnderWay = latest?.request.complete === false && !latest.response.headersSent;
    if (!isUnderWay) this.#onUnhandled(error, status);
    if (latest !== undefined && !isUnderWay && !latest.response.writableFinished) {
      // The request before was in order: its answer comes first, and must not be mistaken for this one. Then there is no other.
      if (!latest.response.headersSent) latest.response.setHeader('connection', 'close');
      latest.response.once('finish', () => socket.destroySoon());
      return;
    }
    if (latest !== undefined && isUnderWay && latest.response.socket === null) {
      // It waits behind the answer to an earlier request, for which these bytes would be taken.
      const { body } = errorAnswer(error);
      latest.response.writeHead(status, {
        'content-type': 'application/json; charset=utf-8',
        'content-length': Buffer.byteLength(body),
        connection: 'close',
      });
      latest.response.once('finish', () => socket.destroySoon());
      latest.response.end(body);
      return;
    }
    if (socket.writable) socket.write(text);
    socket.destroy(cause);
  }
}

function translate(cause: NodeJS.ErrnoException): AirlockError {
  if (cause.code === 'ERR_HTTP_REQUEST_TIMEOUT') return new AirlockError('REQUEST_TIMEOUT', { cause });
  // The client has closed its side before its request was complete.
  if (cause.code === 'HPE_INVALID_EOF_STATE') return new AirlockError('REQUEST_INCOMPLETE', { cause });
  if (cause.code === 'HPE_HEADER_OVERFLOW')
    return new AirlockError('REQUEST_MALFORMED', { message: 'The headers of the request are larger than the limit', cause });
  return new AirlockError('REQUEST_MALFORMED', { message: 'The bytes that arrived are not an HTTP request', cause });
}

/** The answer to an error as bytes of HTTP, for a connection that has no response of Node's; it is to be closed after it. */
export function rawAnswer(error: AirlockError): { readonly status: number; readonly text: string } {
  const { status, body, retryAfterSeconds } = errorAnswer(error);
  const reasons: Readonly<Record<number, string>> = { 400: 'Bad Request', 408: 'Request Timeout', 429: 'Too Many Requests' };
  const head = [
    `HTTP/1.1 ${status} ${reasons[status] ?? 'Error'}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    ...(retryAfterSeconds === undefined ? [] : [`retry-after: ${retryAfterSeconds}`]),
    'connection: close',
    '\r\n',
  ];
  return { status, text: `${head.join('\r\n')}${body}` };
}
