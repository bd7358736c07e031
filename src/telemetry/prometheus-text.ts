// Families as the text format of Prometheus, version 0.0.4. Values of labels are escaped here and nowhere else.
import type { Family, HistogramValues, Labels } from './metric-family.ts';

/** Content type of the text format. */
export const metricsType = 'text/plain; version=0.0.4; charset=utf-8';

/** A family without samples still says its name and its type, so that a dashboard can be checked before there was traffic. */
export function metricText(family: Family): string {
  const { name, help, type = 'gauge' } = family;
  const head = `# HELP ${name} ${help.replace(/[\\\n]/g, escaped)}\n# TYPE ${name} ${type}\n`;
  if (family.type === 'histogram')
    return head + family.histograms.map(([labels, histogram]) => histogramText(name, labels, histogram)).join('');
  return head + family.samples.map(([labels, value]) => `${name}${labelText(labels)} ${numberText(value)}\n`).join('');
}

export function familiesText(families: readonly Family[]): string {
  return families.map(metricText).join('');
}

function histogramText(name: string, labels: Labels, histogram: HistogramValues): string {
  const own = pairs(labels);
  const inside = own === '' ? '' : `${own},`;
  const around = own === '' ? '' : `{${own}}`;
  const counts = histogram.cumulative();
  const buckets = counts.map((count, at) => `${name}_bucket{${inside}le="${numberText(histogram.bounds[at])}"} ${count}\n`);
  return `${buckets.join('')}${name}_sum${around} ${numberText(histogram.sum)}\n${name}_count${around} ${counts[counts.length - 1]}\n`;
}

function labelText(labels: Labels): string {
  const inside = pairs(labels);
  return inside === '' ? '' : `{${inside}}`;
}

function pairs(labels: Labels): string {
  return Object.entries(labels)
    .map(([label, value]) => `${label}="${value.replace(/[\\"\n]/g, escaped)}"`)
    .join(',');
}

function escaped(character: string): string {
  return character === '\n' ? '\\n' : `\\${character}`;
}

/** JavaScript and Prometheus call infinity by different names. `undefined` is the bound behind the last one. */
function numberText(value: number | undefined): string {
  if (value === undefined || value === Number.POSITIVE_INFINITY) return '+Inf';
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value);
}
