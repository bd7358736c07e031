// What a collector does cannot be trusted: these tests are about one that refuses, one that never answers, and one that is not there.
import { createServer, type RequestListener, type Server } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { readMetrics } from '../../tests/support/metrics-text.ts';
import { familiesText } from './prometheus-text.ts';
import { RequestTracer, type RequestTracerOptions } from './request-tracer.ts';

let collector: Server | undefined;
afterEach(() => {
  collector?.closeAllConnections();
  collector?.close();
});

async function endpointOf(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  collector = server;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `http://127.0.0.1:${address.port}/v1/traces`;
}

const troubles: string[] = [];
function tracerOf(options: Partial<RequestTracerOptions> & { readonly endpoint: string }): RequestTracer {
  troubles.length = 0;
  return new RequestTracer({
    samplePercent: 100,
    version: '1',
    delayMs: 5,
    onTrouble: (text) => troubles.push(text),
    ...options,
  });
}

const traceOne = (tracer: RequestTracer): void => {
  const startMs = performance.now();
  const phases = [{ phase: 'run', startMs, endMs: startMs + 1 }] as const;
  tracer.begin(undefined, startMs)?.end({ method: 'POST', route: '/x', endMs: startMs + 2, status: 200, phases });
};
const outcome = (tracer: RequestTracer, name: string) =>
  readMetrics(familiesText(tracer.families())).value('airlock_trace_spans_total', { outcome: name }) ?? 0;
const until = async (condition: () => boolean): Promise<void> => {
  for (let tries = 0; !condition(); tries++) {
    if (tries > 800) throw new Error('waited in vain');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
};

describe('RequestTracer', () => {
  it('says once that a collector refuses, and once that it takes traces again', async () => {
    let status = 400;
    const endpoint = await endpointOf((request, response) => {
      request.resume().on('end', () => response.writeHead(status).end('<b>hostile</b>\u001b[31m'));
    });
    const tracer = tracerOf({ endpoint });
    for (let round = 1; round <= 3; round++) {
      traceOne(tracer);
      await until(() => outcome(tracer, 'failed') === 2 * round);
    }
    expect(troubles).toHaveLength(1);
    expect(troubles[0]).toMatch(/^traces: the collector does not take them: /);
    expect(troubles[0]).not.toContain('\u001b');
    status = 200;
    traceOne(tracer);
    await until(() => outcome(tracer, 'sent') === 2);
    expect(troubles).toEqual([troubles[0], 'traces: the collector takes them again']);
    await tracer.close();
  });

  it('keeps a bounded number of spans for a collector that never answers, and closes all the same', async () => {
    let asked = 0;
    const endpoint = await endpointOf((request) => {
      asked++;
      request.resume();
    });
    const tracer = tracerOf({ endpoint });
    traceOne(tracer);
    await until(() => asked > 0);
    for (let at = 0; at < 5_000; at++) traceOne(tracer);
    expect(outcome(tracer, 'made')).toBe(10_002);
    await tracer.close();
    expect(outcome(tracer, 'sent') + outcome(tracer, 'failed')).toBeLessThan(2_048 + 3 * 256);
  });

  it('makes nothing of a request that is not sampled', async () => {
    const endpoint = await endpointOf((_request, response) => response.end());
    const tracer = tracerOf({ endpoint, samplePercent: 0 });
    expect(tracer.begin(undefined, 0)).toBeUndefined();
    expect(tracer.begin(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`, 0)).toBeUndefined();
    expect(tracer.begin(`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, 0)?.traceId).toBe('a'.repeat(32));
    await tracer.close();
  });

  it('goes on without a collector', async () => {
    const tracer = tracerOf({ endpoint: 'http://127.0.0.1:9/v1/traces' });
    traceOne(tracer);
    const startedMs = performance.now();
    await tracer.close();
    // The exporter by itself tries for 5 s.
    expect(performance.now() - startedMs).toBeLessThan(4_500);
    expect(outcome(tracer, 'sent')).toBe(0);
  });
});
