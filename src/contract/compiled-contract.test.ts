import { describe, expect, it } from 'vitest';
import { png } from '../../tests/security/images/make-images.ts';
import {
  type ContractDraft,
  contractOf,
  numbers,
  type RuleDraft,
  refusedBy,
  signatureOf,
  strings,
  textsOf,
} from '../../tests/support/contracts.ts';
import type { Tensor } from '../tensor/index.ts';
import { compileContract } from './compiled-contract.ts';
import type { CompiledSignature, InputVerdict } from './compiled-contract-types.ts';
import type { ImageRules } from './contract-types.ts';

function compiled(draft: ContractDraft): CompiledSignature {
  const signature = compileContract(contractOf(draft), [signatureOf(draft)]).signature('s');
  if (signature === undefined) throw new Error('no signature');
  return signature;
}

function checked(draft: ContractDraft, tensors: readonly Tensor[], draw = 0.5): InputVerdict {
  const paths = tensors.map((_, tensor) => (index?: number) => `t${tensor}${index === undefined ? '' : `[${index}]`}`);
  return compiled(draft).checkInputs(tensors, paths, { draw });
}

const batch = { kind: 'symbol', name: 'batch', multiplier: 1, offset: 0 } as const;
const seq = { kind: 'symbol', name: 'seq', multiplier: 1, offset: 0 } as const;

const image: ImageRules = {
  formats: ['png'],
  reencode: ['bmp'],
  maxDecodedBytes: 2 ** 20,
  maxRatio: 200,
  inflatedSize: 'check',
  trailingData: 'reject',
  maxMetadataBytes: 65_536,
  maxScans: 20,
  checksums: 'check',
};

