import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { contractArbitrary } from '../../tests/support/contract-arbitrary.ts';
import type { Signature } from '../tensor/index.ts';
import { lintContract } from './lint.ts';
import { hasNestedRepeat } from './lint-pattern.ts';
import { parseContract } from './load-contract.ts';

const text = (inputs: string, rest = '') => `
apiVersion: airlock/contract/v1
metadata: { id: t, revision: 1 }
${rest}
signatures:
  s:
    inputs: { ${inputs} }
    outputs: { y: { dtype: float32, max: 1 } }
`;
const dims = 'dims: { batch: { min: 1, max: 8 } }';

/** `id path` of each finding but those about outputs. */
function found(inputs: string, rest = dims): string[] {
  return lintContract(parseContract(text(inputs, rest))).map(
    ({ severity, id, path }) => `${severity} ${id} ${path.replace('signatures.s.inputs.', '')}`,
  );
}

describe('lintContract()', () => {
  it('has nothing to say of a contract that is whole', () => {
    expect(
      found(
        'x: { dtype: float32, shape: [batch, 3], min: 0, max: 1 }, s: { dtype: string, shape: [batch], string: { maxBytes: 9 } }',
      ),
    ).toEqual([]);
  });

  it.each([
    ['unbounded-string', 's: { dtype: string, shape: [batch] }', 'warning unbounded-string s.string.maxBytes'],
    ['a shape that is absent', 'x: { dtype: uint8 }', 'warning unbounded-shape x', ''],
    ['a dimension of any size', 'x: { dtype: uint8, shape: [batch, null] }', 'warning unbounded-shape x.shape'],
    ['a float without bounds', 'x: { dtype: float32, shape: [batch], min: 0 }', 'warning float-without-bounds x'],
    ['an integer without bounds', 'x: { dtype: int32, shape: [batch] }', 'warning integer-without-bounds x'],
    [
      'a bound that is the type’s',
      'x: { dtype: int64, shape: [batch], min: 0, max: 9223372036854775807 }',
      'warning bound-is-type-limit x.max',
    ],
    [
      'a bound that is the type’s',
      'x: { dtype: float32, shape: [batch], min: 0, max: 3.4028234663852886e38 }',
      'warning bound-is-type-limit x.max',
    ],
    [
      'nested repeats',
      's: { dtype: string, shape: [batch], string: { maxBytes: 9, pattern: (a+)+ } }',
      'note nested-repeat s.string.pattern',
    ],
    [
      'allowed outside the bounds',
      'x: { dtype: int32, shape: [batch], min: 0, max: 1, allowed: [5, 6] }',
      'error allowed-outside-bounds x.allowed',
    ],
    [
      'allowed partly outside',
      'x: { dtype: int32, shape: [batch], min: 0, max: 5, allowed: [5, 6] }',
      'warning allowed-outside-bounds x.allowed',
    ],
    [
      'a shape above maxElements',
      'x: { dtype: uint8, shape: [batch, 9], maxElements: 8 }',
      'error impossible-shape x.maxElements',
    ],
    ['a rule that is off', 'x: { dtype: uint8, shape: [batch], max: 3, modes: { max: off } }', 'note rule-off x.modes.max'],
    [
      'rules that never refuse',
      'x: { dtype: uint8, shape: [batch], modes: { shape: shadow } }',
      'warning never-enforced x.modes',
    ],
    [
      'an action that lets through',
      'x: { dtype: uint8, shape: [batch], onViolation: { shape: log } }',
      'note rule-only-logs x.onViolation.shape',
    ],
    [
      'jpeg as it is',
      'x: { dtype: string, shape: [batch], maxBytes: 9, image: { formats: [jpeg] } }',
      'warning unsafe-image-format x.image.formats',
    ],
    [
      'an image without rules',
      'image_bytes: { dtype: string, shape: [batch], maxBytes: 9 }',
      'warning image-without-rules image_bytes.image',
    ],
    [
      'a huge list',
      `x: { dtype: int32, shape: [batch], allowed: [${Array.from({ length: 1_001 }, (_, i) => i)}] }`,
      'note huge-allowed x.allowed',
    ],
    [
      'an open feature',
      'x: { dtype: string, shape: [batch], maxBytes: 9, example: { features: { f: { kind: bytes, count: { max: 1 } } } } }',
      'warning unbounded-string x.example.features.f.string.maxBytes',
    ],
    [
      'a feature of any count',
      'x: { dtype: string, shape: [batch], maxBytes: 9, example: { features: { f: { kind: int64, min: 0, max: 1 } } } }',
      'warning unbounded-count x.example.features.f.count',
    ],
  ])('finds %s', (_title, inputs, expected, rest = dims) => {
    expect(found(inputs, rest)).toEqual([expected]);
  });

  it('finds modes that enforce nothing, huge dimensions and bounds without a source', () => {
    expect(found('x: { dtype: uint8, shape: [batch] }', `${dims}\nmode: shadow\nsampleFraction: 0`)).toEqual([
      'warning never-enforced mode',
      'note sample-of-nothing sampleFraction',
    ]);
    expect(found('x: { dtype: uint8, shape: [n] }', 'dims: { n: { min: 0, max: 2000000 } }')).toEqual([
      'warning huge-dimension dims.n.max',
    ]);
    const sources = `{ id: a, kind: csv, name: a.csv, sha256: ${'a'.repeat(64)} }`;
    const contract = text('x: { dtype: uint8, shape: [batch], min: 1, max: 3, derivedFrom: { min: a } }', dims).replace(
      'revision: 1',
      `revision: 1, sources: [${sources}]`,
    );
    expect(lintContract(parseContract(contract)).map(({ id, path }) => `${id} ${path}`)).toEqual([
      'no-provenance signatures.s.inputs.x.max',
      'no-provenance signatures.s.outputs.y.max',
    ]);
  });

  it('finds inputs that can never have the same shape', () => {
    const both = text('a: { dtype: uint8, shape: [2] }, b: { dtype: uint8, shape: [3] }').replace(
      '    outputs:',
      '    relations: [{ rule: sameShape, tensors: [a, b] }]\n    outputs:',
    );
    expect(lintContract(parseContract(both)).map(({ id, path }) => `${id} ${path}`)).toEqual([
      'impossible-relation signatures.s.relations[0]',
    ]);
  });

  it('compares with the model: what either lacks, and what differs', () => {
    const spec = (alias: string) => ({ alias, tensorName: `${alias}:0`, dtype: 'DT_FLOAT' as const, shape: [-1] });
    const model: Signature = { name: 's', methodName: '', inputs: [spec('x'), spec('z')], outputs: [spec('y'), spec('w')] };
    const other: Signature = { ...model, name: 'other' };
    const contract = parseContract(text('x: { dtype: int32, shape: [batch], min: 0, max: 1 }', dims));
    expect(lintContract(contract, [model, other]).map(({ severity, id, path }) => `${severity} ${id} ${path}`)).toEqual([
      'error model-mismatch signatures.s.inputs.x.dtype',
      'error model-mismatch signatures.s.inputs.z',
      'warning output-without-rules signatures.s.outputs.w',
      'warning signature-missing signatures.other',
    ]);
  });

  it('never throws for a contract that the schema accepts', () => {
    fc.assert(
      fc.property(contractArbitrary, (contract) => void lintContract(contract, [])),
      { numRuns: 100 },
    );
  });
});

describe('hasNestedRepeat()', () => {
  it.each(['(a+)+', '(a*)*b', '((a+)b)*', '(?:x{2,})+', '([a-z]+)*', '(a+|b){1,}'])('is true of %s', (pattern) => {
    expect(hasNestedRepeat(pattern)).toBe(true);
  });
  it.each(['(ab)+', 'a+b*', '(a+)b', '[(a+)+]', '\\(a+\\)+', '(a+){3}', '(a{2})+', '[]+)]+', ')+', '(a', ''])(
    'is false of %s',
    (pattern) => {
      expect(hasNestedRepeat(pattern)).toBe(false);
    },
  );
});
