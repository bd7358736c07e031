// What a whole server says of itself: its page of metrics after real requests, bounded whatever clients call, and traces that reach a collector.
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ReadMetrics, readMetrics } from '../support/metrics-text.ts';
import { RawConnection } from '../support/raw-connection.ts';
import { needsRuntime, slot } from '../support/runtime.ts';
import { call, post, root, startTestServer, type TestServer, until } from '../support/server.ts';

const examples = path.join(root, 'examples');
const body = readFileSync(path.join(examples, 'digits/request.json'), 'utf8');

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];
}

let server: TestServer;
let collector: Server;
const spans: Span[] = [];
const refusedTrace = 'a'.repeat(32);
const collected: string[] = [];

beforeAll(async () => {
  if (slot === undefined) return;
  collector = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString('utf8');
      collected.push(text);
      const { resourceSpans } = JSON.parse(text) as { resourceSpans: { scopeSpans: { spans: Span[] }[] }[] };
      for (const { scopeSpans } of resourceSpans) for (const one of scopeSpans) spans.push(...one.spans);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve));
  const address = collector.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  server = await startTestServer({
    models: [{ name: 'digits', path: path.join(examples, 'digits') }],
    // Only what clients ask for.
    telemetry: { traces: { endpoint: `http://127.0.0.1:${address.port}/v1/traces`, samplePercent: 0 } },
  });
});
afterAll(async () => {
  await server?.close();
  await new Promise((resolve) => collector?.close(resolve));
});

const predict = (headers: Record<string, string> = {}, text = body) =>
  post(`${server.url}/v1/models/digits:predict`, text, headers);

async function scrape(page = '/airlock/v1/metrics'): Promise<ReadMetrics> {
  const response = await fetch(`${server.url}${page}`);
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return readMetrics(await response.text());
}

