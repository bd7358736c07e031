import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readMetrics } from '../../tests/support/metrics-text.ts';
import { Histogram } from './histogram.ts';
import { familiesText, metricText } from './prometheus-text.ts';

it('writes a family with its samples, and lets no label end early', () => {
  const samples = [
    [{}, 1],
    [{ model: 'a"b\\c\nd', version: '1' }, 0.5],
  ] as const;
  expect(metricText({ name: 'n', help: 'What it is.', samples })).toBe(
    '# HELP n What it is.\n# TYPE n gauge\nn 1\nn{model="a\\"b\\\\c\\nd",version="1"} 0.5\n',
  );
});

it('writes a counter, a family without samples, and a help text in one line', () => {
  expect(metricText({ name: 'n', help: 'a\nb', type: 'counter', samples: [] })).toBe('# HELP n a\\nb\n# TYPE n counter\n');
});

it('writes a histogram with the bucket of everything, with labels and without', () => {
  const histogram = new Histogram([0.5, 1]);
  for (const value of [0.5, 0.75, 7]) histogram.observe(value);
  const text = metricText({
    name: 'h',
    help: 'h',
    type: 'histogram',
    histograms: [
      [{}, histogram],
      [{ model: 'm' }, new Histogram([2])],
    ],
  });
  expect(text.split('\n').slice(2)).toEqual([
    'h_bucket{le="0.5"} 1',
    'h_bucket{le="1"} 2',
    'h_bucket{le="+Inf"} 3',
    'h_sum 8.25',
    'h_count 3',
    'h_bucket{model="m",le="2"} 0',
    'h_bucket{model="m",le="+Inf"} 0',
    'h_sum{model="m"} 0',
    'h_count{model="m"} 0',
    '',
  ]);
});

it('is read back as what it was, whatever a label or a number is', () => {
  const unit = fc.oneof(
    fc.constantFrom(...'"\\\n\r{}=,'),
    fc.nat(0xffff).map((code) => String.fromCharCode(code)),
  );
  const value = fc.double({ noNaN: true });
  fc.assert(
    fc.property(fc.string({ unit }), value, (model, number) => {
      const { samples } = readMetrics(familiesText([{ name: 'n', help: model, samples: [[{ model }, number]] }]));
      expect(samples).toEqual([{ name: 'n', labels: { model }, value: number === 0 ? 0 : number }]);
    }),
  );
});
