// Walks over a whole contract: to give each vocabulary its entries, and to freeze what was read.
import { formatPath } from '../config/index.ts';
import type { Contract, TensorRules, Vocabulary } from './contract-types.ts';

type MapVocabulary = (vocabulary: Vocabulary, place: string) => Vocabulary;

function mapEntries<T, R>(map: ReadonlyMap<string, T>, change: (value: T, key: string) => R): ReadonlyMap<string, R> {
  return new Map([...map].map(([key, value]) => [key, change(value, key)]));
}

function inTensor<T extends TensorRules>(rules: T, place: readonly string[], change: MapVocabulary): T {
  const { vocabulary, example } = rules;
  if (vocabulary === undefined && example === undefined) return rules;
  const inFeatures = (name: string, inner: Vocabulary) =>
    change(inner, formatPath([...place, 'example', 'features', name, 'vocabulary']));
  return {
    ...rules,
    ...(vocabulary === undefined ? {} : { vocabulary: change(vocabulary, formatPath([...place, 'vocabulary'])) }),
    ...(example === undefined
      ? {}
      : {
          example: {
            ...example,
            features: mapEntries(example.features, (feature, name) =>
              feature.vocabulary === undefined ? feature : { ...feature, vocabulary: inFeatures(name, feature.vocabulary) },
            ),
          },
        }),
  };
}

/** The same contract with each vocabulary, also those of features, replaced by what `change` gives for it. */
export function mapVocabularies(contract: Contract, change: MapVocabulary): Contract {
  const signatures = mapEntries(contract.signatures, (signature, name) => ({
    ...signature,
    inputs: mapEntries(signature.inputs, (rules, alias) => inTensor(rules, ['signatures', name, 'inputs', alias], change)),
    outputs: mapEntries(signature.outputs, (rules, alias) => inTensor(rules, ['signatures', name, 'outputs', alias], change)),
  }));
  return { ...contract, signatures };
}

/** Freezes objects and lists all the way down, also those in maps; the maps themselves are read-only by their type alone. */
export function freezeDeep<T>(value: T): T {
  if (typeof value !== 'object' || value === null || value instanceof Set) return value;
  if (value instanceof Map) value.forEach(freezeDeep);
  else if (!Object.isFrozen(value) || Array.isArray(value)) {
    Object.freeze(value);
    Object.values(value).forEach(freezeDeep);
  }
  return value;
}
