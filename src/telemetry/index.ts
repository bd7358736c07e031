// The door of telemetry: what a server counts and measures, the text that it becomes, and traces of single requests. The only importer of OpenTelemetry. It must never make a request
// wait or fail, and never put what a client wrote into a label, a span or a log line.
export { Histogram, secondsBounds } from './histogram.ts';
export type { Family, HistogramFamily, HistogramValues, Labels, MetricFamily, MetricSource, Sample } from './metric-family.ts';
export { metricsPage } from './metrics-page.ts';
export { type RequestPhase, type RequestVerb, requestPhases, requestVerbs } from './model-meter.ts';
export { openTracer } from './open-tracer.ts';
export { ProcessWatch } from './process-watch.ts';
export { familiesText, metricsType, metricText } from './prometheus-text.ts';
export { RequestMeter } from './request-meter.ts';
export type { RequestTracer, RequestTracerOptions } from './request-tracer.ts';
export { ServerMeter, type ServerMeterOptions } from './server-meter.ts';
export { maxWishedPerSecond } from './trace-sampler.ts';
