// TensorFlow Serving's cases for bodies and URLs, replayed on the codecs. Cases that Airlock answers differently on purpose must differ
// in just the way that docs/compatibility.md says.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AirlockError, isAirlockError } from '../../src/core/index.ts';
import { errorAnswer, parseModelTarget } from '../../src/gateway/index.ts';
import { ExamplesDecoder } from '../../src/model/index.ts';
import {
  type DType,
  defaultJsonLimits,
  dtypes,
  encodePredictResponse,
  type NestedValue,
  PredictDecoder,
  type Signature,
  tensorFromValue,
  valueFromTensor,
} from '../../src/tensor/index.ts';
import { type ExampleFeature, encodeExample } from '../support/example.ts';
import { casesOf, intendedDifferences, needsTestdata, requestText, type ServingCase, testdata } from './serving-cases.ts';

const compat = { limits: defaultJsonLimits, sizeHint: 0, shapes: 'compat', allowNonFinite: true, hasChoice: false } as const;
const floats: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

function isDtype(name: string): name is DType {
  return Object.hasOwn(dtypes, name);
}

function spec(alias: string, dtype: string) {
  if (!isDtype(dtype)) throw new TypeError(`no data type ${dtype}`);
  return { alias, tensorName: `${alias}:0`, dtype, shape: null };
}

/** What `run` throws as a code, or undefined. */
function refusal(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (thrown) {
    if (isAirlockError(thrown) && thrown.code !== 'INTERNAL') return thrown.code;
    throw thrown;
  }
}

/** Runs a case that must pass, fail, or differ as documented. True when there is an answer to compare. */
function judge(one: ServingCase, run: () => unknown): boolean {
  const code = refusal(run);
  const different = intendedDifferences.get(one.name);
  if (different !== undefined) {
    expect(code).toBe(different);
    return false;
  }
  expect(code === undefined, `refused with ${code}`).toBe(one.expect.ok ?? true);
  return code === undefined;
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  return Buffer.isBuffer(value) ? value.toString() : value;
}

/** A suite whose cases lie outside of this repository; without them it is skipped, not empty. */
function hasCases(kind: string): void {
  it.skipIf(testdata === undefined)(`has its cases${needsTestdata}`, () => expect(casesOf(kind).length).toBeGreaterThan(1));
}

describe('TensorFlow Serving: predict requests', () => {
  hasCases('predict_request');
  it.each(casesOf('predict_request').map((one) => [one.name, one] as const))('%s', (_name, one) => {
    const signature: Signature = {
      name: 's',
      methodName: '',
      inputs: Object.entries(one.inputs_signature ?? {}).map(([alias, { dtype }]) => spec(alias, dtype)),
      outputs: [],
    };
    const decode = () => {
      const decoder = new PredictDecoder({ ...compat, signature: () => signature });
      decoder.push(Buffer.from(requestText(one)));
      return decoder.finish();
    };
    if (!judge(one, decode)) return;
    const { tensors, format } = decode();
    if (one.expect.format !== undefined) expect(format).toBe(one.expect.format);
    for (const [alias, expected] of Object.entries(one.expect.tensors ?? {})) {
      const tensor = tensors[signature.inputs.findIndex((input) => input.alias === alias)];
      expect(tensor.shape).toEqual(expected.shape);
      const values = Array.from(valueFromTensor(tensor).data as ArrayLike<unknown>, plain);
      const wanted = expected.values.map((value) =>
        tensor.dtype !== 'DT_STRING' && typeof value === 'string' ? floats[value] : value,
      );
      expect(values).toEqual(tensor.dtype === 'DT_FLOAT' ? wanted.map((value) => Math.fround(Number(value))) : wanted);
    }
  });
});

/** Splits a flat list into the nested lists of a shape. */
function nest(values: readonly NestedValue[], shape: readonly number[]): NestedValue {
  if (shape.length === 0) return values[0];
  const [size, ...rest] = shape;
  const step = rest.reduce((product, n) => product * n, 1);
  return Array.from({ length: size }, (_, i) => nest(values.slice(i * step, (i + 1) * step), rest));
}

