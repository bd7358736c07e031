import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  contractOf,
  numbers,
  type RuleDraft,
  refusedBy,
  signatureOf,
  strings,
  textsOf,
} from '../../../tests/support/contracts.ts';
import type { Tensor } from '../../tensor/index.ts';
import { compileContract } from '../compiled-contract.ts';
import type { OutputOptions, OutputVerdict } from '../compiled-contract-types.ts';
import { roundDecimal } from './output-reduce.ts';

const dims = { batch: { min: 1, max: 100 } };
function output(
  rules: RuleDraft,
  tensor: Tensor,
  batch: number | undefined = 1,
  options: Partial<OutputOptions> = {},
): OutputVerdict {
  const draft = { dims, inputs: {}, outputs: { y: rules } };
  const compiled = compileContract(contractOf(draft), [signatureOf(draft)]).signature('s');
  if (compiled === undefined) throw new Error('no signature');
  return compiled.checkOutputs([tensor], batch, { draw: 0.5, ...options });
}

describe('outputs', () => {
  it('have as many rows as the request', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 3 }), (rows, batch) => {
        const tensor = numbers('DT_FLOAT', new Array(rows).fill(1));
        const { findings } = output({ dtype: 'DT_FLOAT', matchesBatch: true }, tensor, batch);
        expect(refusedBy(findings)).toEqual(rows === batch ? [] : ['matchesBatch']);
      }),
    );
    const scalar = numbers('DT_FLOAT', [1], []);
    expect(refusedBy(output({ dtype: 'DT_FLOAT', matchesBatch: true }, scalar, 1).findings)).toEqual(['matchesBatch']);
    const signature = { dtype: 'DT_FLOAT', matchesBatch: true } as const;
    const draft = { inputs: {}, outputs: { y: signature } };
    const verdict = compileContract(contractOf(draft), [signatureOf(draft)])
      .signature('s')
      ?.checkOutputs([numbers('DT_FLOAT', [1])], undefined, { draw: 0 });
    expect(verdict === undefined ? [] : refusedBy(verdict.findings)).toEqual(['matchesBatch']);
  });

  it('have the sizes that the inputs had', () => {
    const shape = [{ kind: 'symbol', name: 'batch', multiplier: 1, offset: 0 }] as const;
    const tensor = numbers('DT_FLOAT', [1, 2]);
    const run = (batch: number) =>
      refusedBy(output({ dtype: 'DT_FLOAT', shape }, tensor, 2, { dims: new Map([['batch', batch]]) }).findings);
    expect(run(2)).toEqual([]);
    expect(run(3)).toEqual(['shape']);
  });

  it('keep what the model said out of every finding', () => {
    const { findings } = output({ dtype: 'DT_FLOAT', max: 0, sum: { max: 0 } }, numbers('DT_FLOAT', [123.25], [1, 1]));
    expect(findings.kept.map(({ violation }) => violation)).toEqual([
      { path: 'y[0][0]', rule: 'max', ruleId: 's/outputs/y/max', expected: 'at most 0', got: 'something else' },
    ]);
    expect(JSON.stringify(findings.error('MODEL_OUTPUT_REFUSED'))).not.toContain('123');
    const words = output({ dtype: 'DT_STRING', allowed: ['a'] }, strings(['secret']));
    expect(words.findings.kept[0].violation.got).toBe('something else');
    const shaped = output({ dtype: 'DT_FLOAT', maxElements: 1 }, numbers('DT_FLOAT', [1, 2]));
    expect(shaped.findings.kept[0].violation.got).toBe('2 elements');
  });

  it('refuse a NaN by default, and leave unnamed outputs alone', () => {
    expect(refusedBy(output({ dtype: 'DT_FLOAT' }, numbers('DT_FLOAT', [Number.NaN])).findings)).toEqual(['number.nan']);
  });

  it('are redacted to zeros and empty strings of the same shape', () => {
    const { tensors } = output({ dtype: 'DT_INT16', redact: true }, numbers('DT_INT16', [1, 2], [2, 1]));
    expect(tensors[0]).toEqual(numbers('DT_INT16', [0, 0], [2, 1]));
    const words = output({ dtype: 'DT_STRING', redact: true }, strings(['a', 'bc'])).tensors[0];
    expect(textsOf(words)).toEqual(['', '']);
    expect(words.bytes.byteLength).toBe(0);
  });

  it('keep the k largest of each row', () => {
    const row = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 4 }), fc.integer({ min: 1, max: 5 }), (rows, topK) => {
        const came = numbers('DT_FLOAT', rows.flat(), [rows.length, 4]);
        const before = came.bytes.slice();
        const wanted = rows.map((values) => {
          // Of equal numbers the first stay: a number stays when fewer than k come before it.
          const isBefore = (a: number, b: number) => values[a] > values[b] || (values[a] === values[b] && a < b);
          const fill = values.some((value) => value < 0) ? Math.fround(-3.4028234663852886e38) : 0;
          return values.map((value, at) => (values.filter((_, other) => isBefore(other, at)).length < topK ? value : fill));
        });
        expect(output({ dtype: 'DT_FLOAT', topK }, came).tensors[0]).toEqual(
          numbers('DT_FLOAT', wanted.flat(), [rows.length, 4]),
        );
        expect(came.bytes).toEqual(before);
      }),
    );
    const wide = numbers('DT_INT64', [2n ** 60n, 2n ** 60n + 1n]);
    expect(output({ dtype: 'DT_INT64', topK: 1 }, wide).tensors[0]).toEqual(numbers('DT_INT64', [0n, 2n ** 60n + 1n]));
    const nan = numbers('DT_FLOAT', [Number.NaN, -1]);
    expect(output({ dtype: 'DT_FLOAT', topK: 1, number: { nan: 'allow' } }, nan).tensors[0]).toEqual(
      numbers('DT_FLOAT', [-3.4028234663852886e38, -1]),
    );
    // Whoever looks for the largest number of an answer finds the one that the model meant.
    for (const [dtype, lowest] of [
      ['DT_DOUBLE', -Number.MAX_VALUE],
      ['DT_INT8', -128],
      ['DT_INT64', -(2n ** 63n)],
    ] as const) {
      const logits = numbers(dtype, [-5, -3, -9]);
      expect(output({ dtype, topK: 1 }, logits).tensors[0]).toEqual(numbers(dtype, [lowest, -3, lowest]));
    }
    const below = numbers('DT_FLOAT', [Number.NEGATIVE_INFINITY, 2, Number.NEGATIVE_INFINITY]);
    expect(output({ dtype: 'DT_FLOAT', topK: 2, number: { infinity: 'allow' } }, below).tensors[0]).toEqual(below);
    const rounded = output({ dtype: 'DT_FLOAT', topK: 1, roundTo: 1 }, numbers('DT_FLOAT', [-5.25, -3.125])).tensors[0];
    expect(rounded).toEqual(numbers('DT_FLOAT', [-3.4028234663852886e38, -3.1]));
  });

  it('are rounded after they were checked', () => {
    const rules: RuleDraft = { dtype: 'DT_DOUBLE', roundTo: 1, max: 1 };
    expect(refusedBy(output(rules, numbers('DT_DOUBLE', [1.01])).findings)).toEqual(['max']);
    expect(output(rules, numbers('DT_DOUBLE', [0.96, -0.04, 0.25])).tensors[0]).toEqual(numbers('DT_DOUBLE', [1, 0, 0.3]));
    const infinite: RuleDraft = { dtype: 'DT_HALF', roundTo: 0, number: { infinity: 'allow' } };
    expect(output(infinite, numbers('DT_HALF', [0x7c00, 0x3e00])).tensors[0]).toEqual(numbers('DT_HALF', [0x7c00, 0x4000]));
  });
});

