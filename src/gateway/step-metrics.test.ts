import { describe, expect, it } from 'vitest';
import { readMetrics } from '../../tests/support/metrics-text.ts';
import { stepReports } from '../../tests/support/step-reports.ts';
import { familiesText } from '../telemetry/index.ts';
import { budgetMetrics, stepMetrics } from './step-metrics.ts';

const read = (reports: Parameters<typeof stepMetrics>[0]) => readMetrics(familiesText(stepMetrics(reports)));

describe('stepMetrics()', () => {
  it('says the queue, the batches and the poison of each version', () => {
    const metrics = read([stepReports('a', 1n), stepReports('b', 2n)]);
    const about = { model: 'b', version: '2' };
    expect(metrics.value('airlock_queue_waiting', about)).toBe(3);
    expect(metrics.value('airlock_queue_refusals_total', { ...about, reason: 'unreachable' })).toBe(5);
    expect(metrics.value('airlock_queue_refusals_total', { ...about, reason: 'expired' })).toBe(6);
    expect(metrics.value('airlock_poison_total', { ...about, event: 'refused' })).toBe(9);
    expect(metrics.value('airlock_concurrency_latency_seconds', about)).toBe(0.0125);
    expect(metrics.value('airlock_cost_refusals_total', { ...about, rule: 'maxCost' })).toBe(2);
    // 1 + 0 + 4 batches of up to 4 rows.
    expect(metrics.value('airlock_batch_rows_bucket', { ...about, le: '4' })).toBe(5);
    expect(metrics.value('airlock_batch_rows_bucket', { ...about, le: '+Inf' })).toBe(6);
    expect(metrics.value('airlock_batch_rows_sum', about)).toBe(150);
  });

  it('says what a model shares once, however many versions it has', () => {
    const { samples } = read([stepReports('a', 1n), stepReports('a', 2n)]);
    expect(samples.filter(({ name }) => name === 'airlock_share_under_way')).toEqual([
      { name: 'airlock_share_under_way', labels: { model: 'a' }, value: 4 },
    ]);
  });

  it('has the same families, and nothing in them, where a version has no such step', () => {
    const without = read([{ model: 'a', version: 1n }]);
    expect(without.samples).toEqual([]);
    expect([...without.types]).toEqual([...read([stepReports('a', 1n)]).types]);
  });
});

it('budgetMetrics() says what is given up by what it was', () => {
  const evictions = { extra: 1, spare: 2, sleep: 3, growth: 0 };
  const report = { limitBytes: 100, usedBytes: 50, heldBytes: 60, workers: 2, refusals: 4, evictions, kills: 5 };
  const metrics = readMetrics(familiesText(budgetMetrics(report)));
  expect(metrics.value('airlock_memory_evictions_total', { what: 'sleep' })).toBe(3);
  expect(metrics.value('airlock_memory_held_bytes')).toBe(60);
});
