import { expect, it } from 'vitest';
import { readMetrics } from '../../tests/support/metrics-text.ts';
import type { MetricSource } from './metric-family.ts';
import { metricsPage } from './metrics-page.ts';

it('keeps all that can be said when a part cannot', () => {
  const page = metricsPage(
    new Map<string, MetricSource>([
      ['first', () => [{ name: 'one', help: 'h', samples: [[{}, 1]] }]],
      [
        'broken',
        () => {
          throw new TypeError('not to be shown');
        },
      ],
      ['last', () => [{ name: 'two', help: 'h', samples: [[{}, 2]] }]],
    ]),
  );
  const metrics = readMetrics(page);
  expect([metrics.value('one'), metrics.value('two')]).toEqual([1, 2]);
  expect(metrics.value('airlock_metrics_source_failed', { source: 'broken' })).toBe(1);
  expect(page).not.toContain('not to be shown');
});