describe('a compiled contract', () => {
  it('lists all that is wrong, with place, rule, bound and value', () => {
    const draft: ContractDraft = {
      inputs: { age: { dtype: 'DT_INT64', min: 18, max: 120 }, name: { dtype: 'DT_STRING', allowed: ['a', 'b'] } },
    };
    const { findings } = checked(draft, [numbers('DT_INT64', [20n, 17n, 2n ** 60n]), strings(['a', 'c'])]);
    expect(findings.kept.map(({ violation }) => violation)).toEqual([
      { path: 't0[1]', rule: 'min', ruleId: 's/inputs/age/min', expected: 'at least 18', got: '17' },
      { path: 't0[2]', rule: 'max', ruleId: 's/inputs/age/max', expected: 'at most 120', got: '1152921504606846976' },
      { path: 't1[1]', rule: 'allowed', ruleId: 's/inputs/name/allowed', expected: 'one of "a", "b"', got: 'c' },
    ]);
    expect(findings.error('CONTRACT_VIOLATION').violations).toHaveLength(3);
  });

  it('gives undefined for a signature that it does not name', () => {
    const draft: ContractDraft = { inputs: { x: { dtype: 'DT_FLOAT' } } };
    const contract = compileContract(contractOf(draft), [signatureOf(draft), { ...signatureOf(draft), name: 'other' }]);
    expect(contract.signature('other')).toBeUndefined();
  });

  it('refuses a model that it is not for', () => {
    const draft: ContractDraft = { inputs: { x: { dtype: 'DT_FLOAT' } } };
    const compile = (other: ContractDraft) => () => compileContract(contractOf(draft), [signatureOf(other)]);
    expect(compile({ inputs: { x: { dtype: 'DT_DOUBLE' } } })).toThrow('the contract says DT_FLOAT, the model DT_DOUBLE');
    expect(compile({ inputs: { x: { dtype: 'DT_FLOAT' }, y: { dtype: 'DT_FLOAT' } } })).toThrow('does not name the input y');
    expect(compile({ inputs: {} })).toThrow('has no input x');
    expect(() => compileContract(contractOf(draft), [])).toThrow('The model has no signature s');
  });

  it('cuts a dimension, and lets the others agree with what it became', () => {
    const draft: ContractDraft = {
      dims: { batch: { min: 1, max: 8 }, seq: { min: 1, max: 3 } },
      inputs: {
        ids: {
          dtype: 'DT_INT32',
          shape: [batch, seq],
          max: 9,
          onViolation: { shape: { kind: 'truncate', side: 'left' } },
        },
        mask: { dtype: 'DT_INT32', shape: [batch, seq], onViolation: { shape: { kind: 'truncate', side: 'left' } } },
      },
      cost: { base: 1, perElement: 1, perByte: 0, perPixel: 0, quadratic: { dim: 'seq', weight: 10 } },
    };
    const ids = numbers('DT_INT32', [1, 2, 3, 4, 5, 6, 7, 8], [2, 4]);
    const verdict = checked(draft, [ids, numbers('DT_INT32', [0, 0, 1, 1, 0, 0, 1, 1], [2, 4])]);
    expect(verdict.tensors[0]).toEqual(numbers('DT_INT32', [2, 3, 4, 6, 7, 8], [2, 3]));
    expect(verdict.tensors[1]).toEqual(numbers('DT_INT32', [0, 1, 1, 0, 1, 1], [2, 3]));
    expect(verdict).toMatchObject({ batch: 2, cost: 1 + 12 + 90, dims: new Map(Object.entries({ batch: 2, seq: 3 })) });
    // Element 5 of what came is element 3 of what goes on: the client reads about its own.
    const { findings } = checked(draft, [numbers('DT_INT32', [1, 2, 3, 4, 5, 10, 7, 8], [2, 4]), ids]);
    expect(findings.kept.find(({ rule }) => rule.name === 'max')?.violation.path).toBe('t0[5]');
  });

  it('says what a shape must be by names and limits', () => {
    const draft: ContractDraft = {
      dims: { batch: { min: 1, max: 8 }, seq: { min: 2, max: 4, multipleOf: 2 } },
      inputs: {
        a: { dtype: 'DT_INT8', shape: [batch, seq] },
        b: { dtype: 'DT_INT8', shape: [batch, { ...seq, multiplier: 2, offset: 1 }] },
      },
    };
    const shapes = (a: number[], b: number[]) => {
      const zeros = (shape: number[]) => numbers('DT_INT8', new Array(shape[0] * shape[1]).fill(0), shape);
      return checked(draft, [zeros(a), zeros(b)]).findings.kept.map(({ violation }) => `${violation.expected} ${violation.got}`);
    };
    expect(shapes([8, 4], [8, 9])).toEqual([]);
    expect(shapes([9, 4], [8, 9])).toEqual(['[batch≤8, 2≤seq≤4 in steps of 2] [9,4]']);
    expect(shapes([8, 3], [8, 9])).toEqual(['[batch≤8, 2≤seq≤4 in steps of 2] [8,3]']);
    expect(shapes([8, 4], [8, 8])).toEqual(['[batch=8, 2*seq+1=9] [8,8]']);
  });

  it('refuses when padding is asked for and the dimension is too long', () => {
    const draft: ContractDraft = {
      dims: { batch: { min: 1, max: 8 } },
      inputs: {
        t: {
          dtype: 'DT_STRING',
          shape: [batch, { kind: 'fixed', size: 2 }],
          onViolation: { shape: { kind: 'pad', side: 'right', value: '-' } },
        },
      },
    };
    expect(textsOf(checked(draft, [strings(['a', 'b'], [2, 1])]).tensors[0])).toEqual(['a', '-', 'b', '-']);
    expect(refusedBy(checked(draft, [strings(['a', 'b', 'c'], [1, 3])]).findings)).toEqual(['shape']);
    // The batch is what the client asks about; nothing is invented there.
    expect(refusedBy(checked(draft, [strings([], [0, 2])]).findings)).toEqual(['shape']);
  });

  it('hands out jobs for images with the place of their tensor, and none of a request that it refuses', () => {
    const draft: ContractDraft = {
      inputs: { a: { dtype: 'DT_INT32', max: 5 }, picture: { dtype: 'DT_STRING', image } },
      cost: { base: 0, perElement: 0, perByte: 0, perPixel: 1 },
    };
    // A bitmap of one white pixel: two headers, and one row of three bytes padded to four.
    const bitmap = new Uint8Array(58).fill(0xff, 54);
    bitmap.set([0x42, 0x4d, 58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 24]);
    const verdict = checked(draft, [numbers('DT_INT32', [1, 1]), strings([bitmap, bitmap])]);
    expect(verdict.findings.kept).toEqual([]);
    expect(verdict.imageJobs.map(({ tensorIndex, elementIndex, path }) => [tensorIndex, elementIndex, path])).toEqual([
      [1, 0, 't1[0]'],
      [1, 1, 't1[1]'],
    ]);
    expect(verdict.cost).toBe(2);
    expect(checked(draft, [numbers('DT_INT32', [9, 1]), strings([bitmap, bitmap])]).imageJobs).toEqual([]);
  });

  it('looks again at sizes and relations of what the decoder made, and at nothing else', () => {
    const draft: ContractDraft = {
      inputs: { a: { dtype: 'DT_INT32', max: 5 }, b: { dtype: 'DT_STRING', maxBytes: 4, allowed: ['abcd'] } },
      relations: [{ id: 'same', rule: 'sameShape', tensors: ['a', 'b'] }],
    };
    const again = (a: Tensor, b: Tensor) =>
      refusedBy(compiled(draft).recheck([a, b], [() => 'a', () => 'b'], { draw: 0 }, []).findings);
    expect(again(numbers('DT_INT32', [9]), strings(['efgh']))).toEqual([]);
    expect(again(numbers('DT_INT32', [9]), strings(['efghi']))).toEqual(['maxBytes']);
    expect(again(numbers('DT_INT32', [9, 9]), strings(['efgh']))).toEqual(['relation']);
  });

  it('looks again at images that were made anew, and at the strings that they are in', () => {
    const job = { width: 9, height: 9, resultWidth: 9, resultHeight: 9, firstFrameOnly: true, tensorIndex: 0, path: 'b[1]' };
    const again = (rules: Partial<RuleDraft>, made: Buffer) => {
      const draft: ContractDraft = { inputs: { b: { dtype: 'DT_STRING', image, ...rules } } };
      const jobs = [{ ...job, elementIndex: 1 }];
      const tensors = [strings([new Uint8Array(3), made])];
      return refusedBy(compiled(draft).recheck(tensors, [(at) => `b[${at}]`], { draw: 0 }, jobs).findings);
    };
    const onImages = (rules: Partial<ImageRules>) => ({ image: { ...image, ...rules } });
    const small = png({ width: 1, height: 1 });
    // Not what the decoder was asked for, or not what may be: formats and weight are those of what came.
    expect(again(onImages({ formats: ['gif'], maxRatio: 1, maxMetadataBytes: 0 }), small)).toEqual([]);
    expect(again(onImages({ width: { min: 2 } }), small)).toEqual(['image.width']);
    expect(again(onImages({ height: { min: 2 } }), small)).toEqual(['image.height']);
    expect(again(onImages({ maxPixels: 3 }), png({ width: 4, height: 1 }))).toEqual(['image.maxPixels']);
    expect(again(onImages({ channels: [4, 1] }), small)).toEqual(['image.channels']);
    expect(again(onImages({ bitDepth: [16] }), small)).toEqual(['image.bitDepth']);
    expect(again(onImages({ maxDecodedBytes: 2 }), small)).toEqual(['image.maxDecodedBytes']);
    const shrink = { kind: 'downsample', maxWidth: 1, maxHeight: 1 } as const;
    const acted = { ...onImages({ maxPixels: 3 }), onViolation: { 'image.maxPixels': shrink } };
    expect(again(acted, png({ width: 4, height: 1 }))).toEqual(['image.maxPixels']);
    const text = { string: { encoding: 'binary', maxBytes: small.length - 1 } } as const;
    expect(again(text, small)).toEqual(['string.maxBytes']);
    expect(again({ ...text, onViolation: { 'string.maxBytes': { kind: 'truncate', side: 'right' } } }, small)).toEqual([
      'string.maxBytes',
    ]);
    expect(again({ ...onImages({ width: { min: 2 } }), modes: { 'image.width': 'shadow' } }, small)).toEqual([]);
  });

  it('counts what a request costs', () => {
    const draft: ContractDraft = {
      inputs: { a: { dtype: 'DT_INT32' }, b: { dtype: 'DT_STRING' } },
      cost: { base: 7, perElement: 2, perByte: 0.5, perPixel: 0 },
    };
    expect(checked(draft, [numbers('DT_INT32', [1, 2, 3]), strings(['ab', 'cdef'])])).toMatchObject({
      cost: 7 + 10 + 3,
      batch: undefined,
    });
    const endless: ContractDraft = {
      ...draft,
      cost: { base: Number.MAX_VALUE, perElement: Number.MAX_VALUE, perByte: 0, perPixel: 0 },
    };
    expect(checked(endless, [numbers('DT_INT32', [1]), strings(['a'])])).toMatchObject({ cost: Number.MAX_VALUE, batch: 1 });
  });
});
