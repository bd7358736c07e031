import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDocument, stringify } from 'yaml';
import { contractArbitrary } from '../../tests/support/contract-arbitrary.ts';
import { canonicalContract, contractDigest } from './canonical.ts';
import type { Contract } from './contract-types.ts';
import { parseContract } from './load-contract.ts';
import { mapVocabularies } from './load-contract-values.ts';
import { formatContract } from './write-contract.ts';

const words = 'a\n';
const sha256 = createHash('sha256').update(words).digest('hex');
const drawn = contractArbitrary.map((contract) => mapVocabularies(contract, (vocabulary) => ({ ...vocabulary, sha256 })));
const read = (text: string) =>
  parseContract(text, { vocabularies: new Map(['words.txt', 'other.txt'].map((name) => [name, words])) });

/** The same YAML values with the keys of every mapping the other way round, as JSON, which YAML reads too. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (value instanceof Map) return new Map([...value].reverse().map(([key, inner]) => [key, reversed(inner)]));
  return value;
}

const base = `
apiVersion: airlock/contract/v1
metadata: { id: t, revision: 1, description: text }
dims: { n: { min: 1, max: 4 } }
signatures:
  s:
    inputs:
      x: { dtype: float32, shape: [n], min: 0, max: 1, allowed: [0, 1], onViolation: { max: clip }, modes: { min: shadow } }
      i: { dtype: int64, max: 9007199254740993 }
      t: { dtype: string, string: { pattern: a+ } }
      p: { dtype: string, image: { formats: [png, gif] } }
      v: { dtype: string, vocabulary: { file: words.txt, sha256: ${sha256} } }
      e:
        dtype: string
        example:
          features:
            a: { kind: int64, min: 3, allowed: [5, 6] }
            b: { kind: bytes, vocabulary: { file: words.txt, sha256: ${sha256} } }
    outputs: { y: { dtype: float32, shape: [n, 2], roundTo: 3 } }
    relations: [{ rule: maxElements, tensors: [x], limit: 3 }]
`;
const digestOf = (text: string) => contractDigest(read(text));
const replaced = (from: string, to: string) => {
  expect(base).toContain(from);
  return digestOf(base.replace(from, to));
};

describe('contractDigest()', () => {
  it('does not change with formatting, the order of keys or comments', () => {
    fc.assert(
      fc.property(drawn, (contract) => {
        const text = formatContract(contract);
        const values: unknown = parseDocument(text, { intAsBigInt: true, stringKeys: true }).toJS({ mapAsMap: true });
        const again = stringify(reversed(values), { defaultKeyType: 'QUOTE_DOUBLE', indent: 4, aliasDuplicateObjects: false });
        expect(again).not.toBe(text);
        expect(contractDigest(read(`# comment\n${again}`))).toBe(contractDigest(contract));
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['the description', 'description: text', 'description: other'],
    ['an explicit default', 'dtype: float32, shape', 'dtype: float32, number: { nan: reject }, derivedFrom: {}, shape'],
    ['an explicit default of a string', 'pattern: a+', 'encoding: utf8, bidiControls: allow, pattern: a+'],
    ['an explicit default of an output', 'roundTo: 3', 'roundTo: 3, redact: false, matchesBatch: false'],
    ['an explicit id of a relation', '{ rule: max', '{ id: "0", rule: max'],
    ['an explicit mode of a relation', '{ rule: max', '{ mode: enforce, rule: max'],
    ['the default action', 'max: clip', 'max: clip, min: reject'],
    ['a mode that is the contract’s', 'min: shadow', 'min: shadow, max: enforce'],
    ['an explicit mode of the contract', 'dims:', 'mode: enforce\ncost: { base: 1 }\nrequest: {}\ndims:'],
    ['the order of allowed values', 'allowed: [0, 1]', 'allowed: [1, 0]'],
    ['the order of image formats', 'formats: [png, gif]', 'formats: [gif, png]'],
    ['the spelling of a number', 'max: 1,', 'max: 1.0e0,'],
    ['the sign of zero', 'min: 0,', 'min: -0.0,'],
    ['the order of a feature’s allowed values', 'allowed: [5, 6]', 'allowed: [6, 5]'],
    [
      'the name of a vocabulary’s file',
      'v: { dtype: string, vocabulary: { file: words',
      'v: { dtype: string, vocabulary: { file: other',
    ],
    [
      'the name of a feature’s vocabulary',
      'b: { kind: bytes, vocabulary: { file: words',
      'b: { kind: bytes, vocabulary: { file: other',
    ],
    ['the spelling of a shape', 'shape: [n]', 'shape: [1*n+0]'],
  ])('does not change with %s', (_title, from, to) => {
    expect(replaced(from, to)).toBe(digestOf(base));
  });

  it('does not change with the sign of a zero that an action puts in place, because the zero that is read has none', () => {
    const withZero = (zero: string) =>
      read(base.replace('onViolation: { max: clip }', `onViolation: { max: { action: replace, with: ${zero} } }`));
    const action = withZero('-0.0').signatures.get('s')?.inputs.get('x')?.onViolation.get('max');
    expect(action).toStrictEqual({ kind: 'replace', with: 0 });
    expect(contractDigest(withZero('-0.0'))).toBe(contractDigest(withZero('0')));
  });

  it('does not change with a soft bound’s only mode, and does with that it is off', () => {
    const soft = (modes: string) =>
      digestOf(base.replace('min: 0,', 'softMax: 1, min: 0,').replace('modes: { min', `modes: { ${modes} min`));
    expect(soft('softMax: shadow,')).toBe(soft(''));
    expect(soft('softMax: off,')).not.toBe(soft(''));
    expect(soft('')).not.toBe(digestOf(base));
  });

  it.each([
    ['metadata: { id: t,', 'metadata: { id: u,'],
    ['revision: 1', 'revision: 2'],
    ['max: 4 }', 'max: 5 }'],
    ['shape: [n]', 'shape: [null]'],
    ['shape: [n]', 'shape: [n+1]'],
    ['min: 0,', 'exclusiveMin: 0,'],
    ['max: 1,', 'max: 1.0000001,'],
    ['allowed: [0, 1]', 'allowed: [0, 1, 0.5]'],
    ['max: clip', 'max: log'],
    ['min: shadow', 'min: sample'],
    ['max: 9007199254740993', 'max: 9007199254740994'],
    ['pattern: a+', 'pattern: a*'],
    ['dtype: string, string', 'dtype: string, maxBytes: 3, string'],
    ['formats: [png, gif]', 'formats: [png]'],
    ['roundTo: 3', 'roundTo: 4'],
    ['int64, min: 3', 'int64, min: 4'],
    ['allowed: [5, 6]', 'allowed: [5, 6, 7]'],
    ['a: { kind: int64', 'a: { required: false, kind: int64'],
    ['b: { kind: bytes, vocabulary: {', 'b: { kind: bytes, vocabulary: { maxUnknownFraction: 0.5,'],
    ['b: { kind', 'c: { kind'],
    ['v: { dtype: string, vocabulary: {', 'v: { dtype: string, vocabulary: { maxUnknownFraction: 0.5,'],
    ['{ rule: max', '{ mode: shadow, rule: max'],
    ['limit: 3', 'limit: 4'],
    ['dims:', 'mode: sample\ndims:'],
    ['dims:', 'cost: { base: 2 }\ndims:'],
    ['dims:', 'request: { maxDepth: 2 }\ndims:'],
  ])('changes when %s becomes %s', (from, to) => {
    // x has a rule of mode shadow whose meaning changes with its name.
    const text = from === 'min: 0,' ? base.replace(', modes: { min: shadow }', '') : base;
    expect(digestOf(text.replace(from, to))).not.toBe(digestOf(text));
  });

  it('is not moved by values that only look alike', () => {
    const of = (allowed: string) => digestOf(base.replace('string: { pattern: a+ }', `allowed: [${allowed}]`));
    expect(new Set([of('"1"'), of('"9007199254740993"'), of('\'["$integer","1"]\''), of('"1", "2"'), of('"1,2"')]).size).toBe(5);
  });

  it('says the same of a contract that was made by a program, defaults or not', () => {
    const contract = read(base);
    const bare: Contract = {
      ...contract,
      signatures: new Map(
        [...contract.signatures].map(([name, signature]) => {
          const inputs = new Map([...signature.inputs].map(([alias, { number: _number, ...rules }]) => [alias, rules]));
          return [name, { ...signature, inputs }];
        }),
      ),
    };
    expect(canonicalContract(bare)).toBe(canonicalContract(contract));
  });
});
