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

  it('writes large doubles so that they are not read as integers', () => {
    const head = 'apiVersion: airlock/contract/v1\nmetadata: { id: t, revision: 1 }\n';
    const relation = '{ rule: implies, when: { tensor: x, min: 1152921504606846976.0 }, then: { tensor: x, max: 1.0e+30 } }';
    const contract = read(`${head}signatures: { s: { inputs: { x: { dtype: float64 } }, relations: [${relation}] } }`);
    const text = formatContract(contract);
    expect(text).toContain('min: 1.152921504606847e+18');
    expect(read(text)).toEqual(contract);
  });

  it('writes comments above tensors and at the head, and nothing that a comment could break out of', () => {
    const head = 'apiVersion: airlock/contract/v1\nmetadata: { id: t, revision: 1 }\n';
    const contract = read(
      `${head}signatures: { a/inputs/b: { inputs: { x: { dtype: uint8 } }, outputs: { x: { dtype: int8 } } } }`,
    );
    const comments = new Map([
      ['', 'head\r\nmode: off'],
      ['a/inputs/b/inputs/x', 'of the input'],
      ['a/inputs/b/outputs/x', 'of the output'],
      ['a/inputs/none', 'of nothing'],
    ]);
    const text = formatContract(contract, { comments });
    expect(text).toMatch(/^# head\\u\{d\}\n# mode: off\n/);
    expect(text).toMatch(/inputs:\n +# of the input\n +x:/);
    expect(text).toMatch(/outputs:\n +# of the output\n +x:/);
    expect(text).not.toContain('of nothing');
    expect(read(text)).toEqual(contract);
  });
});
