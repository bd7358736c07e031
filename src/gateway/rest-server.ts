// The REST listener: TensorFlow Serving's URLs, two health endpoints that name no model, one status for operators, and the same kind of
// answer to every error. It must never show a client a stack, a path of this machine or another client's data, and never wait without a
// limit.
import type { IncomingMessage, Server } from 'node:http';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { emptyHead as emptyAuditHead } from '../audit/index.ts';
import type { LimitsConfig, ModelConfig, RequestLimits } from '../config/index.ts';
import { AirlockError } from '../core/index.ts';
import type { Posture } from '../posture/index.ts';
import type { Recorder } from '../recording/index.ts';
import type { JailFindings } from '../sandbox/index.ts';
import type { ModelCatalog } from '../serving/index.ts';
import { metricsType, type RequestMeter } from '../telemetry/index.ts';
import { BodyBudget } from './body-budget.ts';
import { contentLength } from './body-reader.ts';
import { ConnectionErrors } from './connection-errors.ts';
import { ConnectionShares } from './connection-shares.ts';
import { errorAnswer } from './error-body.ts';
import { infer } from './inference.ts';
import { metadataJson, statusJson } from './model-info.ts';
import { RateLimiter } from './rate-limiter.ts';
import { recorderHook } from './recorder-hook.ts';
import { fromFastify, type RefusalLine, refusalLine } from './refusal.ts';
import { type ModelTarget, parseModelTarget } from './rest-url.ts';
import type { RolloutState } from './rollout-watch.ts';
import type { SlotState } from './runtime-watch.ts';
import { type ScanState, serverStatusJson } from './server-status.ts';
import type { ServerTelemetry } from './server-telemetry.ts';
import { holdUntilSent } from './unread-answer.ts';

export interface RestServerOptions {
  readonly catalog: ModelCatalog;
  readonly isolation: JailFindings;
  readonly models: readonly ModelConfig[];
  readonly limits: LimitsConfig;
  readonly onRefusal: (line: RefusalLine) => void;
  readonly telemetry: ServerTelemetry;
  /** Default: nothing was scanned. */
  readonly scans?: () => ScanState;
  /** Default: nothing is ever recorded. */
  readonly recorder?: Recorder | undefined;
  /** Default: nothing is said of TensorFlow. */
  readonly rollout?: () => RolloutState;
  /** Default: nothing is known of TensorFlow's published vulnerabilities. */
  readonly posture?: () => Posture | undefined;
  /** Default: nothing is said of what is installed. */
  readonly installed?: () => readonly SlotState[];
}

const json = 'application/json';

/** Creates the listener; it does not listen yet. Closing it waits for the requests in flight. */
export function createRestServer(options: RestServerOptions): FastifyInstance {
  const configs = new Map(options.models.map((model) => [model.name, model]));
  const budget = new BodyBudget(options.limits.request.maxBufferedBytes, options.limits.request.maxClientPercent);
  const { meter } = options.telemetry;
  const broken = new ConnectionErrors((error, status) => {
    meter.refusedConnection(error.code);
    options.onRefusal(refusalLine(error, status, '-'));
  });
  const refuse: Refuse = (request, reply, thrown, target, measured = meter.begin(undefined, 'other', undefined)): void => {
    const seen = fromFastify(thrown, request);
    const error = seen.code === 'REQUEST_INCOMPLETE' ? (broken.reason(request.raw) ?? seen) : seen;
    const answer = errorAnswer(error);
    const known = target !== undefined && configs.has(target.model) ? target : undefined;
    options.onRefusal(refusalLine(error, answer.status, request.method, known, measured.traceId));
    measured.end(answer.status, error.code, Buffer.byteLength(answer.body));
    if (answer.retryAfterSeconds !== undefined) reply.header('retry-after', String(answer.retryAfterSeconds));
    const send = (): void => {
      // The rest of a body that was refused is not worth reading.
      if (!request.raw.complete) reply.header('connection', 'close');
      reply.code(answer.status).type(json).send(answer.body);
    };
    // A decoder refuses in the middle of a packet, whose end often is the end of the body; then the connection can be kept.
    if (request.raw.complete) send();
    else setImmediate(send);
  };
  const scans = options.scans ?? (() => ({ scanned: [], auditHead: emptyAuditHead }));
  const limiters = rateLimiters(options.models);
  const { catalog, recorder } = options;
  const context: AnswerContext = { catalog, limits: options.limits.request, configs, budget, limiters, recorder };
  const server = createListener(options, broken, refuse);
  server.route({
    method: ['GET', 'POST'],
    url: '/v1/*',
    handler: async (request, reply) => {
      let target: ModelTarget | undefined;
      let measured: RequestMeter | undefined;
      try {
        target = parseModelTarget(request.method, request.raw.url ?? '');
        measured = meter.begin(target.model, target.verb, request.raw.headers.traceparent);
        const body = await answer(target, request, measured, context);
        holdUntilSent(reply.raw, body.length, budget, options.limits.http.requestTimeoutMs);
        measured.end(200, undefined, body.length);
        return reply.type(json).send(wireBody(body));
      } catch (thrown) {
        refuse(request, reply, thrown, target, measured);
        return reply;
      }
    },
  });
  server.get('/airlock/v1/status', (_request, reply) =>
    reply
      .type(json)
      .send(
        serverStatusJson(
          options.isolation,
          options.catalog,
          scans(),
          recorder?.report,
          options.rollout?.(),
          options.posture?.(),
          options.installed?.(),
        ),
      ),
  );
  // The second is where TensorFlow Serving has it, for scrapers that look there already.
  for (const url of ['/airlock/v1/metrics', '/monitoring/prometheus/metrics'])
    server.get(url, (_request, reply) => reply.type(metricsType).send(options.telemetry.page()));
  server.get('/healthz', (_request, reply) => reply.type(json).send('{"status":"ok"}'));
  server.get('/readyz', (_request, reply) => {
    const { ready } = options.catalog;
    return reply
      .code(ready ? 200 : 503)
      .type(json)
      .send(`{"status":"${ready ? 'ready' : 'not ready'}"}`);
  });
  server.setNotFoundHandler((request, reply) => refuse(request, reply, malformed(request)));
  server.setErrorHandler((thrown, request, reply) => refuse(request, reply, thrown));
  return server;
}

