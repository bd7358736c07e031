// What the serialized tf.Example messages of one input are: which features they have, how often, how many values, and the values.
import type { FeatureKind } from '../../contract/index.ts';
import { datasetError, defaultDatasetLimits, type FeatureValues, readExample } from '../datasets/index.ts';
import { NumberMeasure } from './number-measure.ts';
import { Lengths, TextMeasure } from './text-measure.ts';

export class ExampleMeasure {
  count = 0;
  readonly features = new Map<string, FeatureMeasure>();
  /** Names of features that came without any list of values, at most as many as there may be columns. */
  readonly empty = new Set<string>();
  /** Features of the message that has most of them. */
  mostFeatures = 0;

  /** One message. @throws DATASET_INVALID when it is no tf.Example, or a feature changes its kind. */
  add(bytes: Uint8Array, record: number): void {
    this.count++;
    const { maxColumns, maxValues } = defaultDatasetLimits;
    const found = readExample(bytes, record, maxColumns, maxValues);
    this.mostFeatures = Math.max(this.mostFeatures, found.size);
    for (const [name, values] of found) {
      if (values.kind === 'none') {
        if (this.empty.size < maxColumns) this.empty.add(name);
        continue;
      }
      let feature = this.features.get(name);
      if (feature === undefined) {
        if (this.features.size === maxColumns) throw datasetError({ record }, `at most ${maxColumns} features`, 'more');
        feature = new FeatureMeasure(values.kind);
        this.features.set(name, feature);
      }
      if (feature.kind !== values.kind)
        throw datasetError({ record, column: name }, `${feature.kind} values, as before`, `${values.kind} values`);
      feature.add(values);
    }
  }
}

export class FeatureMeasure {
  readonly kind: FeatureKind;
  /** Values of each message that has the feature. */
  readonly counts = new Lengths();
  readonly numbers: NumberMeasure;
  readonly text = new TextMeasure();

  constructor(kind: FeatureKind) {
    this.kind = kind;
    this.numbers = new NumberMeasure(kind === 'float' ? 'DT_FLOAT' : 'DT_INT64');
  }

  /** Messages that have it. */
  get present(): number {
    return this.counts.count;
  }

  add(feature: Exclude<FeatureValues, { kind: 'none' }>): void {
    this.counts.add(feature.values.length);
    if (feature.kind === 'bytes') for (const value of feature.values) this.text.add(value, 0, value.length);
    else {
      const { buffer, byteOffset, byteLength } = feature.values;
      this.numbers.add({ dtype: this.numbers.dtype, shape: [], bytes: new Uint8Array(buffer, byteOffset, byteLength) });
    }
  }
}
