// Loads OpenTelemetry where traces are configured, and only there: it is a dozen packages that no other server needs to read.
import type { RequestTracer, RequestTracerOptions } from './request-tracer.ts';

export async function openTracer(options: RequestTracerOptions): Promise<RequestTracer> {
  const { RequestTracer } = await import('./request-tracer.ts');
  return new RequestTracer(options);
}
