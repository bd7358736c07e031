// Requests for models, from node:http's own objects to the bytes of their answers. They do not pass through fastify, whose routing, hooks and replies take as long as reading, checking and
// encoding a small request does; its other pages do. It must never answer a request twice, or not at all.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ModelConfig, RequestLimits } from '../config/index.ts';
import { AirlockError } from '../core/index.ts';
import type { Recorder } from '../recording/index.ts';
import type { ModelCatalog, ServedModel } from '../serving/index.ts';
import type { RequestMeter, ServerMeter } from '../telemetry/index.ts';
import type { BodyBudget } from './body-budget.ts';
import type { ConnectionErrors } from './connection-errors.ts';
import { type InferenceVerb, infer } from './inference.ts';
import { metadataJson, statusJson } from './model-info.ts';
import type { RateLimiter } from './rate-limiter.ts';
import { recorderHook } from './recorder-hook.ts';
import type { Refusals } from './refusals.ts';
import { type ModelTarget, parseModelTarget } from './rest-url.ts';
import { TurnShare } from './turn-share.ts';
import { holdUntilSent } from './unread-answer.ts';

export interface ModelRequestsOptions {
  readonly catalog: ModelCatalog;
  readonly models: ReadonlyMap<string, ModelConfig>;
  readonly limits: RequestLimits;
  /** How long a client may take to read an answer. */
  readonly answerTimeoutMs: number;
  readonly budget: BodyBudget;
  readonly limiters: ReadonlyMap<string, RateLimiter>;
  readonly recorder: Recorder | undefined;
  readonly meter: ServerMeter;
  readonly broken: ConnectionErrors;
  readonly refusals: Refusals;
}

/** One inference on its way. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: ModelTarget;
  readonly measured: RequestMeter;
}

const contentType = 'application/json; charset=utf-8';
/** Node writes a short text in one piece with the headers; a buffer costs a second piece and a slower system call. */
const maxTextBytes = 4096;

export class ModelRequests {
  readonly #options: ModelRequestsOptions;
  readonly #turns = new TurnShare();
  #isStopping = false;

  constructor(options: ModelRequestsOptions) {
    this.#options = options;
  }

  /** From now on nothing new is begun. */
  stop(): void {
    this.#isStopping = true;
  }

  /** True for what this is for; anything else is fastify's. */
  takes({ method, url = '' }: IncomingMessage): boolean {
    if (method !== 'POST' && method !== 'GET') return false;
    return url.startsWith('/v1/') || url.startsWith('/V1/');
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const { broken, catalog, meter } = this.#options;
    broken.begin(request, response);
    let target: ModelTarget | undefined;
    let measured: RequestMeter | undefined;
    try {
      if (this.#isStopping) throw new AirlockError('SERVER_STOPPING');
      const missing = missingHost(request);
      if (missing !== undefined) throw missing;
      target = parseModelTarget(request.method ?? '', request.url ?? '');
      measured = meter.begin(target.model, target.verb, request.headers.traceparent);
      const model = catalog.model(target.model);
      if (target.verb === 'status') this.#send(response, statusJson(model.status(target)), measured);
      else if (target.verb === 'metadata') {
        const version = model.resolve(target);
        measured.resolved(version.version);
        this.#send(response, metadataJson(model.name, version), measured);
      } else this.#infer({ request, response, target, measured }, target.verb, model);
    } catch (thrown) {
      this.#options.refusals.send(request, response, thrown, target, measured);
    }
  }

  #infer(exchange: Exchange, verb: InferenceVerb, model: ServedModel): void {
    const { request, response, target, measured } = exchange;
    const { models, limits, budget, limiters, recorder, refusals } = this.#options;
    const version = model.resolve(target);
    measured.resolved(version.version);
    const config = models.get(model.name);
    if (config === undefined) throw new AirlockError('MODEL_NOT_FOUND');
    const onAnswered = recorderHook(recorder, model.name, version);
    const limiter = limiters.get(model.name);
    const context = { version, config, limits, budget, turns: this.#turns, limiter, onAnswered, meter: measured };
    infer(verb, request, context).then(
      (body) => this.#sendOrRefuse(exchange, body),
      (thrown: unknown) => refusals.send(request, response, thrown, target, measured),
    );
  }

  #sendOrRefuse({ request, response, target, measured }: Exchange, body: Buffer): void {
    try {
      holdUntilSent(request, response, body.length, this.#options.budget, this.#options.answerTimeoutMs);
      this.#send(response, body, measured);
    } catch (thrown) {
      this.#options.refusals.send(request, response, thrown, target, measured);
    }
  }

  #send(response: ServerResponse, body: Buffer | string, measured: RequestMeter): void {
    const bytes = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    measured.end(200, undefined, bytes);
    response.writeHead(200, ['content-type', contentType, 'content-length', String(bytes)]);
    // Written as latin1, the bytes of UTF-8 stay what they are.
    if (typeof body !== 'string' && bytes <= maxTextBytes) response.end(body.toString('latin1'), 'latin1');
    else response.end(body);
  }
}

/** HTTP/1.1 demands the header: who leaves it out may mean another server than we are. */
export function missingHost({ httpVersion, headers }: IncomingMessage): AirlockError | undefined {
  if (httpVersion !== '1.1' || headers.host !== undefined) return undefined;
  return new AirlockError('REQUEST_MALFORMED', { message: 'The request has no Host header' });
}
