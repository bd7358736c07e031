import { expect, it } from 'vitest';
import { metricText } from './prometheus-text.ts';

it('writes a family with its samples, and lets no label end early', () => {
  const samples = [
    [{}, 1],
    [{ model: 'a"b\\c\nd', version: '1' }, 0.5],
  ] as const;
  expect(metricText({ name: 'n', help: 'What it is.', samples })).toBe(
    '# HELP n What it is.\n# TYPE n gauge\nn 1\nn{model="a\\"b\\\\c\\nd",version="1"} 0.5\n',
  );
});

it('writes a counter, and a family without samples', () => {
  expect(metricText({ name: 'n', help: 'h', type: 'counter', samples: [] })).toBe('# HELP n h\n# TYPE n counter\n');
});
