// The decoder of `:classify` and `:regress` bodies: what it accepts, what it refuses and where it says so, and that how a body is cut
// never matters.
import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isAirlockError } from '../core/index.ts';
import { defaultJsonLimits, type JsonLimits } from '../tensor/index.ts';
import { ExamplesDecoder, type ExamplesRequest } from './examples-decoder.ts';
import { ExampleSchema } from './gen/tensorflow/example_pb.ts';

interface Setup {
  readonly limits?: Partial<JsonLimits>;
  readonly allowNonFinite?: boolean;
  readonly chunk?: number;
}

function decode(body: string | Uint8Array, setup: Setup = {}): ExamplesRequest {
  const decoder = new ExamplesDecoder({ ...defaultJsonLimits, ...setup.limits }, 0, setup.allowNonFinite ?? false);
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  const step = setup.chunk ?? Math.max(bytes.length, 1);
  for (let at = 0; at < bytes.length; at += step) decoder.push(bytes.subarray(at, at + step));
  return decoder.finish();
}

type Features = Readonly<Record<string, readonly [kind: string, ...values: unknown[]]>>;

/** What TensorFlow would read: the messages of one string merged, later features winning. */
function examplesOf({ examples }: ExamplesRequest): Features[] {
  const { bytes, offsets } = examples;
  return Array.from({ length: offsets.length - 1 }, (_, row) => {
    const message = fromBinary(ExampleSchema, bytes.subarray(offsets[row], offsets[row + 1]));
    const features = message.features?.feature ?? [];
    return Object.fromEntries(
      features.map(({ key, value: feature }) => {
        const values: readonly unknown[] = feature?.kind.value?.value ?? [];
        return [
          key,
          [feature?.kind.case ?? 'none', ...values.map((value) => (value instanceof Uint8Array ? text(value) : value))],
        ];
      }),
    );
  });
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

function refusal(body: string | Uint8Array, setup?: Setup): { code: string; path: string | undefined; got: string | undefined } {
  try {
    decode(body, setup);
  } catch (thrown) {
    if (isAirlockError(thrown)) return { code: thrown.code, path: thrown.violations[0]?.path, got: thrown.violations[0]?.got };
    throw thrown;
  }
  throw new Error(`accepted: ${String(body)}`);
}

describe('ExamplesDecoder accepts', () => {
  const cases: readonly (readonly [string, Setup | undefined, readonly Features[]])[] = [
    ['{"examples":[{"x":1}]}', undefined, [{ x: ['int64List', 1n] }]],
    ['{"examples":[{"x":1.0}]}', undefined, [{ x: ['floatList', 1] }]],
    ['{"examples":[{"x":1e2},{"x":-2.5}]}', undefined, [{ x: ['floatList', 100] }, { x: ['floatList', -2.5] }]],
    ['{"examples":[{"x":"é\\n\\ud83d\\ude00"}]}', undefined, [{ x: ['bytesList', 'é\n😀'] }]],
    ['{"examples":[{"x":{"b64":"aGk="}}]}', undefined, [{ x: ['bytesList', 'hi'] }]],
    ['{"examples":[{"x":["a",{"b64":"Yg=="},"c"]}]}', undefined, [{ x: ['bytesList', 'a', 'b', 'c'] }]],
    ['{"examples":[{"x":[1,2,3],"y":[0.5,1.0]}]}', undefined, [{ x: ['int64List', 1n, 2n, 3n], y: ['floatList', 0.5, 1] }]],
    ['{"examples":[{"x":[true,false]}]}', undefined, [{ x: ['int64List', 1n, 0n] }]],
    ['{"examples":[{"x":[]}]}', undefined, [{ x: ['bytesList'] }]],
    ['{"examples":[{}]}', undefined, [{}]],
    ['{"examples":[{},{}]}', undefined, [{}, {}]],
    ['{"examples":[{"":7}]}', undefined, [{ '': ['int64List', 7n] }]],
    ['{"examples":[{"b64":"x"}]}', undefined, [{ b64: ['bytesList', 'x'] }]],
    [
      '{"examples":[{"x":[-9223372036854775808,9223372036854775807,9007199254740993]}]}',
      undefined,
      [{ x: ['int64List', -(2n ** 63n), 2n ** 63n - 1n, 9007199254740993n] }],
    ],
    ['{"examples":[{"x":3.4028235e38}]}', undefined, [{ x: ['floatList', 3.4028234663852886e38] }]],
    ['{"examples":[{"x":1e-60}]}', undefined, [{ x: ['floatList', 0] }]],
    [
      '{"examples":[{"x":[NaN,-Infinity,1.5]}]}',
      { allowNonFinite: true },
      [{ x: ['floatList', Number.NaN, Number.NEGATIVE_INFINITY, 1.5] }],
    ],
    [
      '{"context":{"c":"all","x":1},"examples":[{"x":2},{"y":3}]}',
      undefined,
      [
        { c: ['bytesList', 'all'], x: ['int64List', 2n] },
        { c: ['bytesList', 'all'], x: ['int64List', 1n], y: ['int64List', 3n] },
      ],
    ],
    ['{"examples":[{"x":2}],"context":{"c":1.5}}', undefined, [{ c: ['floatList', 1.5], x: ['int64List', 2n] }]],
    [' { "examples" : [ { "x" : [ 1 , 2 ] } ] } \n', undefined, [{ x: ['int64List', 1n, 2n] }]],
  ];
  it.each(cases)('%s', (body, setup, expected) => {
    expect(examplesOf(decode(body, setup))).toEqual(expected);
    for (const chunk of [1, 2, 3, 7]) expect(examplesOf(decode(body, { ...setup, chunk }))).toEqual(expected);
  });

  it('the signature, wherever its name stands, and serving_default without one', () => {
    expect(decode('{"signature_name":"s\\u00e9","examples":[{}]}').signatureName).toBe('sé');
    expect(decode('{"examples":[{}],"signature_name":"s"}').signatureName).toBe('s');
    expect(decode('{"examples":[{}]}').signatureName).toBe('serving_default');
  });

  it('a feature called __proto__ like any other', () => {
    const { examples } = decode('{"examples":[{"__proto__":1}]}');
    expect(text(examples.bytes)).toContain('__proto__');
  });

  it('examples as a tensor of strings with one element each', () => {
    const { examples } = decode('{"examples":[{"x":1},{},{"x":2}]}');
    expect(examples.dtype).toBe('DT_STRING');
    expect(examples.shape).toEqual([3]);
    expect(examples.offsets).toHaveLength(4);
    expect(examples.offsets[3]).toBe(examples.bytes.length);
  });

  it('millions of small values, without an object for each', () => {
    const count = 3_900_000;
    const before = process.memoryUsage();
    const { examples } = decode(`{"examples":[${'{},'.repeat(count / 2 - 1)}{"x":[${'"",'.repeat(count / 2 - 1)}""]}]}`);
    const after = process.memoryUsage();
    expect(examples.shape).toEqual([count / 2]);
    const grownMiB = (after.heapUsed + after.external - before.heapUsed - before.external) / 1024 ** 2;
    expect(grownMiB).toBeLessThan(200);
  });
});

describe('ExamplesDecoder refuses', () => {
  const cases: readonly (readonly [string, Setup | undefined, string, string])[] = [
    ['{}', undefined, 'REQUEST_FIELD_MISSING', ''],
    ['{"context":{}}', undefined, 'REQUEST_FIELD_MISSING', ''],
    ['{"examples":[]}', undefined, 'REQUEST_FIELD_INVALID', 'examples'],
    ['{"examples":{}}', undefined, 'REQUEST_FIELD_INVALID', 'examples'],
    ['{"examples":1}', undefined, 'REQUEST_FIELD_INVALID', 'examples'],
    ['{"context":[],"examples":[{}]}', undefined, 'REQUEST_FIELD_INVALID', 'context'],
    ['{"context":null,"examples":[{}]}', undefined, 'REQUEST_FIELD_INVALID', 'context'],
    ['{"signature_name":1,"examples":[{}]}', undefined, 'REQUEST_FIELD_INVALID', 'signature_name'],
    ['{"signature_name":["s"],"examples":[{}]}', undefined, 'REQUEST_FIELD_INVALID', 'signature_name'],
    ['[]', undefined, 'REQUEST_FIELD_INVALID', ''],
    ['"x"', undefined, 'REQUEST_FIELD_INVALID', ''],
    ['7', undefined, 'REQUEST_FIELD_INVALID', ''],
    ['{"examples":[1]}', undefined, 'REQUEST_FIELD_INVALID', 'examples[0]'],
    ['{"examples":[{"x":1},"y"]}', undefined, 'REQUEST_FIELD_INVALID', 'examples[1]'],
    ['{"examples":[[]]}', undefined, 'REQUEST_FIELD_INVALID', 'examples[0]'],
    ['{"examples":[{}],"instances":[1]}', undefined, 'REQUEST_FIELD_UNKNOWN', 'instances'],
    ['{"examples":[{}],"examples":[{}]}', undefined, 'JSON_DUPLICATE_KEY', ''],
    ['{"context":{},"context":{},"examples":[{}]}', undefined, 'JSON_DUPLICATE_KEY', ''],
    ['{"examples":[{"x":1,"x":2}]}', undefined, 'JSON_DUPLICATE_KEY', 'examples[0]'],
    ['{"context":{"x":1,"x":2},"examples":[{}]}', undefined, 'JSON_DUPLICATE_KEY', 'context'],
    ['{"examples":[{"x":[1,2.0]}]}', undefined, 'FEATURE_INVALID', 'examples[0].x[1]'],
    ['{"examples":[{"x":1},{"x":["a",1]}]}', undefined, 'FEATURE_INVALID', 'examples[1].x[1]'],
    ['{"examples":[{"x":[1,true]}]}', undefined, 'FEATURE_INVALID', 'examples[0].x[1]'],
    ['{"examples":[{"x":null}]}', undefined, 'FEATURE_INVALID', 'examples[0].x'],
    ['{"examples":[{"x":[null]}]}', undefined, 'FEATURE_INVALID', 'examples[0].x[0]'],
    ['{"examples":[{"x":[[1]]}]}', undefined, 'FEATURE_INVALID', 'examples[0].x[0]'],
    ['{"examples":[{"x":{}}]}', undefined, 'FEATURE_INVALID', 'examples[0].x'],
    ['{"examples":[{"x":{"b64":1}}]}', undefined, 'FEATURE_INVALID', 'examples[0].x'],
    ['{"examples":[{"x":{"b64":{"b64":"aGk="}}}]}', undefined, 'FEATURE_INVALID', 'examples[0].x'],
    ['{"examples":[{"x":{"b64":"aGk=","b64":"aGk="}}]}', undefined, 'FEATURE_INVALID', 'examples[0].x'],
    ['{"examples":[{"x":{"b64":"aGk=","y":1}}]}', undefined, 'FEATURE_INVALID', 'examples[0].x'],
    ['{"examples":[{"x":{"y":1}}]}', undefined, 'FEATURE_INVALID', 'examples[0].x'],
    ['{"examples":[{"x":{"b64":"aGk"}}]}', undefined, 'TENSOR_BASE64_INVALID', 'examples[0].x'],
    ['{"examples":[{"x":["a",{"b64":"a*=="}]}]}', undefined, 'TENSOR_BASE64_INVALID', 'examples[0].x[1]'],
    ['{"examples":[{"x":[1,-0]}]}', undefined, 'TENSOR_NOT_INTEGER', 'examples[0].x[1]'],
    ['{"examples":[{"x":[1,2,3]},{"x":4}]}', { limits: { maxElements: 4 } }, 'TENSOR_TOO_LARGE', 'examples[1].x'],
    ['{"examples":[{},{},{}]}', { limits: { maxElements: 2 } }, 'TENSOR_TOO_LARGE', 'examples[2]'],
    ['{"examples":[{"x":9223372036854775808}]}', undefined, 'TENSOR_OUT_OF_RANGE', 'examples[0].x'],
    ['{"examples":[{"x":[0,-9223372036854775809]}]}', undefined, 'TENSOR_OUT_OF_RANGE', 'examples[0].x[1]'],
    ['{"examples":[{"x":1e39}]}', undefined, 'TENSOR_OUT_OF_RANGE', 'examples[0].x'],
    ['{"examples":[{"x":-1e400}]}', undefined, 'TENSOR_OUT_OF_RANGE', 'examples[0].x'],
    ['{"examples":[{"x":3.4028236e38}]}', undefined, 'TENSOR_OUT_OF_RANGE', 'examples[0].x'],
    ['{"examples":[{"x":NaN}]}', undefined, 'TENSOR_NOT_FINITE', 'examples[0].x'],
    ['{"examples":[{"x":[1.5,-Infinity]}]}', undefined, 'TENSOR_NOT_FINITE', 'examples[0].x[1]'],
    ['{"examples":[{"x":"\\ud800"}]}', undefined, 'JSON_LONE_SURROGATE', 'examples[0].x'],
    ['{"examples":[{"x":1}]} x', undefined, 'JSON_TRAILING_DATA', ''],
    ['{"examples":[{"x":1}]}{}', undefined, 'JSON_TRAILING_DATA', ''],
    ['{"examples":[{"x":01}]}', undefined, 'JSON_SYNTAX', 'examples[0].x'],
    ['{"examples":[{"x":"\n"}]}', undefined, 'JSON_SYNTAX', 'examples[0].x'],
    ['{"examples":[{"x":1', undefined, 'JSON_SYNTAX', 'examples[0]'],
    ['', undefined, 'JSON_EMPTY', ''],
    [' \n', undefined, 'JSON_EMPTY', ''],
    [`{"examples":[{"x":1.${'0'.repeat(300)}}]}`, undefined, 'JSON_TOKEN_TOO_LONG', 'examples[0].x'],
    ['{"examples":[{"x":[1]}]}', { limits: { maxDepth: 3 } }, 'JSON_TOO_DEEP', 'examples[0].x'],
    ['{"examples":[{"x":[1,2,3,4,5]}]}', { limits: { maxTokens: 8 } }, 'JSON_TOO_MANY_TOKENS', 'examples[0].x[2]'],
    ['{"examples":[{"x":1}]}', { limits: { maxBodyBytes: 16 } }, 'REQUEST_TOO_LARGE', ''],
  ];
  it.each(cases)('%s', (body, setup, code, path) => {
    expect(refusal(body, setup)).toMatchObject(code === 'JSON_EMPTY' ? { code } : { code, path });
    for (const chunk of [1, 3]) expect(refusal(body, { ...setup, chunk }).code).toBe(code);
  });

  it('bytes that are not UTF-8', () => {
    const body = Buffer.concat([Buffer.from('{"examples":[{"x":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}]}')]);
    expect(refusal(body)).toMatchObject({ code: 'JSON_INVALID_UTF8', path: 'examples[0].x' });
  });

  it('a small body whose context is repeated into more than the limit', () => {
    const limits = { maxBodyBytes: 100_000 };
    const body = `{"context":{"c":"${'c'.repeat(40_000)}"},"examples":[${Array.from({ length: 1000 }, () => '{}').join()}]}`;
    expect(body.length).toBeLessThan(limits.maxBodyBytes);
    expect(refusal(body, { limits })).toMatchObject({ code: 'TENSOR_TOO_LARGE', path: 'context' });
  });

  it('integers that as tf.Example take more than the limit', () => {
    const body = `{"examples":[{"x":[${'-1,'.repeat(999)}-1]}]}`;
    expect(refusal(body, { limits: { maxBodyBytes: body.length } })).toMatchObject({
      code: 'TENSOR_TOO_LARGE',
      path: 'examples',
    });
  });

  it('more features in one example than any model has, which would have to be kept and sorted', () => {
    const names = Array.from({ length: 100_001 }, (_, index) => `"${index}":1`);
    expect(refusal(`{"examples":[{${names.join()}}]}`)).toMatchObject({ code: 'TENSOR_TOO_LARGE', path: 'examples[0]' });
    names.pop();
    expect(decode(`{"examples":[{${names.join()}}]}`).examples.shape).toEqual([1]);
  });

  it('a nest of 500,000 brackets at the first that has no meaning', () => {
    expect(refusal(`{"examples":[{"x":${'['.repeat(500_000)}`).code).toBe('FEATURE_INVALID');
  });

  it('text that a client chose only when it is printable and short', () => {
    const { got, path } = refusal(`{"examples":[{"x":1}],"${'\\u001b'}${'k'.repeat(100)}":1}`);
    expect(path).toBe(got);
    expect(got).not.toContain('\u001b');
  });
});

describe('ExamplesDecoder and JSON.parse', () => {
  const word = fc.string({ maxLength: 6 }).filter((one) => one !== '__proto__');
  const feature = fc.oneof(
    word,
    fc.integer(),
    fc.array(word, { maxLength: 4 }),
    fc.array(fc.integer(), { maxLength: 4 }),
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e38, max: 1e38, noInteger: true }),
  );

  it('agree on every example, however the body is cut', () => {
    const examples = fc.array(fc.dictionary(word, feature, { maxKeys: 4 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(examples, fc.integer({ min: 1, max: 40 }), (rows, chunk) => {
        const decoded = examplesOf(decode(JSON.stringify({ examples: rows }), { chunk }));
        expect(decoded).toEqual(rows.map((row) => mapValues(row)));
      }),
      { numRuns: 500 },
    );
  });

  it('never accept what JSON.parse refuses, and never fail but with a coded error', () => {
    const piece = fc.constantFrom(
      ...['{', '}', '[', ']', ',', ':', '"x"', '"x":1', '{"x":', '"b64"', '{"b64":"aGk="}', '1', '-', '0', '.', 'e5', '1.5'],
      ...['true', 'null', 'NaN', ' ', '\\', '"', '\u0000', 'é', '}]}', ']}', '"context":{'],
    );
    let acceptedCount = 0;
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), fc.integer({ min: 1, max: 9 }), (pieces, chunk) => {
        const body = `{"examples":[${pieces.join('')}`;
        let accepted = true;
        try {
          decode(body, { chunk });
        } catch (thrown) {
          accepted = false;
          if (!isAirlockError(thrown) || thrown.code === 'INTERNAL') throw thrown;
        }
        if (!accepted) return;
        acceptedCount++;
        JSON.parse(body);
      }),
      { numRuns: 10_000, seed: 1 },
    );
    expect(acceptedCount).toBeGreaterThan(0);
  });
});

type Plain = string | number | readonly (string | number)[];

function mapValues(row: Readonly<Record<string, Plain>>): Features {
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => {
      const values = Array.isArray(value) ? value : [value];
      if (values.length === 0 || typeof values[0] === 'string') return [name, ['bytesList', ...values]];
      if (values.every((one) => /^-?\d+$/.test(JSON.stringify(one)))) return [name, ['int64List', ...values.map(BigInt)]];
      return [name, ['floatList', ...values.map((one) => Math.fround(Number(one)))]];
    }),
  );
}
