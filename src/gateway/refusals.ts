// Answers requests that are refused or failed, each with the same kind of body and one line of the log. It must never show a client a stack, a path of this machine or another client's data.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { AirlockError } from '../core/index.ts';
import type { RequestMeter, ServerMeter } from '../telemetry/index.ts';
import type { ConnectionErrors } from './connection-errors.ts';
import { errorAnswer } from './error-body.ts';
import { type RefusalLine, refusalLine } from './refusal.ts';
import type { ModelTarget } from './rest-url.ts';

export interface RefusalsOptions {
  readonly broken: ConnectionErrors;
  /** Names of the configured models; any other is not repeated. */
  readonly models: ReadonlyMap<string, unknown>;
  readonly meter: ServerMeter;
  readonly onRefusal: (line: RefusalLine) => void;
}

const contentType = 'application/json; charset=utf-8';

export class Refusals {
  readonly #options: RefusalsOptions;

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  /** @param target what was asked for, as far as it is known. @param measured the meter of the request, where it has one already. */
  send(
    request: IncomingMessage,
    response: ServerResponse,
    thrown: unknown,
    target?: ModelTarget,
    measured: RequestMeter = this.#options.meter.begin(undefined, 'other', undefined),
  ): void {
    const { broken, models, onRefusal } = this.#options;
    const seen = AirlockError.from(thrown);
    const error = seen.code === 'REQUEST_INCOMPLETE' ? (broken.reason(request) ?? seen) : seen;
    const { status, body, retryAfterSeconds } = errorAnswer(error);
    const known = target !== undefined && models.has(target.model) ? target : undefined;
    onRefusal(refusalLine(error, status, request.method ?? '-', known, measured.traceId));
    const bytes = Buffer.byteLength(body);
    measured.end(status, error.code, bytes);
    const send = (): void => {
      if (response.headersSent || response.destroyed) return;
      if (retryAfterSeconds !== undefined) response.setHeader('retry-after', String(retryAfterSeconds));
      // The rest of a body that was refused is not worth reading, and nothing more is answered by a server that stops.
      if (!request.complete || error.code === 'SERVER_STOPPING') response.setHeader('connection', 'close');
      response.setHeader('content-type', contentType);
      response.setHeader('content-length', bytes);
      response.statusCode = status;
      response.end(body);
    };
    // A decoder refuses in the middle of a packet, whose end often is the end of the body; then the connection can be kept.
    if (request.complete) send();
    else setImmediate(send);
  }
}
