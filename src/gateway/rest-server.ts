// The REST listener: TensorFlow Serving's URLs, two health endpoints that name no model, one status for operators, and the same kind of
// answer to every error. It must never show a client a stack, a path of this machine or another client's data, and never wait without a
// limit.
import type { Server } from 'node:http';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { emptyHead as emptyAuditHead } from '../audit/index.ts';
import type { LimitsConfig, ModelConfig } from '../config/index.ts';
import { AirlockError } from '../core/index.ts';
import type { Posture } from '../posture/index.ts';
import type { Recorder } from '../recording/index.ts';
import type { JailFindings } from '../sandbox/index.ts';
import type { ModelCatalog } from '../serving/index.ts';
import { metricsType } from '../telemetry/index.ts';
import { BodyBudget } from './body-budget.ts';
import { contentLength } from './body-reader.ts';
import { ConnectionErrors } from './connection-errors.ts';
import { ConnectionShares } from './connection-shares.ts';
import { LastConnections } from './last-connections.ts';
import { ModelRequests, missingHost } from './model-requests.ts';
import { RateLimiter } from './rate-limiter.ts';
import { fromFastify, type RefusalLine, refusalLine } from './refusal.ts';
import { Refusals } from './refusals.ts';
import { parseModelTarget } from './rest-url.ts';
import type { RolloutState } from './rollout-watch.ts';
import type { SlotState } from './runtime-watch.ts';
import { type ScanState, serverStatusJson } from './server-status.ts';
import type { ServerTelemetry } from './server-telemetry.ts';

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
  const refusals = new Refusals({ broken, models: configs, meter, onRefusal: options.onRefusal });
  const refuse = (request: FastifyRequest, reply: FastifyReply, thrown: unknown): void => {
    reply.hijack();
    refusals.send(request.raw, reply.raw, fromFastify(thrown, request));
  };
  const scans = options.scans ?? (() => ({ scanned: [], auditHead: emptyAuditHead }));
  const { catalog, recorder, limits } = options;
  const models = new ModelRequests({
    catalog,
    models: configs,
    limits: limits.request,
    answerTimeoutMs: limits.http.requestTimeoutMs,
    budget,
    limiters: rateLimiters(options.models),
    recorder,
    meter,
    broken,
    refusals,
  });
  const server = createListener(options, broken, refuse, models);
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

type Refuse = (request: FastifyRequest, reply: FastifyReply, thrown: unknown) => void;

/** A fastify without any of its own answers: every error goes through `refuse` or `broken`. */
function createListener(
  { limits, models, onRefusal, telemetry }: RestServerOptions,
  broken: ConnectionErrors,
  refuse: Refuse,
  modelRequests: ModelRequests,
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
  const shares = new ConnectionShares(http, (error, status) => {
    telemetry.meter.refusedConnection(error.code);
    onRefusal(refusalLine(error, status, '-'));
  });
  shares.guard(server.server);
  const last = new LastConnections(server.server);
  handleExpectations(server.server, request.maxBodyBytes);
  handleBeforeFastify(server.server, modelRequests);
  let stopping = false;
  server.addHook('preClose', async () => {
    stopping = true;
    modelRequests.stop();
    last.end(http.requestTimeoutMs + longestAnswerMs);
  });
  server.addHook('onRequest', (request, reply, done) => {
    broken.begin(request.raw, reply.raw);
    // Clients send all kinds of it, curl's default among them. The body is JSON whatever it is called. Replaced, not deleted: V8 turns an
    // object that loses a key into a slow one.
    if (request.raw.headers['content-type'] !== undefined) request.raw.headers['content-type'] = json;
    done(stopping ? new AirlockError('SERVER_STOPPING') : missingHost(request.raw));
  });
  // The decoder reads the stream itself.
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  return server;
}

/** Requests for models do not pass through fastify. */
function handleBeforeFastify(server: Server, models: ModelRequests): void {
  const others = server.listeners('request');
  server.removeAllListeners('request');
  server.on('request', (request, response) => {
    if (models.takes(request)) models.handle(request, response);
    else for (const other of others) other.call(server, request, response);
  });
}

/** A client that asks first whether it may send its body is not told to when the body is too large; other expectations are ignored. */
function handleExpectations(server: Server, maxBodyBytes: number): void {
  server.on('checkContinue', (request, response) => {
    if (contentLength(request) <= maxBodyBytes) response.writeContinue();
    server.emit('request', request, response);
  });
  server.on('checkExpectation', (request, response) => server.emit('request', request, response));
}

function malformed(request: FastifyRequest): AirlockError {
  try {
    parseModelTarget(request.method, request.raw.url ?? '');
  } catch (thrown) {
    return AirlockError.from(thrown);
  }
  return new AirlockError('REQUEST_MALFORMED');
}
