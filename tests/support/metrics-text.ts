// Reads the text format of Prometheus as strictly as a scraper does, for tests: written from the format's description, not from what writes it.

export interface ReadSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ReadMetrics {
  /** By name of the family. */
  readonly types: ReadonlyMap<string, string>;
  readonly samples: readonly ReadSample[];
  /** The value of one sample; undefined when there is none with all these labels. */
  value(name: string, labels?: Readonly<Record<string, string>>): number | undefined;
}

const sampleLine = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s;
const labelPair = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;

/** @throws Error for a line that no scraper would take, a family that comes twice, or the same sample twice. */
export function readMetrics(text: string): ReadMetrics {
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  const types = new Map<string, string>();
  const samples: ReadSample[] = [];
  const seen = new Set<string>();
  let family = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const [hash, keyword, name, ...rest] = line.split(' ');
    if (hash === '#' && keyword === 'TYPE') {
      if (types.has(name)) throw new Error(`${name} comes twice`);
      types.set(name, rest.join(' '));
      family = name;
    } else if (hash !== '#') {
      const sample = readSample(line);
      const base = types.get(family) === 'histogram' ? sample.name.replace(/_(?:bucket|sum|count)$/, '') : sample.name;
      if (base !== family) throw new Error(`${sample.name} stands under ${family}`);
      const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
      if (seen.has(key)) throw new Error(`twice: ${line}`);
      seen.add(key);
      samples.push(sample);
    } else if (keyword !== 'HELP') throw new Error(`no line of the format: ${line}`);
  }
  const has = (sample: ReadSample, labels: Readonly<Record<string, string>>): boolean =>
    Object.entries(labels).every(([label, value]) => sample.labels[label] === value);
  return {
    types,
    samples,
    value: (name, labels = {}) => samples.find((sample) => sample.name === name && has(sample, labels))?.value,
  };
}

function readSample(line: string): ReadSample {
  const match = sampleLine.exec(line);
  if (match === null) throw new Error(`no sample: ${line}`);
  const [, name, inside = '', text] = match;
  const labels: Record<string, string> = {};
  labelPair.lastIndex = 0;
  while (labelPair.lastIndex < inside.length) {
    const pair = labelPair.exec(inside);
    if (pair === null) throw new Error(`no labels: ${line}`);
    labels[pair[1]] = pair[2].replace(/\\(["\\n])/g, (_all, one: string) => (one === 'n' ? '\n' : one));
    if (labelPair.lastIndex === inside.length) break;
  }
  const value = text === '+Inf' ? Number.POSITIVE_INFINITY : text === '-Inf' ? Number.NEGATIVE_INFINITY : Number(text);
  if (Number.isNaN(value) && text !== 'NaN') throw new Error(`no number: ${line}`);
  return { name, labels, value };
}
