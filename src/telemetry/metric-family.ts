// What a metric is before it is text: a name, what it says, and its samples of this moment. Everything is counted in plain fields and becomes a family only when somebody
// asks, so that a request pays nothing for being seen. A label's value is never what a client sent: it comes from the configuration, a model's own list, or our registries.

export type Labels = Readonly<Record<string, string>>;

export type Sample = readonly [labels: Labels, value: number];

export interface MetricFamily {
  readonly name: string;
  /** One line. */
  readonly help: string;
  /** Default `gauge`. */
  readonly type?: 'gauge' | 'counter';
  readonly samples: readonly Sample[];
}

/** What a histogram is asked for; somebody else may have counted it. */
export interface HistogramValues {
  /** Rising, without the last one, which is `+Inf`. */
  readonly bounds: readonly number[];
  readonly sum: number;
  /** Per bound how many values were not above it; one more than bounds. */
  cumulative(): readonly number[];
}

export interface HistogramFamily {
  readonly name: string;
  readonly help: string;
  readonly type: 'histogram';
  readonly histograms: readonly (readonly [labels: Labels, histogram: HistogramValues])[];
}

export type Family = MetricFamily | HistogramFamily;

/** Asked at each scrape. */
export type MetricSource = () => readonly Family[];
