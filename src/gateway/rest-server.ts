// The REST listener: TensorFlow Serving's URLs, two health endpoints that name no model, and the same kind of answer to every error.
// It must never show a client a stack, a path of this machine or another client's data, and never wait without a limit.
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { LimitsConfig, ModelConfig } from '../config/index.ts';
import { AirlockError } from '../core/index.ts';
import type { ModelCatalog } from '../serving/index.ts';
import { errorAnswer } from './error-body.ts';
import { infer } from './inference.ts';
import { metadataJson, statusJson } from './model-info.ts';
import { type ModelTarget, parseModelTarget } from './rest-url.ts';

/** One line of the log per request that was refused or failed. No value of the input is in it, only where and which rule. */
export interface RefusalLine {
  readonly code: string;
  readonly status: number;
  readonly method: string;
  /** The configured model that was asked for, or undefined: a name that a client made up is not repeated. */
  readonly model?: string;
  readonly verb?: string;
  readonly path?: string;
  readonly rule?: string;
  readonly expected?: string;
  /** For the operator: the cause inside. */
  readonly detail?: string;
}

export interface RestServerOptions {
  readonly catalog: ModelCatalog;
  readonly models: readonly ModelConfig[];
  readonly limits: LimitsConfig;
  readonly onRefusal: (line: RefusalLine) => void;
}

const json = 'application/json';

/** Creates the listener; it does not listen yet. Closing it waits for the requests in flight. */
export function createRestServer(options: RestServerOptions): FastifyInstance {
  const { http } = options.limits;
  const server = fastify({
    logger: false,
    requestTimeout: http.requestTimeoutMs,
    connectionTimeout: http.requestTimeoutMs + http.keepAliveTimeoutMs,
    keepAliveTimeout: http.keepAliveTimeoutMs,
    // Bodies are bounded in body-reader.ts while they arrive; fastify's own limit would refuse without a code.
    bodyLimit: options.limits.request.maxBodyBytes,
    forceCloseConnections: 'idle',
    return503OnClosing: true,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 4096 },
    http: { headersTimeout: http.headersTimeoutMs, maxHeaderSize: 16 * 1024 },
  });
  server.server.maxConnections = http.maxConnections;
  // The decoder reads the stream itself, whatever the client calls its content.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (_request, payload, done) => done(null, payload));

  const configs = new Map(options.models.map((model) => [model.name, model]));
  const refuse = (request: FastifyRequest, reply: FastifyReply, thrown: unknown, target?: ModelTarget): void => {
    const error = fromFastify(thrown);
    const answer = errorAnswer(error);
    options.onRefusal(refusalLine(request, error, answer.status, target, configs));
    if (answer.retry) reply.header('retry-after', '1');
    // The rest of a body that was refused is not worth reading.
    if (!request.raw.complete) reply.header('connection', 'close');
    reply.code(answer.status).type(json).send(answer.body);
  };

  server.route({
    method: ['GET', 'POST'],
    url: '/v1/*',
    handler: async (request, reply) => {
      let target: ModelTarget | undefined;
      try {
        target = parseModelTarget(request.method, request.raw.url ?? '');
        const body = await answer(target, request, options, configs);
        return reply.type(json).send(body);
      } catch (thrown) {
        refuse(request, reply, thrown, target);
        return reply;
      }
    },
  });
  server.get('/healthz', (_request, reply) => reply.type(json).send('{"status":"ok"}'));
  server.get('/readyz', (_request, reply) => {
    const { ready } = options.catalog;
    return reply
      .code(ready ? 200 : 503)
      .type(json)
      .send(`{"status":"${ready ? 'ready' : 'not ready'}"}`);
  });
  server.setNotFoundHandler((request, reply) => {
    // TensorFlow Serving answers 400 below /v1/ whatever the method, and 404 elsewhere.
    refuse(request, reply, malformed(request));
  });
  server.setErrorHandler((thrown, request, reply) => refuse(request, reply, thrown));
  return server;
}

async function answer(
  target: ModelTarget,
  request: FastifyRequest,
  options: RestServerOptions,
  configs: ReadonlyMap<string, ModelConfig>,
): Promise<Buffer | string> {
  const model = options.catalog.model(target.model);
  if (target.verb === 'status') return statusJson(model.status(target));
  const version = model.resolve(target);
  if (target.verb === 'metadata') return metadataJson(model.name, version);
  const config = configs.get(model.name);
  if (config === undefined) throw new AirlockError('MODEL_NOT_FOUND');
  return infer(target.verb, request.raw, version, config, options.limits.request);
}

function malformed(request: FastifyRequest): AirlockError {
  try {
    parseModelTarget(request.method, request.raw.url ?? '');
  } catch (thrown) {
    return AirlockError.from(thrown);
  }
  return new AirlockError('REQUEST_MALFORMED');
}

/** Fastify's own refusals (a bad header, a body that never ends) as ours; anything unknown is internal. */
function fromFastify(thrown: unknown): AirlockError {
  const error = AirlockError.from(thrown);
  if (error.code !== 'INTERNAL' || !(error.cause instanceof Error) || !('statusCode' in error.cause)) return error;
  const { statusCode } = error.cause;
  if (statusCode === 413) return new AirlockError('REQUEST_TOO_LARGE', { cause: error.cause });
  return typeof statusCode === 'number' && statusCode < 500
    ? new AirlockError('REQUEST_MALFORMED', { cause: error.cause })
    : error;
}

function refusalLine(
  request: FastifyRequest,
  error: AirlockError,
  status: number,
  target: ModelTarget | undefined,
  configs: ReadonlyMap<string, ModelConfig>,
): RefusalLine {
  const [violation] = error.violations;
  const detail = error.detail ?? (error.code === 'INTERNAL' && error.cause instanceof Error ? error.cause.stack : undefined);
  return {
    code: error.code,
    status,
    method: request.method,
    ...(target !== undefined && configs.has(target.model) ? { model: target.model, verb: target.verb } : {}),
    ...(violation === undefined ? {} : { path: violation.path, rule: violation.rule, expected: violation.expected }),
    ...(detail === undefined ? {} : { detail }),
  };
}
