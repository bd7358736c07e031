// What is redacted is nowhere in what would be kept, and what is kept would still be accepted.
import { fromBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { encodeExample } from '../../tests/support/example.ts';
import { compileContract, parseContract } from '../contract/index.ts';
import { AirlockError } from '../core/index.ts';
import { ExampleSchema } from '../model/gen/tensorflow/example_pb.ts';
import type { DType, Signature, Tensor } from '../tensor/index.ts';
import { tensorFromValue, valueFromTensor } from '../tensor/index.ts';
import { redactExample } from './redact-example.ts';
import { Redaction } from './redaction.ts';

const spec = (alias: string, dtype: DType) => ({ alias, tensorName: `${alias}:0`, dtype, shape: [-1] });
const signature: Signature = {
  name: 'serving_default',
  methodName: 'tensorflow/serving/predict',
  inputs: [spec('age', 'DT_FLOAT'), spec('id', 'DT_INT64'), spec('name', 'DT_STRING')],
  outputs: [spec('y', 'DT_FLOAT')],
};
const tensors = (): Tensor[] => [
  tensorFromValue(signature.inputs[0], [41.5, 77]),
  tensorFromValue(signature.inputs[1], [12345n, 67890n]),
  tensorFromValue(signature.inputs[2], ['Ada Lovelace', 'Grace Hopper']),
];
const values = (tensor: Tensor | undefined) =>
  tensor && Array.from(valueFromTensor(tensor).data as Iterable<unknown>, (one) => (Buffer.isBuffer(one) ? one.toString() : one));

function contractOf(inputs: string, relations = '') {
  const contract = parseContract(
    `apiVersion: airlock/contract/v1\nmetadata: { id: t, revision: 1 }\nsignatures:\n  serving_default:\n    inputs: ${inputs}\n    outputs: { y: { dtype: float32 } }\n${relations}`,
  );
  return { contract, compiled: compileContract(contract, [signature]) };
}

const plain = '{ age: { dtype: float32 }, id: { dtype: int64 }, name: { dtype: string } }';

describe('Redaction', () => {
  it('replaces whole inputs by stand-ins of the same shape, and leaves the others alone', () => {
    const [age, id, name] = new Redaction(['age', 'name'], [signature]).apply(signature, tensors()) ?? [];
    expect(values(age)).toEqual([0, 0]);
    expect(values(id)).toEqual([12345n, 67890n]);
    expect(values(name)).toEqual(['redacted', 'redacted']);
  });

  it('takes what the contract accepts: between its bounds, or one of its values', () => {
    const contract = contractOf(
      '{ age: { dtype: float32, min: 18, max: 120 }, id: { dtype: int64, min: 10, max: 13 }, name: { dtype: string, allowed: [unknown, other] } }',
    );
    const [age, id, name] =
      new Redaction(['age', 'id', 'name'], [signature], contract).apply(signature, [
        tensors()[0],
        tensorFromValue(signature.inputs[1], [10n, 13n]),
        tensorFromValue(signature.inputs[2], ['other', 'unknown']),
      ]) ?? [];
    expect(values(age)).toEqual([69, 69]);
    expect(values(id)).toEqual([12n, 12n]);
    expect(values(name)).toEqual(['unknown', 'unknown']);
  });

  it('leaves a request out when nothing passes', () => {
    const contract = contractOf(
      '{ age: { dtype: float32 }, id: { dtype: int64 }, name: { dtype: string, string: { pattern: "[A-Z]{3}-[0-9]{5}" } } }',
    );
    expect(new Redaction(['name'], [signature], contract).apply(signature, tensors())).toBeUndefined();
    expect(new Redaction(['age'], [signature], contractOf(plain)).apply(signature, tensors())).toBeDefined();
  });

  it.each(['agee', 'age.x', 'other.name', ''])('refuses to record a model that has no %j', (entry) => {
    const code = () => new Redaction([entry], [signature]);
    expect(code).toThrow(AirlockError);
    expect(code).toThrow('Nothing of this model is recorded');
  });

  it('refuses a feature that the contract does not know', () => {
    const examples = { ...signature, inputs: [spec('examples', 'DT_STRING')] };
    const contract = parseContract(
      'apiVersion: airlock/contract/v1\nmetadata: { id: t, revision: 1 }\nsignatures:\n  serving_default:\n    inputs: { examples: { dtype: string, string: { encoding: binary }, example: { features: { income: { kind: float } }, unknownFeatures: reject } } }\n    outputs: { y: { dtype: float32 } }\n',
    );
    const both = { contract, compiled: compileContract(contract, [examples]) };
    expect(() => new Redaction(['examples.incom'], [examples], both)).toThrow('examples.incom');
    expect(() => new Redaction(['examples.income'], [examples], both)).not.toThrow();
  });
});

describe('redactExample()', () => {
  const words = fc.array(
    fc.string({ minLength: 12, maxLength: 20 }).map((one) => Buffer.from(`secret ${one}`)),
    { minLength: 1, maxLength: 3 },
  );

  it('keeps nothing of a redacted feature, and all of the others', () => {
    fc.assert(
      fc.property(words, fc.array(fc.integer(), { maxLength: 4 }), (secret, kept) => {
        const message = encodeExample(
          new Map([
            ['name', { kind: 'bytes', values: secret } as const],
            ['n', { kind: 'int64', values: kept } as const],
          ]),
        );
        const made = redactExample(message, new Set(['name']), () => 'x');
        const expected = new Map([
          ['name', { kind: 'bytes', values: secret.map(() => Buffer.from('x')) } as const],
          ['n', { kind: 'int64', values: kept } as const],
        ]);
        expect(fromBinary(ExampleSchema, made ?? new Uint8Array())).toEqual(fromBinary(ExampleSchema, encodeExample(expected)));
        for (const one of secret) expect(Buffer.from(made ?? []).includes(one)).toBe(false);
        const again = redactExample(made ?? new Uint8Array(), new Set(), () => undefined);
        expect(Buffer.from(again ?? [])).toEqual(Buffer.from(made ?? []));
      }),
    );
  });

  it('leaves out a message in which a reader could find the feature a second time', () => {
    const one = encodeExample(new Map([['name', { kind: 'bytes', values: [Buffer.from('a secret')] }]]));
    const twice = Buffer.concat([one, one]);
    expect(redactExample(twice, new Set(['name']), () => 'x')).toBeUndefined();
    // An unknown field of the message.
    expect(redactExample(Buffer.concat([one, Buffer.from([0x7a, 1, 0x41])]), new Set(['name']), () => 'x')).toBeUndefined();
  });

  it('never throws, whatever the bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => void redactExample(bytes, new Set(['a']), () => 0)));
  });
});
