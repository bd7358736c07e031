import { describe, expect, it } from 'vitest';
import { AirlockError } from '../core/index.ts';
import { contractDigest } from './canonical.ts';
import { parseContract } from './load-contract.ts';

const head = 'apiVersion: airlock/contract/v1\nmetadata: { id: test, revision: 1 }\n';
const withTensor = (rules: string) => `${head}signatures: { serving_default: { inputs: { x: { ${rules} } } } }\n`;

function errorOf(text: string): AirlockError {
  try {
    parseContract(text);
  } catch (thrown) {
    if (thrown instanceof AirlockError) return thrown;
    throw thrown;
  }
  throw new Error(`no error for ${text}`);
}

const whole = `
apiVersion: airlock/contract/v1
metadata:
  id: credit
  revision: 3
  description: Tabular
  sources:
    - { id: train, kind: csv, name: train.csv, sha256: ${'a'.repeat(64)}, records: 284807, margin: k 0.25 }
mode: enforce
sampleFraction: 0.5
maxViolations: 8
request: { maxBytes: 262144, maxElements: 20000, maxDepth: 6, maxTokens: 50000 }
dims:
  batch: { min: 1, max: 256 }
  seq: { min: 1, max: 512, multipleOf: 2 }
signatures:
  serving_default:
    inputs:
      age: { dtype: int64, shape: [batch, 1], min: 18, max: 9223372036854775807, onViolation: { max: clip }, derivedFrom: { min: train } }
      income:
        dtype: float32
        shape: [batch, 2*seq+1]
        number: { negativeZero: normalize, narrowing: exactIntegers }
        min: 0
        max: 2.0e6
        softMax: 430444
        modes: { max: shadow, softMax: shadow }
        norm: { l2: { max: 10 } }
        onViolation: { max: { action: clip }, number.nan: { action: replace, with: 0 } }
      city:
        dtype: string
        shape: [batch, null]
        string: { normalization: NFC, maxBytes: 64, pattern: "[\\\\p{L} .'-]+" }
        allowed: [Bern, Rome, "[UNK]"]
        onViolation: { allowed: { action: replace, with: "[UNK]" }, string.maxBytes: truncate, shape: { action: pad, value: "[UNK]", side: left } }
      ids:
        dtype: int32
        shape: [batch, seq]
        min: 0
        max: 30521
        tokens: { padId: 0, startsWith: 101, maxSpecialTokens: 3, specialIds: [100, 102] }
      photo:
        dtype: string
        shape: [batch]
        string: { maxBytes: 1000000 }
        image: { formats: [png], reencode: [jpeg], width: { max: 4096 }, channels: [3] }
        onViolation: { image.width: { action: downsample, maxWidth: 1024, maxHeight: 1024 } }
      examples:
        dtype: string
        shape: [batch]
        example:
          features:
            idx: { kind: int64, count: { min: 0, max: 64 }, min: 0, max: 999999 }
            val: { kind: float, required: false, min: 0, max: 1 }
            len: { kind: int64 }
          sparse: [{ name: clicked, index: [idx], value: val, denseShape: [1000000], maxDensity: 0.0001 }]
          ragged: [{ name: history, value: val, rowLengths: len, maxRows: 16 }]
        onViolation: { example.unknownFeatures: select }
    relations:
      - { rule: sameShape, tensors: [age, ids] }
      - { id: low, rule: implies, when: { tensor: age, max: 20 }, then: { tensor: income, max: 500000 }, mode: shadow }
    outputs:
      probability: { dtype: float32, shape: [batch, 2], min: 0, max: 1, rowSum: { min: 0.999, max: 1.001 }, roundTo: 4, matchesBatch: true }
cost: { base: 200, quadratic: { dim: seq, weight: 0.01 } }
`;

describe('parseContract()', () => {
  it('reads every kind of rule and fills in the defaults', () => {
    const contract = parseContract(whole);
    const { inputs, outputs, relations } = contract.signatures.get('serving_default') ?? expect.fail();
    expect(inputs.get('age')).toEqual({
      dtype: 'DT_INT64',
      shape: [
        { kind: 'symbol', name: 'batch', multiplier: 1, offset: 0 },
        { kind: 'fixed', size: 1 },
      ],
      min: 18,
      max: 9_223_372_036_854_775_807n,
      onViolation: new Map([['max', { kind: 'clip' }]]),
      modes: new Map(),
      derivedFrom: new Map([['min', 'train']]),
    });
    expect(inputs.get('income')?.number).toEqual({
      nan: 'reject',
      infinity: 'reject',
      subnormal: 'allow',
      negativeZero: 'normalize',
      narrowing: 'exactIntegers',
    });
    expect(inputs.get('city')?.onViolation.get('shape')).toEqual({ kind: 'pad', side: 'left', value: '[UNK]' });
    expect(inputs.get('city')?.onViolation.get('string.maxBytes')).toEqual({ kind: 'truncate', side: 'right' });
    expect(inputs.get('photo')?.string?.encoding).toBe('binary');
    expect(inputs.get('examples')?.string?.encoding).toBe('binary');
    expect(inputs.get('examples')?.example?.features.get('val')).toMatchObject({ required: false, number: { nan: 'reject' } });
    expect(relations.map(({ id }) => id)).toEqual(['0', 'low']);
    expect(outputs.get('probability')).toMatchObject({ matchesBatch: true, redact: false, roundTo: 4 });
    expect(contractDigest(contract)).toMatch(/^[0-9a-f]{64}$/);
  });

  it('names the nearest key for one that does not exist', () => {
    expect(errorOf(withTensor('dtype: int64, mim: 3')).violations).toEqual([
      {
        path: 'signatures.serving_default.inputs.x.mim',
        rule: 'unknownKey',
        expected: 'a known key; the nearest is `min`',
        got: '`mim`',
      },
    ]);
  });
});
