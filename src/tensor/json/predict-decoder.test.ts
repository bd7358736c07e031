// The decoder of `:predict` bodies: what it accepts, what it refuses and where it says so, and that how a body is cut never matters.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AirlockError, isAirlockError } from '../../core/index.ts';
import type { DType } from '../dtype.ts';
import type { Signature } from '../signature.ts';
import type { Tensor } from '../tensor.ts';
import { defaultJsonLimits, type JsonLimits } from './limits.ts';
import { PredictDecoder, type PredictRequest } from './predict-decoder.ts';

interface Setup {
  readonly inputs?: Readonly<Record<string, readonly [DType, (readonly number[])?]>>;
  readonly others?: readonly Signature[];
  readonly limits?: Partial<JsonLimits>;
  readonly shapes?: 'strict' | 'compat';
  readonly allowNonFinite?: boolean;
  readonly chunk?: number;
}

function signature(name: string, inputs: NonNullable<Setup['inputs']>): Signature {
  const specs = Object.entries(inputs).map(([alias, [dtype, shape]]) => ({
    alias,
    tensorName: `${alias}:0`,
    dtype,
    shape: shape ?? null,
  }));
  return { name, methodName: 'tensorflow/serving/predict', inputs: specs, outputs: [] };
}

function decode(body: string | Uint8Array, setup: Setup = {}): PredictRequest {
  const all = [signature('serving_default', setup.inputs ?? { x: ['DT_FLOAT'] }), ...(setup.others ?? [])];
  const decoder = new PredictDecoder({
    limits: { ...defaultJsonLimits, ...setup.limits },
    sizeHint: 0,
    shapes: setup.shapes ?? 'strict',
    allowNonFinite: setup.allowNonFinite ?? false,
    hasChoice: all.length > 1,
    signature: (name) => {
      const found = all.find((one) => one.name === name);
      if (found === undefined) throw new Error(`no ${name}`);
      return found;
    },
  });
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const step = setup.chunk ?? bytes.length;
  for (let at = 0; at < bytes.length; at += step) decoder.push(bytes.subarray(at, at + step));
  return decoder.finish();
}

function valuesOf(tensor: Tensor): unknown[] {
  if (tensor.dtype === 'DT_STRING') {
    return Array.from({ length: tensor.offsets.length - 1 }, (_, i) =>
      Buffer.from(tensor.bytes.subarray(tensor.offsets[i], tensor.offsets[i + 1])).toString(),
    );
  }
  const buffer = tensor.bytes.buffer.slice(tensor.bytes.byteOffset, tensor.bytes.byteOffset + tensor.bytes.byteLength);
  switch (tensor.dtype) {
    case 'DT_FLOAT':
      return Array.from(new Float32Array(buffer));
    case 'DT_DOUBLE':
      return Array.from(new Float64Array(buffer));
    case 'DT_INT32':
      return Array.from(new Int32Array(buffer));
    case 'DT_INT64':
      return Array.from(new BigInt64Array(buffer));
    case 'DT_UINT64':
      return Array.from(new BigUint64Array(buffer));
    default:
      return Array.from(new Uint8Array(buffer));
  }
}

function only(body: string, setup?: Setup) {
  const { tensors } = decode(body, setup);
  return { shape: tensors[0].shape, values: valuesOf(tensors[0]) };
}

function refusal(body: string | Uint8Array, setup?: Setup): { code: string; path: string | undefined; got: string | undefined } {
  try {
    decode(body, setup);
  } catch (thrown) {
    if (isAirlockError(thrown)) return { code: thrown.code, path: thrown.violations[0]?.path, got: thrown.violations[0]?.got };
    throw thrown;
  }
  throw new Error(`accepted: ${String(body)}`);
}

