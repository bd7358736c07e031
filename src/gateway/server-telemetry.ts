// All that one server counts, measures and traces, put together from its configuration, and the page of metrics. It decides nothing about a request, and what it cannot say never fails one.
import type { Config } from '../config/index.ts';
import { packageVersion } from '../core/index.ts';
import type { ServingEvent } from '../serving/index.ts';
import { type MetricSource, metricsPage, openTracer, ProcessWatch, type RequestTracer, ServerMeter } from '../telemetry/index.ts';
import { ServingCounts } from './worker-metrics.ts';

export class ServerTelemetry {
  readonly meter: ServerMeter;
  readonly #tracer: RequestTracer | undefined;
  readonly #process = new ProcessWatch(packageVersion());
  readonly #counts = new ServingCounts();
  readonly #sources = new Map<string, MetricSource>();

  private constructor({ models, telemetry }: Pick<Config, 'models' | 'telemetry'>, tracer: RequestTracer | undefined) {
    this.#tracer = tracer;
    this.meter = new ServerMeter({
      models: models.map(({ name }) => name),
      servingNames: telemetry.servingMetrics,
      tracer,
    });
    this.add('requests', () => this.meter.families());
    this.add('events', () => this.#counts.families());
    this.add('process', () => this.#process.families());
    this.#process.start();
  }

  /** @param onTrouble told once when traces are not taken, and once when they are again. */
  static async open(config: Pick<Config, 'models' | 'telemetry'>, onTrouble: (text: string) => void): Promise<ServerTelemetry> {
    const { traces } = config.telemetry;
    const tracer = traces && (await openTracer({ ...traces, version: packageVersion(), onTrouble }));
    return new ServerTelemetry(config, tracer);
  }

  /** Something else that has metrics. @param name of ours, and no other's. */
  add(name: string, source: MetricSource): void {
    this.#sources.set(name, source);
  }

  note(event: ServingEvent): void {
    this.#counts.note(event);
  }

  /** In the text format of Prometheus. */
  page(): string {
    return metricsPage(this.#sources);
  }

  /** Sends the traces that wait, for at most 2 s. Never rejects. */
  async close(): Promise<void> {
    this.#process.close();
    await this.#tracer?.close();
  }
}
