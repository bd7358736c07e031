// tf.Example messages by the protobuf library: what the decoder's own writer is compared with.
import { create, toBinary } from '@bufbuild/protobuf';
import { ExampleSchema, type Feature, FeatureSchema } from '../../src/model/gen/tensorflow/example_pb.ts';

export type ExampleFeature =
  | { readonly kind: 'bytes'; readonly values: readonly Uint8Array[] }
  | { readonly kind: 'float'; readonly values: readonly number[] }
  | { readonly kind: 'int64'; readonly values: readonly (bigint | number)[] };

function toFeature(feature: ExampleFeature): Feature {
  switch (feature.kind) {
    case 'bytes':
      return create(FeatureSchema, { kind: { case: 'bytesList', value: { value: [...feature.values] } } });
    case 'float':
      // The library refuses a double that is larger than any float.
      return create(FeatureSchema, { kind: { case: 'floatList', value: { value: feature.values.map(Math.fround) } } });
    case 'int64':
      return create(FeatureSchema, { kind: { case: 'int64List', value: { value: feature.values.map(BigInt) } } });
  }
}

/** The bytes of a tf.Example with these features, in the order of their names. */
export function encodeExample(features: ReadonlyMap<string, ExampleFeature>): Uint8Array {
  const feature = [...features].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => ({ key, value: toFeature(value) }));
  return toBinary(ExampleSchema, create(ExampleSchema, { features: { feature } }));
}
