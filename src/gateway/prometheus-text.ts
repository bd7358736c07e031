// Metrics in the text format of Prometheus, version 0.0.4. Values of labels are escaped here and nowhere else.

/** Content type of the text format. */
export const metricsType = 'text/plain; version=0.0.4; charset=utf-8';

export type Sample = readonly [labels: Readonly<Record<string, string>>, value: number];

export interface MetricFamily {
  readonly name: string;
  /** One line. */
  readonly help: string;
  /** Default `gauge`. */
  readonly type?: 'gauge' | 'counter';
  readonly samples: readonly Sample[];
}

export function metricText({ name, help, type = 'gauge', samples }: MetricFamily): string {
  const lines = samples.map(([labels, value]) => `${name}${labelText(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([label, value]) => `${label}="${value.replace(/[\\"\n]/g, escaped)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(character: string): string {
  return character === '\n' ? '\\n' : `\\${character}`;
}
