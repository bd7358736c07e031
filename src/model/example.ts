// Builds serialized tf.Example messages, the input of classify and regress. The same features give the same bytes, so that equal
// requests can be recognised.
import { create, toBinary } from '@bufbuild/protobuf';
import { AirlockError, printable, violationError } from '../core/index.ts';
import { ExampleSchema, type Feature, FeatureSchema } from './gen/tensorflow/example_pb.ts';

export type ExampleFeature =
  | { readonly kind: 'bytes'; readonly values: readonly Uint8Array[] }
  | { readonly kind: 'float'; readonly values: readonly number[] }
  | { readonly kind: 'int64'; readonly values: readonly (bigint | number)[] };

const minInt64 = -(2n ** 63n);
const maxInt64 = 2n ** 63n - 1n;

function toInt64(value: bigint | number, name: string, index: number): bigint {
  const isExact = typeof value === 'bigint' || Number.isSafeInteger(value);
  const exact = isExact ? BigInt(value) : 0n;
  if (isExact && exact >= minInt64 && exact <= maxInt64) return exact;
  throw violationError('FEATURE_INVALID', {
    path: `${printable(name)}[${index}]`,
    rule: 'range',
    expected: 'an integer of 64 bits',
    got: printable(String(value)),
  });
}

function toFeature(name: string, feature: ExampleFeature): Feature {
  switch (feature.kind) {
    case 'bytes':
      return create(FeatureSchema, { kind: { case: 'bytesList', value: { value: [...feature.values] } } });
    case 'float':
      // Rounded as TensorFlow does it; the library refuses a double that is larger than any float.
      return create(FeatureSchema, {
        kind: { case: 'floatList', value: { value: feature.values.map((value) => Math.fround(value)) } },
      });
    case 'int64': {
      const values = feature.values.map((value, index) => toInt64(value, name, index));
      return create(FeatureSchema, { kind: { case: 'int64List', value: { value: values } } });
    }
  }
}

/**
 * The bytes of a tf.Example with these features, in the order of their names. Floats are rounded to 32 bits.
 * Serialized examples can be joined: TensorFlow reads `context` followed by `example` as one message, where a later feature wins.
 * @throws FEATURE_INVALID when an integer is not exact or does not fit 64 bits, or a name holds half of a surrogate pair.
 */
export function encodeExample(features: ReadonlyMap<string, ExampleFeature>): Uint8Array {
  const feature = [...features]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ({ key, value: toFeature(key, value) }));
  if (feature.some(({ key }) => /\p{Cs}/u.test(key))) {
    throw new AirlockError('FEATURE_INVALID', { message: 'The name of a feature holds half of a surrogate pair' });
  }
  return toBinary(ExampleSchema, create(ExampleSchema, { features: { feature } }));
}