describe('rounding', () => {
  /** Exactly: the double as a fraction of big integers, half away from zero. */
  function roundExactly(value: number, digits: number): string {
    const scale = 2n ** 1074n;
    let rest = Math.abs(value);
    let mantissa = 0n;
    let exponent = 0;
    while (rest % 1 !== 0) {
      rest *= 2;
      exponent++;
    }
    mantissa = (BigInt(rest) * scale) / 2n ** BigInt(exponent);
    const scaled = mantissa * 10n ** BigInt(digits);
    const whole = (2n * scaled + scale) / (2n * scale);
    const text = whole.toString().padStart(digits + 1, '0');
    const decimal = digits === 0 ? text : `${text.slice(0, -digits)}.${text.slice(-digits)}`;
    return value < 0 && whole !== 0n ? `-${decimal}` : decimal;
  }

  const tie = fc
    .tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.integer({ min: 0, max: 10 }))
    .map(([n, bits]) => n / 2 ** bits);
  const near = fc
    .tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.integer({ min: 0, max: 6 }))
    .map(([n, e]) => (n + 0.5) / 10 ** e);
  it('is that of the exact decimal', () => {
    const value = fc.oneof(
      tie,
      near,
      fc.double({ min: -1e15, max: 1e15, noNaN: true }),
      fc.double({ min: -2, max: 2, noNaN: true }),
    );
    fc.assert(
      fc.property(value, fc.integer({ min: 0, max: 12 }), (number, digits) => {
        const wanted = Number(roundExactly(number, digits));
        expect(roundDecimal(number, digits, false)).toBe(wanted);
        expect(Object.is(roundDecimal(number, digits, false), -0)).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  it('gives the float32 nearest to the decimal', () => {
    fc.assert(
      fc.property(fc.double({ min: -1000, max: 1000, noNaN: true }), fc.integer({ min: 0, max: 17 }), (number, digits) => {
        const single = Math.fround(number);
        const result = roundDecimal(single, digits, true);
        // Half a unit of the last digit, and half a unit of the float.
        expect(Math.abs(result - single)).toBeLessThanOrEqual(0.5 * 10 ** -digits + Math.abs(single) * 2 ** -23);
        expect(result).toBe(Math.fround(Number(roundExactly(single, digits))));
      }),
      { numRuns: 300 },
    );
  });

  it('leaves numbers that have no such digits', () => {
    for (const value of [1e21, -1e300, 2 ** 53, Number.MAX_VALUE]) expect(roundDecimal(value, 3, false)).toBe(value);
    expect(Object.is(roundDecimal(-1e-9, 3, false), 0)).toBe(true);
  });
});
