import { describe, expect, it } from 'vitest';
import { type ReadMetrics, readMetrics } from '../../tests/support/metrics-text.ts';
import { errorRegistry, isErrorCode } from '../core/index.ts';
import { familiesText } from './prometheus-text.ts';
import { ServerMeter } from './server-meter.ts';

const meterOf = (servingNames = true) => new ServerMeter({ models: ['a', 'b'], servingNames });
const read = (meter: ServerMeter): ReadMetrics => readMetrics(familiesText(meter.families()));

describe('ServerMeter', () => {
  it('is as large after 10,000 names of models and versions that clients made up as before', () => {
    const meter = meterOf();
    const ask = (name: string): void => {
      for (const verb of ['predict', 'classify', 'regress', 'status', 'metadata'] as const)
        meter.begin(name, verb, undefined).end(404, 'MODEL_NOT_FOUND', 10);
      // A version that is not served is never resolved.
      meter.begin('a', 'predict', undefined).end(404, 'MODEL_VERSION_NOT_FOUND', 10);
      meter.begin(undefined, 'other', undefined).end(400, 'REQUEST_MALFORMED', 10);
    };
    ask('first');
    const before = familiesText(meter.families());
    for (let at = 0; at < 10_000; at++) ask(`made-up-${at}`);
    const after = familiesText(meter.families());
    expect(after.split('\n').length).toBe(before.split('\n').length);
    expect(after.replace(/ [0-9.e+-]+$/gm, '')).toBe(before.replace(/ [0-9.e+-]+$/gm, ''));
    expect(read(meter).value('airlock_refusals_total', { model: '', code: 'MODEL_NOT_FOUND' })).toBe(50_005);
  });

  it('is bounded even when every code, verb and class was seen', () => {
    const meter = meterOf();
    for (const code of Object.keys(errorRegistry))
      for (let version = 1n; version < 100n; version++)
        for (const verb of ['predict', 'classify', 'regress', 'status'] as const) {
          const request = meter.begin('a', verb, undefined);
          request.resolved(version);
          if (isErrorCode(code)) request.end(500, code, 0);
        }
    const versions = read(meter).samples.filter(({ name, labels }) => name === 'airlock_requests_total' && labels.version !== '');
    // The 16 newest, by verb.
    expect(new Set(versions.map(({ labels }) => labels.version))).toEqual(
      new Set(Array.from({ length: 16 }, (_, at) => String(84 + at))),
    );
    expect(versions).toHaveLength(16 * 4);
  });

  it('tells the parts of a request from what was reported of it', () => {
    const meter = meterOf();
    const request = meter.begin('a', 'predict', undefined);
    request.resolved(7n);
    request.received(100);
    request.received(23);
    request.decoded();
    const startMs = performance.now() + 10;
    request.onPhase('queue', startMs, startMs + 2_000);
    request.onPhase('batch', startMs + 2_000, startMs + 2_500);
    request.onPhase('run', startMs + 2_500, startMs + 7_500);
    // A batch that was split.
    request.onPhase('run', startMs + 7_500, startMs + 9_500);
    expect(read(meter).value('airlock_requests_in_flight', { model: 'a' })).toBe(1);
    request.answered();
    request.end(200, undefined, 45);
    const metrics = read(meter);
    const sum = (phase: string) => metrics.value('airlock_request_phase_seconds_sum', { model: 'a', phase });
    expect(sum('queue')).toBeCloseTo(2, 6);
    expect(sum('batch')).toBeCloseTo(0.5, 6);
    expect(sum('run')).toBeCloseTo(7, 6);
    expect(metrics.value('airlock_request_phase_seconds_count', { phase: 'contract' })).toBe(1);
    expect(metrics.value('airlock_requests_total', { model: 'a', version: '7', verb: 'predict', class: '2xx' })).toBe(1);
    expect(metrics.value('airlock_request_body_bytes_total', { model: 'a', direction: 'in' })).toBe(123);
    expect(metrics.value('airlock_request_body_bytes_total', { model: 'a', direction: 'out' })).toBe(45);
    expect(metrics.value('airlock_requests_in_flight', { model: 'a' })).toBe(0);
    // Waiting is part of what TensorFlow Serving calls the runtime.
    const runtime = { model_name: 'a', API: 'Predict', runtime: 'TF1' };
    expect(metrics.value(':tensorflow:serving:runtime_latency_sum', runtime)).toBeCloseTo(9_500_000, -1);
  });

  it('counts a request once, however often it is ended', () => {
    const meter = meterOf();
    const request = meter.begin('b', 'regress', undefined);
    request.end(503, 'MODEL_NOT_AVAILABLE', 1);
    request.end(200, undefined, 1);
    const metrics = read(meter);
    expect(metrics.samples.filter(({ name, value }) => name === 'airlock_requests_total' && value > 0)).toHaveLength(1);
    expect(metrics.value('airlock_requests_in_flight', { model: 'b' })).toBe(0);
    expect(metrics.value(':tensorflow:serving:request_count', { model_name: 'b', status: 'UNAVAILABLE' })).toBe(1);
  });

  it('says a status and a refusal of metadata under our names only, and nothing of TensorFlow Serving where that is off', () => {
    const meter = meterOf();
    meter.begin('a', 'status', undefined).end(200, undefined, 1);
    meter.begin('a', 'metadata', undefined).end(503, 'MODEL_NOT_AVAILABLE', 1);
    const { samples } = read(meter);
    expect(samples.filter(({ name }) => name === ':tensorflow:serving:request_count')).toEqual([]);
    expect([...read(meterOf(false)).types.keys()].filter((name) => name.startsWith(':'))).toEqual([]);
  });
});
