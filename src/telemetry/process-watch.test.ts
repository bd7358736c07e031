import { expect, it } from 'vitest';
import { readMetrics } from '../../tests/support/metrics-text.ts';
import { ProcessWatch } from './process-watch.ts';
import { familiesText } from './prometheus-text.ts';

it('sees an event loop that was held up, and the memory of the process', async () => {
  const watch = new ProcessWatch('1.2.3');
  watch.start();
  try {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const endMs = performance.now() + 300;
    while (performance.now() < endMs);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const metrics = readMetrics(familiesText(watch.families()));
    const late = (le: string) => metrics.value('airlock_event_loop_delay_seconds_bucket', { le }) ?? 0;
    expect(late('+Inf') - late('0.25')).toBeGreaterThanOrEqual(1);
    expect(metrics.value('process_resident_memory_bytes')).toBeGreaterThan(10_000_000);
    expect(metrics.value('airlock_build_info', { version: '1.2.3', node: process.versions.node })).toBe(1);
    expect(metrics.value('process_start_time_seconds')).toBeLessThan(Date.now() / 1000);
  } finally {
    watch.close();
  }
});
