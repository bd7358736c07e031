// Traces of requests for OpenTelemetry: one span for the whole, one for each phase that there was. Attributes are the configured name of the model, the version, the verb, the status and
// our code; nothing that a client wrote is ever in a span, but the identifiers of the trace that it says it belongs to. A request that is not sampled makes no object here.
import { ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, TraceFlags, type Tracer, trace } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, BatchSpanProcessor, type SpanExporter, TracerProvider } from '@opentelemetry/sdk-trace';
import { CountingExporter, exportTimeoutMs } from './counting-exporter.ts';
import type { MetricFamily } from './metric-family.ts';
import type { RequestPhase } from './model-meter.ts';
import { parseTraceParent, type TraceParent } from './trace-parent.ts';
import { TraceSampler, type TraceSamplerOptions } from './trace-sampler.ts';

export interface RequestTracerOptions extends TraceSamplerOptions {
  /** `telemetry.traces.endpoint`. */
  readonly endpoint: string;
  /** Of Airlock. */
  readonly version: string;
  readonly onTrouble: (text: string) => void;
  /** For tests. Default: spans wait up to 2 s for others. */
  readonly delayMs?: number;
  readonly exporter?: SpanExporter;
}

/** Spans that wait; what comes beyond is dropped. */
const maxWaitingSpans = 2_048;
const maxBatchSpans = 256;
/** A server that closes waits no longer for its collector. */
const closeMs = 2_000;

export class RequestTracer {
  readonly #sampler: TraceSampler;
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;
  readonly #exporter: CountingExporter;
  #made = 0;

  constructor({ endpoint, version, onTrouble, delayMs = 2_000, exporter, ...sampling }: RequestTracerOptions) {
    this.#sampler = new TraceSampler(sampling);
    this.#exporter = new CountingExporter(endpoint, onTrouble, exporter);
    this.#provider = new TracerProvider({
      // Sampling is decided here; the default asks the parent's flag, which is a client's word.
      sampler: new AlwaysOnSampler(),
      resource: resourceFromAttributes({ 'service.name': 'airlock', 'service.version': version }),
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: this.#exporter,
          maxQueueSize: maxWaitingSpans,
          maxExportBatchSize: maxBatchSpans,
          scheduledDelayMillis: delayMs,
          exportTimeoutMillis: exportTimeoutMs,
        }),
      ],
    });
    this.#tracer = this.#provider.getTracer('tf-airlock', version);
  }

  /** Undefined for a request that is not traced. @param header `traceparent` as it came. @param startMs of performance.now(). */
  begin(header: string | readonly string[] | undefined, startMs: number): RequestTrace | undefined {
    const parent = header === undefined ? undefined : parseTraceParent(header);
    if (!this.#sampler.takes(parent?.isSampled === true)) return undefined;
    return new RequestTrace(this.#tracer, parent, startMs, (spans) => (this.#made += spans));
  }

  families(): MetricFamily[] {
    const { sent, failed } = this.#exporter;
    return [
      {
        name: 'airlock_trace_spans_total',
        help: 'Spans of traced requests: made, taken by the collector, not taken. What was made and is neither waits, or was dropped.',
        type: 'counter',
        samples: [
          [{ outcome: 'made' }, this.#made],
          [{ outcome: 'sent' }, sent],
          [{ outcome: 'failed' }, failed],
        ],
      },
    ];
  }

  /** Sends what waits, for a bounded time. Never rejects. */
  async close(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, closeMs)));
    await Promise.race([this.#provider.shutdown().catch(() => undefined), late]);
    clearTimeout(timer);
  }
}

/** Milliseconds of performance.now(). */
export interface PhaseTime {
  readonly phase: RequestPhase;
  readonly startMs: number;
  readonly endMs: number;
}

export interface TracedRequest {
  readonly method: string;
  /** Never with a name that a client chose: `/v1/models/{model}:predict`. */
  readonly route: string;
  readonly endMs: number;
  readonly status: number;
  /** Of the registry. */
  readonly errorCode?: string | undefined;
  /** Configured. */
  readonly model?: string | undefined;
  readonly version?: bigint | undefined;
  readonly phases: readonly PhaseTime[];
}

/** One traced request. Its spans are made when it has ended. */
export class RequestTrace {
  readonly #tracer: Tracer;
  readonly #onMade: (spans: number) => void;
  readonly #span: Span;

  constructor(tracer: Tracer, parent: TraceParent | undefined, startMs: number, onMade: (spans: number) => void) {
    this.#tracer = tracer;
    this.#onMade = onMade;
    const context = parent === undefined ? ROOT_CONTEXT : contextOf(parent);
    this.#span = tracer.startSpan('request', { kind: SpanKind.SERVER, startTime: epochMs(startMs) }, context);
  }

  /** 32 hex digits, for a line of the log. */
  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  end({ method, route, endMs, status, errorCode, model, version, phases }: TracedRequest): void {
    const inside = trace.setSpan(ROOT_CONTEXT, this.#span);
    for (const { phase, startMs, endMs } of phases)
      this.#tracer.startSpan(phase, { startTime: epochMs(startMs) }, inside).end(epochMs(endMs));
    this.#span.updateName(`${method} ${route}`);
    this.#span.setAttributes({
      'http.request.method': method,
      'http.route': route,
      'http.response.status_code': status,
      'url.scheme': 'http',
      ...(errorCode === undefined ? {} : { 'error.type': errorCode }),
      ...(model === undefined ? {} : { 'airlock.model': model }),
      ...(version === undefined ? {} : { 'airlock.model.version': String(version) }),
    });
    // What a client did wrong is no error of a server's span (semantic conventions for HTTP).
    if (status >= 500) this.#span.setStatus({ code: SpanStatusCode.ERROR });
    this.#onMade(phases.length + 1);
    this.#span.end(epochMs(endMs));
  }
}

function contextOf({ traceId, spanId }: TraceParent) {
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true });
}

function epochMs(ms: number): number {
  return performance.timeOrigin + ms;
}
