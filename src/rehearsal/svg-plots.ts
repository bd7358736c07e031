// The pictures of a rehearsal's report, as SVG in the page itself: nothing is loaded and no script runs. Every text is escaped here.
import { escapeHtml } from '../core/index.ts';

export const colours = { old: '#5b8aa6', now: '#d98a2b', good: '#2d7a46', bad: '#b3362b', rest: '#9aa5ab' } as const;

function figure(caption: string, width: number, height: number, content: string): string {
  const label = escapeHtml(caption);
  return `<figure><figcaption>${label}</figcaption><svg role="img" aria-label="${label}" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">${content}</svg></figure>`;
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end' = 'start'): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${escapeHtml(content)}</text>`;
}

function rect(x: number, y: number, width: number, height: number, fill: string, opacity = 1): string {
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" fill="${fill}" fill-opacity="${opacity}"/>`;
}

const round = (value: number): number => Math.round(value * 10) / 10;

export interface Column {
  readonly label: string;
  readonly value: number;
  readonly colour: string;
}

/** Upright bars with their counts above; the height is logarithmic, so that one number among millions is seen. */
export function columnPlot(caption: string, columns: readonly Column[]): string {
  const [left, plotHeight, step] = [8, 110, 44];
  const most = Math.max(1, ...columns.map(({ value }) => value));
  const bars = columns.map(({ label, value, colour }, index) => {
    const height = value === 0 ? 0 : Math.max(2, (plotHeight * Math.log1p(value)) / Math.log1p(most));
    const x = left + index * step;
    const top = 16 + plotHeight - height;
    const count = value === 0 ? '' : text(x + step / 2 - 2, top - 4, shortCount(value), 'middle');
    return `${rect(x, top, step - 6, height, colour)}${count}${text(x + step / 2 - 3, 16 + plotHeight + 14, label, 'middle')}`;
  });
  return figure(caption, left * 2 + columns.length * step, plotHeight + 40, bars.join(''));
}

export function shortCount(value: number): string {
  if (value < 10_000) return String(value);
  return value < 1e6 ? `${Math.round(value / 1e3)}k` : `${(value / 1e6).toFixed(1)}M`;
}

export interface Series {
  readonly label: string;
  readonly values: readonly number[];
  readonly colour: string;
}

const timeBins = 40;

/** How values of two series spread, over each other, on a logarithmic axis; the median of each as a line. */
export function spreadPlot(caption: string, series: readonly Series[], unit: string): string {
  const [width, plotHeight, left] = [420, 120, 12];
  const all = series.flatMap(({ values }) => values).filter((value) => value > 0);
  if (all.length === 0) return '';
  const low = all.reduce((least, value) => Math.min(least, value)) * 0.95;
  const high = all.reduce((most, value) => Math.max(most, value)) * 1.05;
  const place = (value: number): number => left + (width * Math.log(value / low)) / Math.log(high / low);
  const counted = series.map((one) => ({ ...one, bins: binned(one.values, low, high) }));
  const most = Math.max(1, ...counted.flatMap(({ bins }) => bins));
  const areas = counted.map(({ bins, colour, values }) => {
    const binWidth = width / timeBins;
    const bars = bins.map((count, index) => {
      const height = (plotHeight * count) / most;
      return count === 0 ? '' : rect(left + index * binWidth, 20 + plotHeight - height, binWidth - 0.5, height, colour, 0.6);
    });
    const middle = [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
    const line =
      middle === undefined || middle <= 0
        ? ''
        : `<line x1="${round(place(middle))}" x2="${round(place(middle))}" y1="16" y2="${20 + plotHeight}" stroke="${colour}" stroke-width="2"/>`;
    return bars.join('') + line;
  });
  const ticks = [low, Math.sqrt(low * high), high].map((value, index) =>
    text(place(value), plotHeight + 36, `${value.toPrecision(2)} ${unit}`, (['start', 'middle', 'end'] as const)[index]),
  );
  const legend = series.map(
    ({ label, colour }, index) => rect(left + index * 120, 2, 10, 10, colour) + text(left + 14 + index * 120, 11, label),
  );
  return figure(caption, width + 2 * left, plotHeight + 44, [...areas, ...ticks, ...legend].join(''));
}

function binned(values: readonly number[], low: number, high: number): readonly number[] {
  const bins = Array.from({ length: timeBins }, () => 0);
  for (const value of values) {
    if (!(value > 0)) continue;
    const bin = Math.floor((timeBins * Math.log(value / low)) / Math.log(high / low));
    bins[Math.min(timeBins - 1, Math.max(0, bin))]++;
  }
  return bins;
}

/** Two bars, one for each side. */
export function pairPlot(caption: string, bars: readonly Column[], unit: string): string {
  const most = Math.max(1, ...bars.map(({ value }) => value));
  const rows = bars.map(({ label, value, colour }, index) => {
    const y = 8 + index * 26;
    const width = (value / most) * 200;
    return `${text(74, y + 14, label, 'end')}${rect(80, y, width, 18, colour)}${text(86 + width, y + 14, `${Math.round(value)} ${unit}`)}`;
  });
  return figure(caption, 380, 16 + bars.length * 26, rows.join(''));
}

export interface Cell {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

const maxClasses = 16;

/** Which class became which: rows are the old ones. Shows the classes that take part most often. */
export function flipMatrix(caption: string, cells: readonly Cell[]): string {
  const weights = new Map<number, number>();
  for (const { from, to, count } of cells) for (const one of [from, to]) weights.set(one, (weights.get(one) ?? 0) + count);
  const classes = [...weights]
    .sort((a, b) => b[1] - a[1])
    .slice(0, maxClasses)
    .map(([one]) => one)
    .sort((a, b) => a - b);
  const [size, left, top] = [26, 64, 36];
  const most = Math.max(1, ...cells.map(({ count }) => count));
  const grid = classes.flatMap((from, row) =>
    classes.map((to, column) => {
      const count = cells.find((cell) => cell.from === from && cell.to === to)?.count ?? 0;
      const [x, y] = [left + column * size, top + row * size];
      const shade =
        count === 0
          ? rect(x, y, size - 2, size - 2, '#eef1f2')
          : rect(x, y, size - 2, size - 2, colours.bad, 0.25 + (0.75 * count) / most);
      return count === 0 ? shade : shade + text(x + size / 2 - 1, y + size / 2 + 4, shortCount(count), 'middle');
    }),
  );
  const rows = classes.map((one, index) => text(left - 6, top + index * size + 17, String(one), 'end'));
  const columns = classes.map((one, index) => text(left + index * size + size / 2 - 1, top - 6, String(one), 'middle'));
  const names = text(4, top - 6, 'old') + text(left, 12, 'new');
  const side = left + classes.length * size + 8;
  return figure(caption, Math.max(side, 160), top + classes.length * size + 8, [names, ...rows, ...columns, ...grid].join(''));
}
