// The page of all metrics: every source asked once, in its order. What one source cannot say takes none of the others away, and is said.
import type { Family, MetricSource } from './metric-family.ts';
import { familiesText } from './prometheus-text.ts';

/** @param sources by a short name, which is a label when one fails. */
export function metricsPage(sources: ReadonlyMap<string, MetricSource>): string {
  const families: Family[] = [];
  const failed: string[] = [];
  for (const [name, source] of sources) {
    try {
      families.push(...source());
    } catch {
      failed.push(name);
    }
  }
  families.push({
    name: 'airlock_metrics_source_failed',
    help: '1 for each part of this page that could not be made.',
    samples: failed.map((source) => [{ source }, 1]),
  });
  return familiesText(families);
}
