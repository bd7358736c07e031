import { expect, it } from 'vitest';
import { compareSeverity, severities } from './severity.ts';

it('severities are ordered from harmless to worst', () => {
  expect([...severities].sort(compareSeverity)).toEqual(severities);
  expect(compareSeverity('high', 'high')).toBe(0);
  expect(compareSeverity('info', 'critical')).toBeLessThan(0);
  expect(compareSeverity('critical', 'medium')).toBeGreaterThan(0);
});