describe('PredictDecoder accepts', () => {
  const cases: readonly (readonly [string, Setup | undefined, unknown])[] = [
    ['{"instances":[1.0,2.0,5.0]}', undefined, { shape: [3], values: [1, 2, 5] }],
    ['{"instances": [[1, 2], [3, 4], [5, 6]]}', { inputs: { x: ['DT_INT32'] } }, { shape: [3, 2], values: [1, 2, 3, 4, 5, 6] }],
    ['{"inputs": [[-0.5e1, 2E+2]]}', undefined, { shape: [1, 2], values: [-5, 200] }],
    ['{"inputs": 7}', { inputs: { x: ['DT_INT64'] } }, { shape: [], values: [7n] }],
    ['{"instances":[{"x":1},{"x":2}]}', undefined, { shape: [2], values: [1, 2] }],
    ['{"inputs":{"x":[1,2]}}', undefined, { shape: [2], values: [1, 2] }],
    ['{"inputs":[[],[]]}', undefined, { shape: [2, 0], values: [] }],
    [
      '{"instances":["a","\\u00e9\\ud83d\\ude00",{"b64":"AAEC"}]}',
      { inputs: { x: ['DT_STRING'] } },
      { shape: [3], values: ['a', 'é😀', '\0\u0001\u0002'] },
    ],
    ['{"instances":[{"b64":"aGk="}]}', { inputs: { b64: ['DT_STRING'] } }, { shape: [1], values: ['hi'] }],
    ['{"instances":[true,false]}', { inputs: { x: ['DT_BOOL'] } }, { shape: [2], values: [1, 0] }],
    [
      '{"inputs":[9007199254740993,-9223372036854775808,9223372036854775807]}',
      { inputs: { x: ['DT_INT64'] } },
      { shape: [3], values: [9007199254740993n, -(2n ** 63n), 2n ** 63n - 1n] },
    ],
    ['{"inputs":[18446744073709551615]}', { inputs: { x: ['DT_UINT64'] } }, { shape: [1], values: [2n ** 64n - 1n] }],
    ['{"inputs":[-1,-4294967297]}', { inputs: { x: ['DT_INT64'] } }, { shape: [2], values: [-1n, -4294967297n] }],
    [
      '{"inputs":[NaN,-Infinity,Inf]}',
      { allowNonFinite: true },
      { shape: [3], values: [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] },
    ],
    [
      ' {"signature_name" : "serving_default" , "instances" : [ [ 1 ] , [ 2 ] ] } \n',
      undefined,
      { shape: [2, 1], values: [1, 2] },
    ],
    [
      '{"inputs":[16777217,16777216.9999999999,16777217.00000000001]}',
      undefined,
      { shape: [3], values: [16777216, 16777216, 16777218] },
    ],
  ];
  it.each(cases)('%s', (body, setup, expected) => {
    expect(only(body, setup)).toEqual(expected);
    for (const chunk of [1, 2, 3, 7]) expect(only(body, { ...setup, chunk })).toEqual(expected);
  });

  it('a large body again in slices, when its signature is named at the end', () => {
    const count = 200_000;
    const [text, ints] = [signature('serving_default', { x: ['DT_STRING'] }), signature('ints', { x: ['DT_INT32'] })];
    const decoder = new PredictDecoder({
      limits: defaultJsonLimits,
      sizeHint: 0,
      shapes: 'strict',
      allowNonFinite: false,
      hasChoice: true,
      signature: (name) => (name === 'ints' ? ints : text),
    });
    const values = Array.from({ length: count }, (_, index) => index);
    const bytes = Buffer.from(`{"instances":[${values.join(',')}],"signature_name":"ints"}`);
    for (let at = 0; at < bytes.length; at += 50_000) decoder.push(bytes.subarray(at, at + 50_000));
    let slices = 0;
    for (; decoder.behind; slices++) decoder.catchUp();
    expect(slices).toBeGreaterThan(5);
    expect(valuesOf(decoder.finish().tensors[0])).toEqual(values);
  });

  it('nothing more of a body that is over a limit, whatever signature it may name', () => {
    const [text, ints] = [signature('serving_default', { x: ['DT_INT32'] }), signature('ints', { x: ['DT_INT32'] })];
    const decoder = new PredictDecoder({
      limits: { ...defaultJsonLimits, maxElements: 2 },
      sizeHint: 0,
      shapes: 'strict',
      allowNonFinite: false,
      hasChoice: true,
      signature: (name) => (name === 'ints' ? ints : text),
    });
    expect(() => decoder.push(Buffer.from('{"instances":[1,2,3,'))).toThrow(/at most 2 elements/);
  });

  it('several inputs by row and by column', () => {
    const inputs: NonNullable<Setup['inputs']> = { a: ['DT_FLOAT', [-1]], b: ['DT_INT64', [-1, 2]], c: ['DT_STRING', [-1]] };
    const row = decode('{"instances":[{"a":1.5,"b":[1,2],"c":"x"},{"c":{"b64":"eQ=="},"a":2,"b":[3,4]}]}', { inputs });
    expect(row.tensors.map((tensor) => [tensor.shape, valuesOf(tensor)])).toEqual([
      [[2], [1.5, 2]],
      [
        [2, 2],
        [1n, 2n, 3n, 4n],
      ],
      [[2], ['x', 'y']],
    ]);
    const column = decode('{"inputs":{"c":["x","y"],"b":[[1,2],[3,4]],"a":[1.5,2]}}', { inputs });
    expect(column.tensors).toEqual(row.tensors);
    expect([row.format, column.format]).toEqual(['row', 'columnar']);
  });

  it('a signature that is named after the data, of a model without serving_default', () => {
    const predict = signature('predict', { x: ['DT_FLOAT'] });
    const decoder = new PredictDecoder({
      limits: defaultJsonLimits,
      sizeHint: 0,
      shapes: 'strict',
      allowNonFinite: false,
      hasChoice: true,
      signature: (name) => {
        if (name !== 'predict') throw new AirlockError('SIGNATURE_NOT_FOUND');
        return predict;
      },
    });
    decoder.push(Buffer.from('{"instances":[1],"signature_name":"predict"}'));
    expect(valuesOf(decoder.finish().tensors[0])).toEqual([1]);
  });

  it('a signature that is named after the data, whatever the assumed one made of it', () => {
    const others = [signature('text', { s: ['DT_STRING'] }), signature('ints', { x: ['DT_INT32'] })];
    for (const chunk of [1, 5, 1000]) {
      expect(only('{"instances":["a","b"],"signature_name":"text"}', { others, chunk })).toEqual({
        shape: [2],
        values: ['a', 'b'],
      });
      expect(only('{"instances":[1,2],"signature_name":"ints"}', { others, chunk })).toEqual({ shape: [2], values: [1, 2] });
      expect(decode('{"inputs":{"s":["a"]},"signature_name":"text"}', { others, chunk }).signature.name).toBe('text');
      expect(refusal('{"instances":["a","b"]}', { others, chunk })).toEqual({
        code: 'TENSOR_TYPE_MISMATCH',
        path: 'instances[0]',
        got: 'the string a',
      });
      expect(refusal('{"instances":[1.5],"signature_name":"ints"}', { others, chunk }).code).toBe('TENSOR_NOT_INTEGER');
    }
  });
});

