// Sends spans by OTLP over HTTP, counts what became of them, and says once when the collector does not take them and once when it does again. A collector that is away, slow or
// hostile costs traces and nothing else: its answers are never read beyond their status.
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';
import { printable } from '../core/index.ts';

/** For one batch, tries again included. */
export const exportTimeoutMs = 5_000;

type Done = Parameters<SpanExporter['export']>[1];

export class CountingExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #onTrouble: (text: string) => void;
  #isBroken = false;
  sent = 0;
  failed = 0;

  /** @param exporter default: OTLP as JSON to `endpoint`. */
  constructor(endpoint: string, onTrouble: (text: string) => void, exporter?: SpanExporter) {
    this.#onTrouble = onTrouble;
    this.#exporter = exporter ?? new OTLPTraceExporter({ url: endpoint, timeoutMillis: exportTimeoutMs, concurrencyLimit: 2 });
  }

  export(spans: ReadableSpan[], done: Done): void {
    this.#exporter.export(spans, (result) => {
      // 0 is SUCCESS of ExportResultCode, which lives in a package that we do not import.
      if (result.code === 0) {
        this.sent += spans.length;
        if (this.#isBroken) this.#onTrouble('traces: the collector takes them again');
        this.#isBroken = false;
      } else {
        this.failed += spans.length;
        const why = printable(result.error?.message ?? 'no reason given', 200);
        if (!this.#isBroken) this.#onTrouble(`traces: the collector does not take them: ${why}`);
        this.#isBroken = true;
      }
      done(result);
    });
  }

  forceFlush(): Promise<void> {
    return this.#exporter.forceFlush?.() ?? Promise.resolve();
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }
}