describe.skipIf(slot === undefined)(`telemetry${needsRuntime}`, () => {
  it('counts what was answered and what was refused, and how long it took', async () => {
    const before = await scrape();
    const answers = await Promise.all([predict(), predict(), predict({}, '{"instances":[[1]]}'), predict({}, 'no JSON')]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 400, 400]);
    const after = await scrape();
    const grew = (name: string, labels: Record<string, string>): number =>
      (after.value(name, labels) ?? 0) - (before.value(name, labels) ?? 0);
    const model = { model: 'digits' };
    expect(grew('airlock_requests_total', { ...model, version: '1', verb: 'predict', class: '2xx' })).toBe(2);
    expect(grew('airlock_requests_total', { ...model, version: '1', verb: 'predict', class: '4xx' })).toBe(2);
    expect(grew('airlock_refusals_total', { ...model, code: 'JSON_SYNTAX' })).toBe(1);
    expect(grew('airlock_request_duration_seconds_count', { ...model, verb: 'predict' })).toBe(2);
    expect(grew('airlock_refusal_duration_seconds_count', model)).toBe(2);
    for (const phase of ['decode', 'run', 'encode']) {
      expect(grew('airlock_request_phase_seconds_count', { ...model, phase }), phase).toBeGreaterThanOrEqual(2);
      expect(grew('airlock_request_phase_seconds_sum', { ...model, phase }), phase).toBeGreaterThan(0);
    }
    expect(grew('airlock_request_body_bytes_total', { ...model, direction: 'in' })).toBe(
      2 * Buffer.byteLength(body) + '{"instances":[[1]]}no JSON'.length,
    );
    expect(grew('airlock_request_body_bytes_total', { ...model, direction: 'out' })).toBe(
      answers.reduce((sum, { text }) => sum + Buffer.byteLength(text), 0),
    );
    // All are over; this scrape is no request to a model.
    expect(after.value('airlock_requests_in_flight', model)).toBe(0);
    expect(after.value('airlock_worker_memory_bytes', { ...model, version: '1' })).toBeGreaterThan(10_000_000);
    expect(after.value('airlock_model_ready', model)).toBe(1);
    expect(grew(':tensorflow:serving:request_count', { model_name: 'digits', status: 'OK' })).toBe(2);
    expect(grew(':tensorflow:serving:request_count', { model_name: 'digits', status: 'INVALID_ARGUMENT' })).toBe(2);
    const latency = { model_name: 'digits', API: 'predict', entrypoint: 'REST' };
    expect(grew(':tensorflow:serving:request_latency_count', latency)).toBe(2);
    expect(after.value('airlock_metrics_source_failed')).toBeUndefined();
  });

  it('has the same page where TensorFlow Serving has it', async () => {
    const [ours, theirs] = await Promise.all([scrape(), scrape('/monitoring/prometheus/metrics')]);
    expect([...theirs.types]).toEqual([...ours.types]);
  });

  it('never grows by names that clients made up', async () => {
    const url = server.url;
    const round = async (from: number, to: number): Promise<void> => {
      const calls = Array.from({ length: to - from }, async (_, at) => {
        const name = `made-up-${from + at}`;
        await fetch(`${url}/v1/models/${name}:predict`, { method: 'POST', body }).then((one) => one.arrayBuffer());
        await fetch(`${url}/v1/models/${name}`).then((one) => one.arrayBuffer());
        await fetch(`${url}/v1/models/digits/versions/${1000 + from + at}:predict`, { method: 'POST', body }).then((one) =>
          one.arrayBuffer(),
        );
        await fetch(`${url}/v1/models/digits/labels/${name}:predict`, { method: 'POST', body }).then((one) => one.arrayBuffer());
        const named = `{"signature_name":"${name}",${body.slice(1)}`;
        await fetch(`${url}/v1/models/digits:predict`, { method: 'POST', body: named }).then((one) => one.arrayBuffer());
        await fetch(`${url}/${name}`, { headers: { traceparent: name } }).then((one) => one.arrayBuffer());
      });
      await Promise.all(calls);
    };
    await round(0, 4);
    const keysOf = ({ samples }: ReadMetrics): string[] =>
      samples.map(({ name, labels }) => `${name}${JSON.stringify(labels)}`).sort();
    const before = await scrape();
    for (let from = 4; from < 64; from += 20) await round(from, from + 20);
    const after = await scrape();
    expect(keysOf(after)).toEqual(keysOf(before));
    expect(after.value('airlock_refusals_total', { model: '', code: 'MODEL_NOT_FOUND' }) ?? 0).toBeGreaterThanOrEqual(128);
    expect(JSON.stringify(after.samples)).not.toContain('made-up');
    server.refusals.length = 0;
  });

  it('traces what a client asks for, in its trace, with a span for each part and nothing that the client wrote', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const parent = '00f067aa0ba902b7';
    // For the next test; traces are sent every two seconds.
    await predict({ traceparent: `00-${refusedTrace}-${parent}-01` }, '{"instances":[[1]]}');
    const { status } = await predict({ traceparent: `00-${traceId}-${parent}-01`, tracestate: 'secret=1' });
    expect(status).toBe(200);
    await until('the collector has the spans', () => spans.some((span) => span.traceId === traceId && span.kind === 2));
    const mine = spans.filter((span) => span.traceId === traceId);
    const whole = mine.find(({ kind }) => kind === 2);
    expect(whole).toMatchObject({ name: 'POST /v1/models/{model}:predict', parentSpanId: parent });
    const parts = mine.filter((span) => span !== whole);
    expect(parts.map(({ name }) => name)).toEqual(expect.arrayContaining(['decode', 'run', 'encode']));
    for (const part of parts) {
      expect(part.parentSpanId).toBe(whole?.spanId);
      expect(BigInt(part.startTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(whole?.startTimeUnixNano ?? 0));
      expect(BigInt(part.endTimeUnixNano)).toBeLessThanOrEqual(BigInt(whole?.endTimeUnixNano ?? 0));
    }
    const attributes = Object.fromEntries((whole?.attributes ?? []).map(({ key, value }) => [key, Object.values(value)[0]]));
    expect(attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/models/{model}:predict',
      'http.response.status_code': 200,
      'url.scheme': 'http',
      'airlock.model': 'digits',
      'airlock.model.version': '1',
    });
    expect(collected.join('')).not.toContain('secret');
  });

  it('says the trace of a refusal in its line of the log, and the code in the span', async () => {
    const line = server.refusals.find(({ traceId }) => traceId === refusedTrace);
    expect(line).toBeDefined();
    await until('the collector has the span', () => spans.some((span) => span.traceId === refusedTrace && span.kind === 2));
    const whole = spans.find((span) => span.traceId === refusedTrace && span.kind === 2);
    expect(whole?.attributes).toContainEqual({ key: 'error.type', value: { stringValue: line?.code } });
    expect(whole?.attributes).toContainEqual({ key: 'http.response.status_code', value: { intValue: line?.status } });
  });

  it('traces no more than a few, however many clients ask for it', async () => {
    const sent = 120;
    server.refusals.length = 0;
    const startedMs = performance.now();
    for (let from = 0; from < sent; from += 20)
      await Promise.all(
        Array.from({ length: 20 }, (_, at) =>
          predict({ traceparent: `00-${String(from + at + 1).padStart(32, '7')}-${'c'.repeat(16)}-01` }, 'x'),
        ),
      );
    const allowed = 20 + ((performance.now() - startedMs) / 1000) * 10;
    const traced = server.refusals.filter((line) => line.traceId !== undefined).length;
    expect(server.refusals).toHaveLength(sent);
    expect(traced).toBeGreaterThan(0);
    expect(traced).toBeLessThanOrEqual(Math.ceil(allowed));
  });

  it('counts what never became a request', async () => {
    const malformed = async () => (await scrape()).value('airlock_refusals_total', { model: '', code: 'REQUEST_MALFORMED' }) ?? 0;
    const before = await malformed();
    await call(`${server.url}/v1/nothing`);
    const connection = new RawConnection(server.port);
    connection.send('no HTTP at all\r\n\r\n');
    await connection.closed;
    expect(await malformed()).toBe(before + 2);
  });
});