describe('PredictDecoder refuses', () => {
  const int: Setup = { inputs: { x: ['DT_INT32'] } };
  const cases: readonly (readonly [string, Setup | undefined, string, string])[] = [
    ['{"instances":[1.0]}', int, 'TENSOR_NOT_INTEGER', 'instances[0]'],
    ['{"instances":[[1,2],[3,1e2]]}', int, 'TENSOR_NOT_INTEGER', 'instances[1][1]'],
    ['{"instances":[-0]}', int, 'TENSOR_NOT_INTEGER', 'instances[0]'],
    ['{"instances":[1,true]}', int, 'TENSOR_TYPE_MISMATCH', 'instances[1]'],
    ['{"instances":[1,"1"]}', undefined, 'TENSOR_TYPE_MISMATCH', 'instances[1]'],
    ['{"instances":[null]}', undefined, 'TENSOR_TYPE_MISMATCH', 'instances[0]'],
    ['{"instances":[1]}', { inputs: { x: ['DT_STRING'] } }, 'TENSOR_TYPE_MISMATCH', 'instances[0]'],
    ['{"instances":[1]}', { inputs: { x: ['DT_BOOL'] } }, 'TENSOR_TYPE_MISMATCH', 'instances[0]'],
    ['{"instances":[0,300]}', { inputs: { x: ['DT_UINT8'] } }, 'TENSOR_OUT_OF_RANGE', 'instances[1]'],
    ['{"instances":[-1]}', { inputs: { x: ['DT_UINT64'] } }, 'TENSOR_OUT_OF_RANGE', 'instances[0]'],
    ['{"instances":[18446744073709551616]}', { inputs: { x: ['DT_UINT64'] } }, 'TENSOR_OUT_OF_RANGE', 'instances[0]'],
    ['{"instances":[9223372036854775808]}', { inputs: { x: ['DT_INT64'] } }, 'TENSOR_OUT_OF_RANGE', 'instances[0]'],
    ['{"instances":[1e39]}', undefined, 'TENSOR_OUT_OF_RANGE', 'instances[0]'],
    ['{"instances":[3.4028236e38]}', undefined, 'TENSOR_OUT_OF_RANGE', 'instances[0]'],
    ['{"instances":[1e400]}', { inputs: { x: ['DT_DOUBLE'] } }, 'TENSOR_OUT_OF_RANGE', 'instances[0]'],
    ['{"instances":[65520]}', { inputs: { x: ['DT_HALF'] } }, 'TENSOR_OUT_OF_RANGE', 'instances[0]'],
    ['{"instances":[1,NaN]}', undefined, 'TENSOR_NOT_FINITE', 'instances[1]'],
    ['{"instances":[-Infinity]}', undefined, 'TENSOR_NOT_FINITE', 'instances[0]'],
    ['{"instances":[NaN]}', { inputs: { x: ['DT_INT32'] }, allowNonFinite: true }, 'TENSOR_TYPE_MISMATCH', 'instances[0]'],
    ['{"instances":[1],"instances":[2]}', undefined, 'JSON_DUPLICATE_KEY', ''],
    ['{"instances":[{"x":1,"x":2}]}', undefined, 'JSON_DUPLICATE_KEY', 'instances[0]'],
    ['{"inputs":{"x":1,"x":2}}', undefined, 'JSON_DUPLICATE_KEY', 'inputs'],
    ['{"signature_name":"serving_default","signature_name":"serving_default","inputs":1}', undefined, 'JSON_DUPLICATE_KEY', ''],
    ['{"instances":[1]} x', undefined, 'JSON_TRAILING_DATA', ''],
    ['{"instances":[1]}{}', undefined, 'JSON_TRAILING_DATA', ''],
    ['{"instances":["\\ud800"]}', { inputs: { x: ['DT_STRING'] } }, 'JSON_LONE_SURROGATE', 'instances[0]'],
    ['{"instances":["\\udc00\\ud800"]}', { inputs: { x: ['DT_STRING'] } }, 'JSON_LONE_SURROGATE', 'instances[0]'],
    ['{"instances":[[1,2],[3]]}', undefined, 'TENSOR_RAGGED', 'instances[1]'],
    ['{"instances":[[1],2]}', undefined, 'TENSOR_RAGGED', 'instances[1]'],
    ['{"instances":[1,[2]]}', undefined, 'TENSOR_RAGGED', 'instances[1]'],
    ['{"instances":[{"x":[1,2]},{"x":[1]}]}', undefined, 'TENSOR_RAGGED', 'instances[1].x'],
    ['{"instances":[[1,2,3]]}', { inputs: { x: ['DT_FLOAT', [-1, 2]] } }, 'TENSOR_SHAPE_MISMATCH', 'x'],
    ['{"instances":[]}', undefined, 'REQUEST_FIELD_INVALID', 'instances'],
    ['{"instances":5}', undefined, 'REQUEST_FIELD_INVALID', 'instances'],
    ['{"instances":{"x":1}}', undefined, 'REQUEST_FIELD_INVALID', 'instances'],
    ['{"instances":[1],"inputs":1}', undefined, 'REQUEST_FIELD_INVALID', 'inputs'],
    ['{"instances":[1],"extra":1}', undefined, 'REQUEST_FIELD_UNKNOWN', 'extra'],
    ['{"signature_name":5,"instances":[1]}', undefined, 'REQUEST_FIELD_INVALID', 'signature_name'],
    ['{}', undefined, 'REQUEST_FIELD_MISSING', ''],
    ['[]', undefined, 'REQUEST_FIELD_INVALID', ''],
    ['"x"', undefined, 'REQUEST_FIELD_INVALID', ''],
    ['{"inputs":{"y":1}}', undefined, 'INPUT_UNKNOWN', 'inputs.y'],
    ['{"instances":[{"y":1}]}', undefined, 'INPUT_UNKNOWN', 'instances[0].y'],
    ['{"instances":[{"a":1}]}', { inputs: { a: ['DT_FLOAT'], b: ['DT_FLOAT'] } }, 'INPUT_MISSING', 'instances[0]'],
    ['{"inputs":{"a":1}}', { inputs: { a: ['DT_FLOAT'], b: ['DT_FLOAT'] } }, 'INPUT_MISSING', 'inputs'],
    ['{"instances":[1]}', { inputs: { a: ['DT_FLOAT'], b: ['DT_FLOAT'] } }, 'REQUEST_FIELD_INVALID', 'instances[0]'],
    ['{"instances":[{"b64":"a*=="}]}', { inputs: { x: ['DT_STRING'] } }, 'TENSOR_BASE64_INVALID', 'instances[0]'],
    ['{"instances":[{"b64":"aGk"}]}', { inputs: { x: ['DT_STRING'] } }, 'TENSOR_BASE64_INVALID', 'instances[0]'],
    ['{"instances":[{"b64":"aGk=","more":1}]}', { inputs: { x: ['DT_STRING'] } }, 'TENSOR_TYPE_MISMATCH', 'instances[0]'],
    ['{"instances":[{}]}', undefined, 'TENSOR_TYPE_MISMATCH', 'instances[0]'],
    ['{"inputs":{"a":{"a":1,"b":2}}}', { inputs: { a: ['DT_FLOAT'], b: ['DT_FLOAT'] } }, 'TENSOR_TYPE_MISMATCH', 'inputs.a'],
    ['{"inputs":{"x":{"x":5}}}', undefined, 'TENSOR_TYPE_MISMATCH', 'inputs.x'],
    ['{"inputs":{"x":5,"signature_name":"serving_default"}}', undefined, 'INPUT_UNKNOWN', 'inputs.signature_name'],
    ['{"inputs":[{"x":5}]}', undefined, 'TENSOR_TYPE_MISMATCH', 'inputs[0]'],
    [
      '{"inputs":{"a":[1,2,3,4],"b":[1,2,3,4]}}',
      { inputs: { a: ['DT_FLOAT', [4]], b: ['DT_FLOAT', [4]] }, limits: { maxElements: 7 } },
      'TENSOR_TOO_LARGE',
      'inputs.b[3]',
    ],
    ['{"instances":[01]}', int, 'JSON_SYNTAX', 'instances[0]'],
    ['{"instances":[1.]}', undefined, 'JSON_SYNTAX', 'instances[0]'],
    ['{"instances":[+1]}', undefined, 'JSON_SYNTAX', 'instances[0]'],
    ['{"instances":[1,]}', undefined, 'JSON_SYNTAX', 'instances[1]'],
    ['{"instances":[1', undefined, 'JSON_SYNTAX', 'instances[1]'],
    ["{'instances':[1]}", undefined, 'JSON_SYNTAX', ''],
    ['{"instances":["\n"]}', { inputs: { x: ['DT_STRING'] } }, 'JSON_SYNTAX', 'instances[0]'],
    ['', undefined, 'JSON_EMPTY', ''],
    ['  \n', undefined, 'JSON_EMPTY', ''],
    ['{"instances":[[1]]}', { limits: { maxDepth: 2 } }, 'JSON_TOO_DEEP', 'instances[0]'],
    ['{"instances":[1,2,3,4,5,6]}', { limits: { maxElements: 5 } }, 'TENSOR_TOO_LARGE', 'instances[5]'],
    ['{"instances":[1,2,3,4,5,6]}', { limits: { maxTokens: 6 } }, 'JSON_TOO_MANY_TOKENS', 'instances[6]'],
    [`{"instances":[1.${'0'.repeat(300)}]}`, undefined, 'JSON_TOKEN_TOO_LONG', 'instances[0]'],
    ['{"instances":[1]}', { limits: { maxBodyBytes: 16 } }, 'REQUEST_TOO_LARGE', ''],
  ];
  it.each(cases)('%s', (body, setup, code, path) => {
    expect(refusal(body, setup)).toMatchObject(code === 'JSON_EMPTY' ? { code } : { code, path });
    for (const chunk of [1, 3]) expect(refusal(body, { ...setup, chunk }).code).toBe(code);
  });

  it('bytes that are not UTF-8', () => {
    const body = Buffer.concat([Buffer.from('{"instances":["'), Buffer.from([0xc3, 0x28]), Buffer.from('"]}')]);
    expect(refusal(body, { inputs: { x: ['DT_STRING'] } })).toMatchObject({ code: 'JSON_INVALID_UTF8', path: 'instances[0]' });
  });

  it('a nest of 500,000 brackets at the limit, without looking at the rest', () => {
    expect(refusal(`{"instances":${'['.repeat(500_000)}`).code).toBe('JSON_TOO_DEEP');
  });

  it('complex numbers, which JSON cannot express here', () => {
    expect(refusal('{"inputs":[1]}', { inputs: { x: ['DT_COMPLEX64'] } }).code).toBe('TENSOR_DTYPE_UNSUPPORTED');
  });
});

