import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contractArbitrary } from '../../tests/support/contract-arbitrary.ts';
import { contractDigest } from './canonical.ts';
import { parseContract } from './load-contract.ts';
import { mapVocabularies } from './load-contract-values.ts';
import { formatContract } from './write-contract.ts';

const words = 'a\nb\n';
const sha256 = createHash('sha256').update(words).digest('hex');
const drawn = contractArbitrary.map((contract) =>
  mapVocabularies(contract, (vocabulary) => ({ ...vocabulary, sha256, entries: new Set(['a', 'b']) })),
);
const read = (text: string) => parseContract(text, { vocabularies: new Map([['words.txt', words]]) });

describe('formatContract()', () => {
  it('writes what is read back as the same contract', () => {
    fc.assert(
      fc.property(drawn, (contract) => {
        const again = read(formatContract(contract));
        expect(again).toEqual(contract);
        expect(contractDigest(again)).toBe(contractDigest(contract));
      }),
      { numRuns: 100 },
    );
  });
});
