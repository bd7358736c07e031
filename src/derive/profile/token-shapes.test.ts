// Patterns of codes: every value that was seen matches, and text that is no code makes none.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseContract } from '../../contract/index.ts';
import { TokenShapes } from './token-shapes.ts';

function shapesOf(values: readonly string[]): TokenShapes {
  const shapes = new TokenShapes();
  for (const value of values) shapes.add(value);
  return shapes;
}

const repeat = (count: number, make: (index: number) => string) => Array.from({ length: count }, (_, index) => make(index));

describe('TokenShapes', () => {
  it.each([
    ['dates', repeat(200, (index) => `2026-01-${10 + (index % 20)}`), '[0-9]{4}-[0-9]{2}-[0-9]{2}'],
    ['numbers of changing length', repeat(200, (index) => `#${index}`), '#[0-9]{1,4}'],
    [
      'two spellings',
      repeat(200, (index) => (index % 2 === 0 ? `A${index % 10}` : `x.${index % 10}`)),
      '(?:[A-Z][0-9])|(?:[a-z]\\.[0-9])',
    ],
    ['letters beyond ASCII', repeat(200, (index) => `${'éß'[index % 2]}-${index % 10}`), '\\p{L}-[0-9]'],
  ])('recognises %s', (_, values, pattern) => {
    expect(shapesOf(values).pattern(0.25)).toEqual({ pattern, share: 1 });
  });

  it.each([
    ['few values', repeat(99, (index) => `A-${index}`)],
    ['plain words', repeat(200, (index) => 'abcdefghij'.slice(0, 1 + (index % 10)))],
    ['sentences', repeat(200, (index) => `${'word '.repeat(index)}end`)],
    ['long texts', repeat(200, () => '1'.repeat(300))],
  ])('makes nothing of %s', (_, values) => expect(shapesOf(values).pattern(0.25)).toBeUndefined());

  it('says what share it matches when it is not all', () => {
    const found = shapesOf([
      ...repeat(9995, (index) => `A-${index % 10}`),
      ...repeat(5, (index) => `${'-'.repeat(index)}9`),
    ]).pattern(0);
    expect(found?.share).toBeCloseTo(0.9998, 3);
  });

  it('gives no pattern that a contract cannot hold, and says why', () => {
    // One of twelve runs is long at a time, so each of them may be.
    const values = repeat(240, (index) => repeat(12, (part) => 'a'.repeat(part === index % 12 ? 170 : 1)).join('-'));
    const found = shapesOf(values).pattern(0.25);
    expect(found).toEqual({ mistake: expect.stringMatching(/instructions; at most/), share: 1 });
  });

  it('matches all that was seen, in RE2', () => {
    const part = fc.constantFrom('7', '42', 'A', 'Bc', '-', '.', '(', '\\', '+', '[', 'é', '$', ' ');
    const base = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''));
    fc.assert(
      fc.property(base, fc.double({ min: 0, max: 2, noNaN: true }), (text, margin) => {
        const values = repeat(150, (index) => text.replaceAll('7', '7'.repeat(1 + (index % 3))));
        const found = shapesOf(values).pattern(margin);
        if (found === undefined) return;
        // The contract's own reader compiles the pattern, and so refuses one that RE2 does not know.
        const yaml = `apiVersion: airlock/contract/v1\nmetadata: { id: a, revision: 1 }\nsignatures:\n  s:\n    inputs:\n      x:\n        dtype: string\n        string: { pattern: ${JSON.stringify(found.pattern)} }\n`;
        expect(() => parseContract(yaml)).not.toThrow();
        const whole = new RegExp(`^(?:${found.pattern})$`, 'u');
        for (const value of values) expect(value).toMatch(whole);
      }),
      { numRuns: 30 },
    );
  });
});
