import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { SignerEvidence } from '../provenance-types.ts';
import { countDistinctSigners, signerNames } from './distinct-signers.ts';

const evidenceOf = (pairs: readonly (readonly [string, string])[]): SignerEvidence[] =>
  pairs.map(([signer, keyId]) => ({ signer, keyId, kind: 'key' }));
const count = (...pairs: [string, string][]) => countDistinctSigners(evidenceOf(pairs));

it('counts pairs of a name and a key, neither of them twice', () => {
  expect(count()).toBe(0);
  expect(count(['a', '1'])).toBe(1);
  expect(count(['a', '1'], ['a', '1'])).toBe(1);
  expect(count(['a', '1'], ['a', '2'])).toBe(1);
  expect(count(['a', '1'], ['b', '1'])).toBe(1);
  expect(count(['a', '1'], ['b', '2'])).toBe(2);
  expect(count(['a', '1'], ['a', '2'], ['b', '1'])).toBe(2);
  // Three names and three keys, but b and c are one person, who is also known as a.
  expect(count(['a', '1'], ['a', '2'], ['a', '3'], ['b', '1'], ['c', '1'])).toBe(2);
});

it('names everybody once, in order', () => {
  expect(
    signerNames(
      evidenceOf([
        ['b', '1'],
        ['a', '1'],
        ['b', '2'],
      ]),
    ),
  ).toEqual(['a', 'b']);
});

/** The same by trying every subset. */
function slowCount(pairs: readonly (readonly [string, string])[]): number {
  const [first, ...rest] = pairs;
  if (first === undefined) return 0;
  const without = rest.filter(([name, key]) => name !== first[0] && key !== first[1]);
  return Math.max(slowCount(rest), 1 + slowCount(without));
}

it('finds the largest number there is, whatever the order', () => {
  const pair = fc.tuple(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2', '3', '4'));
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 9 }), (pairs) => {
      expect(countDistinctSigners(evidenceOf(pairs))).toBe(slowCount(pairs));
    }),
  );
});