function rateLimiters(models: readonly ModelConfig[]): ReadonlyMap<string, RateLimiter> {
  const limiters = new Map<string, RateLimiter>();
  for (const { name, rateLimits: limits } of models) if (limits !== undefined) limiters.set(name, new RateLimiter({ limits }));
  return limiters;
}

/** Node writes a short text in one piece with the headers; a buffer costs a second piece and a slower system call. */
function wireBody(body: Buffer | string): Buffer | string {
  return typeof body !== 'string' && body.length <= 4096 ? body.toString('utf8') : body;
}

/** `target` and `measured` where the request got so far. */
type Refuse = (
  request: FastifyRequest,
  reply: FastifyReply,
  thrown: unknown,
  target?: ModelTarget,
  measured?: RequestMeter,
) => void;

/** A fastify without any of its own answers: every error goes through `refuse` or `broken`. */
function createListener(
  { limits, models, onRefusal }: RestServerOptions,
  broken: ConnectionErrors,
  refuse: Refuse,
): FastifyInstance {
  const { http, request } = limits;
  // Nothing moves on a connection while a model computes.
  const longestAnswerMs = Math.max(0, ...models.map((model) => model.limits.timeoutMs));
  const server = fastify({
    logger: false,
    requestTimeout: http.requestTimeoutMs,
    connectionTimeout: http.requestTimeoutMs + http.keepAliveTimeoutMs + longestAnswerMs,
    keepAliveTimeout: http.keepAliveTimeoutMs,
    // Bodies are bounded in body-reader.ts while they arrive; fastify's own limit would refuse without a code.
    bodyLimit: request.maxBodyBytes,
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: 4096, caseSensitive: false },
    http: {
      headersTimeout: http.headersTimeoutMs,
      maxHeaderSize: 16 * 1024,
      // Node looks for requests that are too slow every 30 s unless it is told otherwise, whatever the timeouts say.
      connectionsCheckingInterval: Math.min(1000, http.headersTimeoutMs),
      // Node's own refusal would be without a body and without a line in the log.
      requireHostHeader: false,
    },
    clientErrorHandler: (error, socket) => broken.answer(error, socket),
    frameworkErrors: (error, request, reply) => refuse(request, reply, error),
  });
  server.server.maxConnections = http.maxConnections;
  new ConnectionShares(http, (error, status) => onRefusal(refusalLine(error, status, '-'))).guard(server.server);
  handleExpectations(server.server, request.maxBodyBytes);
  let stopping = false;
  server.addHook('preClose', async () => {
    stopping = true;
  });
  server.addHook('onRequest', (request, reply, done) => {
    broken.begin(request.raw, reply.raw);
    // Clients send all kinds of it, curl's default among them. The body is JSON whatever it is called. Replaced, not deleted: V8 turns an
    // object that loses a key into a slow one.
    if (request.raw.headers['content-type'] !== undefined) request.raw.headers['content-type'] = json;
    done(stopping ? new AirlockError('SERVER_STOPPING') : withoutHost(request.raw));
  });
  // The decoder reads the stream itself.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  return server;
}

/** HTTP/1.1 demands the header: who leaves it out may mean another server than we are. */
function withoutHost({ httpVersion, headers }: IncomingMessage): AirlockError | undefined {
  if (httpVersion !== '1.1' || headers.host !== undefined) return undefined;
  return new AirlockError('REQUEST_MALFORMED', { message: 'The request has no Host header' });
}

/** A client that asks first whether it may send its body is not told to when the body is too large; other expectations are ignored. */
function handleExpectations(server: Server, maxBodyBytes: number): void {
  server.on('checkContinue', (request, response) => {
    if (contentLength(request) <= maxBodyBytes) response.writeContinue();
    server.emit('request', request, response);
  });
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
}

interface AnswerContext {
  readonly catalog: ModelCatalog;
  readonly limits: RequestLimits;
  readonly configs: ReadonlyMap<string, ModelConfig>;
  readonly budget: BodyBudget;
  readonly limiters: ReadonlyMap<string, RateLimiter>;
  readonly recorder: Recorder | undefined;
}

async function answer(
  target: ModelTarget,
  request: FastifyRequest,
  meter: RequestMeter,
  { catalog, limits, configs, budget, limiters, recorder }: AnswerContext,
): Promise<Buffer | string> {
  const model = catalog.model(target.model);
  if (target.verb === 'status') return statusJson(model.status(target));
  const version = model.resolve(target);
  meter.resolved(version.version);
  if (target.verb === 'metadata') return metadataJson(model.name, version);
  const config = configs.get(model.name);
  if (config === undefined) throw new AirlockError('MODEL_NOT_FOUND');
  const { verb } = target;
  const onAnswered = recorderHook(recorder, model.name, version);
  const limiter = limiters.get(model.name);
  return version.use(() => infer(verb, request.raw, { version, config, limits, budget, limiter, onAnswered, meter }));
}

function malformed(request: FastifyRequest): AirlockError {
  try {
    parseModelTarget(request.method, request.raw.url ?? '');
  } catch (thrown) {
    return AirlockError.from(thrown);
  }
  return new AirlockError('REQUEST_MALFORMED');
}