describe('TensorFlow Serving: predict answers', () => {
  hasCases('predict_response');
  it.each(casesOf('predict_response').map((one) => [one.name, one] as const))('%s', (_name, one) => {
    const outputs = Object.entries(one.tensors ?? {}).map(([alias, { dtype }]) => spec(alias, dtype));
    const signature: Signature = { name: 's', methodName: '', inputs: [], outputs };
    const encode = () => {
      const tensors = Object.entries(one.tensors ?? {}).map(([alias, { dtype, shape, values }]) => {
        const flat = values.map((value) => (dtype !== 'DT_STRING' && typeof value === 'string' ? floats[value] : value));
        // A tensor without a shape cannot exist here: frames carry one.
        if (shape === null) throw new AirlockError('TENSOR_INVALID');
        if (dtype === 'DT_COMPLEX64')
          return tensorFromValue(spec(alias, dtype), { shape: [1], data: Float32Array.from(flat.map(Number)) });
        const nested = values.length === 0 ? { shape, data: new Int32Array(0) } : nest(flat, shape);
        return tensorFromValue(spec(alias, dtype), nested, { allowNonFinite: true });
      });
      return encodePredictResponse(signature, one.format ?? 'row', tensors, { allowNonFinite: true });
    };
    if (!judge(one, encode)) return;
    expect(parseLoose(encode().toString())).toEqual(parseLoose(one.expect.json_text ?? ''));
  });
});

/** JSON with bare NaN and infinities, which TensorFlow Serving writes. */
function parseLoose(text: string): unknown {
  return JSON.parse(text.replace(/-?\b(NaN|Infinity)\b/g, '"$&"'));
}

describe('TensorFlow Serving: classify and regress requests', () => {
  hasCases('classify_or_regress_request');
  const featureKinds: Readonly<Record<string, ExampleFeature['kind']>> = {
    bytes_list: 'bytes',
    float_list: 'float',
    int64_list: 'int64',
  };
  const toFeature = (lists: Readonly<Record<string, readonly (string | number)[]>>): ExampleFeature => {
    const [[name, values]] = Object.entries(lists);
    const kind = featureKinds[name];
    if (kind === 'bytes') return { kind, values: values.map((value) => Buffer.from(String(value))) };
    return { kind, values: values.map((value) => (typeof value === 'string' ? floats[value] : value)) };
  };
  it.each(casesOf('classify_or_regress_request').map((one) => [one.name, one] as const))('%s', (_name, one) => {
    const decode = () => {
      const decoder = new ExamplesDecoder(defaultJsonLimits, 0, true);
      decoder.push(Buffer.from(requestText(one)));
      return decoder.finish();
    };
    if (!judge(one, decode)) return;
    const { examples } = decode();
    const encodeMap = (map: Readonly<Record<string, Readonly<Record<string, readonly (string | number)[]>>>>) =>
      encodeExample(new Map(Object.entries(map).map(([name, lists]) => [name, toFeature(lists)])));
    const context = encodeMap(one.expect.context ?? {});
    const wanted = (one.expect.examples ?? []).map((map) =>
      Buffer.concat([one.expect.context === undefined ? Buffer.alloc(0) : context, encodeMap(map)]),
    );
    expect(valueFromTensor(examples).data).toEqual(wanted);
  });
});

describe('TensorFlow Serving: URLs', () => {
  hasCases('url_parse');
  it.each(casesOf('url_parse').map((one) => [`${one.name} ${one.method} ${one.path}`, one] as const))('%s', (_name, one) => {
    const parse = () => parseModelTarget(one.method ?? '', one.path ?? '');
    if (one.expect.matches === false) {
      expect(refusal(parse)).toBe('REQUEST_MALFORMED');
      return;
    }
    const target = parse();
    expect(target.model).toBe(one.expect.model);
    expect(target.version).toBe(one.expect.version === undefined ? undefined : BigInt(one.expect.version));
    expect(target.label).toBe(one.expect.label);
    expect(target.verb).toBe(one.expect.verb ?? one.expect.subresource ?? 'status');
  });
});

describe('TensorFlow Serving: error bodies', () => {
  hasCases('error_body');
  it.each(casesOf('error_body').map((one) => [one.name, one] as const))('%s', (_name, one) => {
    const { body, status } = errorAnswer(new AirlockError('REQUEST_MALFORMED', { message: one.message ?? '' }));
    expect(JSON.parse(body)).toMatchObject(JSON.parse(one.expect.json_text ?? ''));
    expect(status).toBe(400);
  });
});

describe('docs/compatibility.md', () => {
  it('gives the reason for each intended difference', () => {
    const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'compatibility.md'), 'utf8');
    for (const [name, code] of intendedDifferences) {
      expect(text).toContain(name);
      expect(text).toContain(code);
    }
  });
});
