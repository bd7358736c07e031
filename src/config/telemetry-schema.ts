// The telemetry section of airlock.yaml: where traces go, and which names metrics have.
import { z } from 'zod';
import type { TelemetryConfig } from './config-types.ts';
import { field } from './fields.ts';
import { percent } from './trust-fields.ts';

/** Without credentials: they would stand in a file that is not secret. */
function collectorUrl() {
  return field('url', 'an http: or https: URL without a user name, for example http://127.0.0.1:4318/v1/traces', (value) => {
    if (typeof value !== 'string' || value.length > 2_048 || !URL.canParse(value)) return undefined;
    const { protocol, username, password } = new URL(value);
    return (protocol === 'http:' || protocol === 'https:') && username === '' && password === '' ? value : undefined;
  });
}

const traces = z.strictObject({ endpoint: collectorUrl(), samplePercent: percent().prefault(1) });

export const telemetrySchema = z.strictObject({
  traces: traces.exactOptional(),
  servingMetrics: z.boolean().default(true),
}) satisfies z.ZodType<TelemetryConfig>;

export const telemetryKeys: readonly (readonly [string, readonly string[]])[] = [
  ['telemetry', Object.keys(telemetrySchema.shape)],
  ['telemetry.traces', Object.keys(traces.shape)],
];
