// A serialized tf.Example as one list of values per feature (proto/tensorflow/example.proto). The contract's own index finds the features, so
// that data sets and requests are read alike: what a server would refuse because two readers could take it for two things is refused here.
import { ExampleIndex, ExampleValues, type FeaturePlace } from '../../contract/index.ts';
import { datasetError } from './dataset-error.ts';

export type FeatureValues =
  | { readonly kind: 'bytes'; readonly values: readonly Uint8Array[] }
  | { readonly kind: 'float'; readonly values: Float32Array }
  | { readonly kind: 'int64'; readonly values: BigInt64Array }
  /** A feature without any list: missing, and of no kind. */
  | { readonly kind: 'none' };

/** @throws DATASET_INVALID at `record`. At most `maxFeatures` features and `maxValues` values of each. */
export function readExample(
  bytes: Uint8Array,
  record: number,
  maxFeatures: number,
  maxValues: number,
): ReadonlyMap<string, FeatureValues> {
  const index = new ExampleIndex();
  const isRead = index.read(bytes, 0, bytes.length, maxFeatures);
  // Beyond that many, features are not looked at.
  if (index.features > maxFeatures) throw datasetError({ record }, `a tf.Example: at most ${maxFeatures} features`, 'more');
  if (!isRead) throw datasetError({ record }, 'a tf.Example that all readers read alike', index.problem);
  const features = new Map<string, FeatureValues>();
  for (const [name, place] of index.places) {
    if (place.count > maxValues)
      throw datasetError({ record, column: name }, `a tf.Example: at most ${maxValues} values`, `${place.count}`);
    features.set(name, valuesAt(bytes, place));
  }
  return features;
}

/** Byte strings stay views of the message. */
function valuesAt(bytes: Uint8Array, place: FeaturePlace): FeatureValues {
  const { kind, count } = place;
  if (kind === undefined) return { kind: 'none' };
  const found = new ExampleValues(bytes, place);
  if (kind === 'bytes') {
    const values: Uint8Array[] = [];
    while (!found.isDone) {
      found.nextBytes();
      values.push(bytes.subarray(found.start, found.end));
    }
    return { kind, values };
  }
  if (kind === 'float') {
    const values = new Float32Array(count);
    for (let at = 0; at < count; at++) values[at] = found.nextFloat();
    return { kind, values };
  }
  const values = new BigInt64Array(count);
  for (let at = 0; at < count; at++) values[at] = BigInt(found.nextInt64());
  return { kind, values };
}
