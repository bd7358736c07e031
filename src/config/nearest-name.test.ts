import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editDistance, nearestName } from './nearest-name.ts';

describe('editDistance()', () => {
  it.each([
    ['shapes', 'shapes', 0],
    ['shaps', 'shapes', 1],
    ['', 'abc', 3],
    ['kitten', 'sitting', 3],
  ])('of %s and %s is %i', (left, right, edits) => {
    expect(editDistance(left, right)).toBe(edits);
  });

  it('is symmetric and zero for equal words only', () => {
    const word = fc.string({ maxLength: 12 });
    fc.assert(
      fc.property(word, word, (left, right) => {
        expect(editDistance(left, right)).toBe(editDistance(right, left));
        expect(editDistance(left, right) === 0).toBe(left === right);
      }),
    );
  });
});

describe('nearestName()', () => {
  it('finds the name that was mistyped', () => {
    expect(nearestName('timeoutms', ['graceMs', 'timeoutMs'])).toBe('timeoutMs');
    expect(nearestName('modles', ['models', 'store'])).toBe('models');
  });

  it('finds none when none is near', () => {
    expect(nearestName('colour', ['models', 'store'])).toBeUndefined();
    expect(nearestName('ab', ['xy'])).toBeUndefined();
    expect(nearestName('anything', [])).toBeUndefined();
  });
});