describe('PredictDecoder and JSON.parse', () => {
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.float({ noNaN: true, noDefaultInfinity: true }).map(String),
    fc.integer().map(String),
    fc
      .tuple(fc.bigInt({ min: -(10n ** 25n), max: 10n ** 25n }), fc.integer({ min: 1, max: 24 }))
      .map(([digits, point]) => placePoint(digits, point)),
    fc
      .tuple(fc.bigInt({ min: 0n, max: 10n ** 17n }), fc.integer({ min: -300, max: 280 }))
      .map(([digits, exponent]) => `${digits}e${exponent}`),
  );
  const space = fc.constantFrom('', ' ', '\n  ');

  it('agree on every float64', () => {
    fc.assert(
      fc.property(
        fc.array(number, { minLength: 1, maxLength: 40 }),
        space,
        fc.integer({ min: 1, max: 50 }),
        (numbers, gap, chunk) => {
          const body = `{"instances":[${numbers.join(`,${gap}`)}]}`;
          expect(only(body, { inputs: { x: ['DT_DOUBLE'] }, chunk }).values).toEqual(numbers.map(Number));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('agree on the numbers where a sum of digits stops being exact', () => {
    const numbers: string[] = [];
    for (const digits of ['9007199254740991', '9007199254740992', '9007199254740993', '9007199254740994', '9007199254740995']) {
      for (let exponent = -24; exponent <= 24; exponent++) numbers.push(`${digits}e${exponent}`);
      for (let point = 1; point < 16; point++) numbers.push(`${digits.slice(0, point)}.${digits.slice(point)}`);
    }
    const body = (list: readonly string[]) => `{"instances":[${list.join(',')}]}`;
    expect(only(body(numbers), { inputs: { x: ['DT_DOUBLE'] } }).values).toEqual(numbers.map(Number));
    const narrow = numbers.filter((text) => Number(text) < 3e38);
    expect(only(body(narrow), { inputs: { x: ['DT_FLOAT'] } }).values).toEqual(narrow.map((text) => Math.fround(Number(text))));
  });

  it('agree on every nested shape', () => {
    const shape = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(shape, space, fc.integer({ min: 1, max: 60 }), (sizes, gap, chunk) => {
        let next = 0;
        const nest = (depth: number): string =>
          depth === sizes.length
            ? String(next++ / 4)
            : `[${gap}${Array.from({ length: sizes[depth] }, () => nest(depth + 1)).join(`,${gap}`)}${gap}]`;
        const body = `{"instances":${nest(0)}}`;
        expect(only(body, { chunk })).toEqual({ shape: sizes, values: Array.from({ length: next }, (_, i) => i / 4) });
      }),
      { numRuns: 500 },
    );
  });

  it('never accept what JSON.parse refuses, and never fail but with a coded error', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"instances"',
      '"inputs"',
      '"x"',
      '"b64"',
      '"aGk="',
      '1',
      '-',
      '0',
      '.',
      'e5',
      'true',
      'null',
      'NaN',
      ' ',
      '\\',
      '"',
      '\u0000',
      'é',
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 30 }),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom<DType>('DT_FLOAT', 'DT_STRING', 'DT_INT64', 'DT_BOOL'),
        (pieces, chunk, dtype) => {
          const body = `{"instances":[${pieces.join('')}`;
          let accepted = true;
          try {
            decode(body, { inputs: { x: [dtype] }, chunk, shapes: 'compat' });
          } catch (thrown) {
            accepted = false;
            if (!isAirlockError(thrown) || thrown.code === 'INTERNAL') throw thrown;
          }
          if (accepted) JSON.parse(body);
        },
      ),
      { numRuns: 5000 },
    );
  });
});

function placePoint(digits: bigint, point: number): string {
  const text = (digits < 0n ? -digits : digits).toString().padStart(point + 1, '0');
  return `${digits < 0n ? '-' : ''}${text.slice(0, text.length - point)}.${text.slice(text.length - point)}`;
}
