// What a client reads: shortest numbers that come back the same, the two formats, and answers that must not leave.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAirlockError } from '../../core/index.ts';
import type { DType } from '../dtype.ts';
import type { NumericTensor, Tensor } from '../tensor.ts';
import { bfloat16Value, halfValue } from './decimal.ts';
import { JsonWriter } from './json-writer.ts';
import { encodePredictResponse } from './predict-encoder.ts';

const strict = { allowNonFinite: false };

function signature(...outputs: readonly (readonly [string, DType])[]) {
  return {
    name: 's',
    methodName: '',
    inputs: [],
    outputs: outputs.map(([alias, dtype]) => ({ alias, tensorName: 'y:0', dtype, shape: null })),
  };
}

function numeric(dtype: NumericTensor['dtype'], shape: readonly number[], values: ArrayBufferView): NumericTensor {
  return { dtype, shape, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

function strings(...values: readonly (string | Uint8Array)[]): Tensor {
  const parts = values.map((value) => Buffer.from(value as string));
  const offsets = new Uint32Array(parts.length + 1);
  parts.forEach((part, index) => {
    offsets[index + 1] = offsets[index] + part.length;
  });
  return { dtype: 'DT_STRING', shape: [parts.length], bytes: Buffer.concat(parts), offsets };
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (thrown) {
    if (isAirlockError(thrown)) return thrown.code;
    throw thrown;
  }
  return 'none';
}

function written(write: (writer: JsonWriter) => void): string {
  const writer = new JsonWriter(1);
  write(writer);
  return writer.finish().toString();
}

describe('encodePredictResponse()', () => {
  it('one output by row and by column', () => {
    const y = numeric('DT_FLOAT', [2, 2], new Float32Array([1, 0.5, -3.25, 1e10]));
    expect(encodePredictResponse(signature(['y', 'DT_FLOAT']), 'row', [y], strict).toString()).toBe(
      '{"predictions":[[1.0,0.5],[-3.25,10000000000.0]]}',
    );
    expect(encodePredictResponse(signature(['y', 'DT_FLOAT']), 'columnar', [y], strict).toString()).toBe(
      '{"outputs":[[1.0,0.5],[-3.25,10000000000.0]]}',
    );
  });

  it('several outputs by row and by column', () => {
    const outputs = [numeric('DT_INT64', [2], new BigInt64Array([1n, -(2n ** 63n)])), strings('a"\n', 'é')];
    const both = signature(['n', 'DT_INT64'], ['s', 'DT_STRING']);
    expect(encodePredictResponse(both, 'row', outputs, strict).toString()).toBe(
      '{"predictions":[{"n":1,"s":"a\\"\\n"},{"n":-9223372036854775808,"s":"é"}]}',
    );
    expect(encodePredictResponse(both, 'columnar', outputs, strict).toString()).toBe(
      '{"outputs":{"n":[1,-9223372036854775808],"s":["a\\"\\n","é"]}}',
    );
  });

  it('a scalar, an empty list, booleans, and bytes as base64', () => {
    expect(
      encodePredictResponse(
        signature(['y', 'DT_DOUBLE']),
        'columnar',
        [numeric('DT_DOUBLE', [], new Float64Array([-0]))],
        strict,
      ).toString(),
    ).toBe('{"outputs":-0.0}');
    expect(
      encodePredictResponse(
        signature(['y', 'DT_BOOL']),
        'columnar',
        [numeric('DT_BOOL', [2], new Uint8Array([1, 0]))],
        strict,
      ).toString(),
    ).toBe('{"outputs":[true,false]}');
    expect(
      encodePredictResponse(
        signature(['y', 'DT_INT8']),
        'columnar',
        [numeric('DT_INT8', [2, 0], new Int8Array(0))],
        strict,
      ).toString(),
    ).toBe('{"outputs":[[],[]]}');
    expect(encodePredictResponse(signature(['y_bytes', 'DT_STRING']), 'columnar', [strings('hi')], strict).toString()).toBe(
      '{"outputs":[{"b64":"aGk="}]}',
    );
    expect(
      encodePredictResponse(signature(['y', 'DT_STRING']), 'columnar', [strings(Buffer.from([0xff]))], strict).toString(),
    ).toBe('{"outputs":[{"b64":"/w=="}]}');
  });

  it('refuses what must not leave', () => {
    const nan = numeric('DT_FLOAT', [1], new Float32Array([Number.NaN]));
    expect(codeOf(() => encodePredictResponse(signature(['y', 'DT_FLOAT']), 'row', [nan], strict))).toBe('MODEL_OUTPUT_INVALID');
    expect(encodePredictResponse(signature(['y', 'DT_FLOAT']), 'row', [nan], { allowNonFinite: true }).toString()).toBe(
      '{"predictions":[NaN]}',
    );
    const scalar = numeric('DT_FLOAT', [], new Float32Array(1));
    expect(codeOf(() => encodePredictResponse(signature(['y', 'DT_FLOAT']), 'row', [scalar], strict))).toBe(
      'MODEL_OUTPUT_INVALID',
    );
    const bomb = numeric('DT_FLOAT', [2 ** 40, 0], new Float32Array(0));
    expect(codeOf(() => encodePredictResponse(signature(['y', 'DT_FLOAT']), 'columnar', [bomb], strict))).toBe(
      'MODEL_OUTPUT_INVALID',
    );
    const brackets = numeric('DT_FLOAT', [60_000_000, 0], new Float32Array(0));
    expect(codeOf(() => encodePredictResponse(signature(['y', 'DT_FLOAT']), 'columnar', [brackets], strict))).toBe(
      'MODEL_OUTPUT_INVALID',
    );
    const complex = numeric('DT_COMPLEX64', [1], new Float32Array(2));
    expect(codeOf(() => encodePredictResponse(signature(['y', 'DT_COMPLEX64']), 'columnar', [complex], strict))).toBe(
      'TENSOR_DTYPE_UNSUPPORTED',
    );
  });
});

describe('JsonWriter', () => {
  it('float32() reads back as the same float, in at most nine digits, with a point or an exponent', () => {
    const check = (value: number) => {
      const text = written((writer) => writer.float32(value));
      expect(Math.fround(Number(text)), text).toBe(value);
      expect(text).toMatch(/[.e]/);
      expect(text.replace(/e.*|^-?0?\.0*|[-.]/g, '').replace(/0+$/, '').length, text).toBeLessThanOrEqual(9);
    };
    fc.assert(fc.property(fc.float({ noNaN: true, noDefaultInfinity: true }), check), { numRuns: 5000 });
    for (const value of [0, -0, 1e-4, 99999.99, 1e9, 123456789, 3.4028234663852886e38, 1.401298464324817e-45, 0.1, 1 / 3])
      check(Math.fround(value));
    expect(written((writer) => writer.float32(Math.fround(0.1)))).toBe('0.1');
    expect(written((writer) => writer.float32(-0))).toBe('-0.0');
  });
  it('float64() and integer() read back as the same number', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Number(written((writer) => writer.float64(value)))).toBe(value);
      }),
    );
    fc.assert(
      fc.property(fc.maxSafeInteger(), (value) => {
        expect(written((writer) => writer.integer(value))).toBe(String(value));
      }),
    );
  });
  it('half() and bfloat16() read back as the nearest narrow float', () => {
    for (let raw = 0; raw < 65536; raw += 7) {
      for (const [write, widen] of [
        [(writer: JsonWriter) => writer.half(raw), halfValue],
        [(writer: JsonWriter) => writer.bfloat16(raw), bfloat16Value],
      ] as const) {
        const value = widen(raw);
        if (!Number.isFinite(value)) continue;
        const near = Number(written(write));
        for (const other of [widen(raw - 1), widen(raw + 1)])
          if (Number.isFinite(other) && other !== value) expect(Math.abs(near - value)).toBeLessThan(Math.abs(near - other));
      }
    }
  });
});
