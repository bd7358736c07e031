// The batch and the contracts of bench/contracts.js: 20 floats, 6 whole numbers, 3 choices and a text per row, the same rules for everybody.

/** @typedef {{ name: string, kind: 'float' | 'int' | 'choice' | 'text', min?: number, max?: number, allowed?: string[], maxLength?: number, pattern?: string }} Feature */

const choices = ['red', 'green', 'blue', 'yellow', 'black', 'white'];

/** @type {Feature[]} */
export const features = [
  ...Array.from(
    { length: 20 },
    (_, i) => /** @type {Feature} */ ({ name: `f${i}`, kind: 'float', min: -100 * (i + 1), max: 100 * (i + 1) }),
  ),
  ...Array.from({ length: 6 }, (_, i) => /** @type {Feature} */ ({ name: `i${i}`, kind: 'int', min: 0, max: 10 ** (i + 1) })),
  ...Array.from(
    { length: 3 },
    (_, i) => /** @type {Feature} */ ({ name: `c${i}`, kind: 'choice', allowed: choices.slice(0, 4 + i) }),
  ),
  { name: 's0', kind: 'text', maxLength: 32, pattern: '[A-Z]{2}-[0-9]{4,8}' },
];

/** A small generator (mulberry32), so that each run has the same rows. */
function randomFrom(/** @type {number} */ seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * @param {number} count
 * @param {number} seed
 */
export function makeRows(count, seed) {
  const random = randomFrom(seed);
  const between = (/** @type {number} */ min, /** @type {number} */ max) => min + random() * (max - min);
  return Array.from({ length: count }, () => {
    /** @type {Record<string, number | string>} */
    const row = {};
    for (const { name, kind, min = 0, max = 0, allowed = [] } of features) {
      if (kind === 'float') row[name] = Number(between(min, max).toFixed(4));
      else if (kind === 'int') row[name] = Math.floor(between(min, max));
      else if (kind === 'choice') row[name] = allowed[Math.floor(between(0, allowed.length))];
      else row[name] = `AB-${Math.floor(between(1000, 99_999_999))}`;
    }
    return row;
  });
}

/** @type {Record<Feature['kind'], 'DT_FLOAT' | 'DT_INT64' | 'DT_STRING'>} */
const dtypes = { float: 'DT_FLOAT', int: 'DT_INT64', choice: 'DT_STRING', text: 'DT_STRING' };
const shortNames = { float: 'float32', int: 'int64', choice: 'string', text: 'string' };

/** @type {import('../../dist/tensor/index.js').Signature} */
export const tabularSignature = {
  name: 'serving_default',
  methodName: 'tensorflow/serving/predict',
  inputs: features
    .map(({ name, kind }) => ({ alias: name, tensorName: `${name}:0`, dtype: dtypes[kind], shape: [-1] }))
    .sort((a, b) => (a.alias < b.alias ? -1 : 1)),
  outputs: [],
};

/** @param {Feature} feature */
function rulesOf({ kind, min, max, allowed, maxLength, pattern }) {
  const base = `dtype: ${shortNames[kind]}, shape: [batch]`;
  if (kind === 'choice') return `{${base}, allowed: [${allowed?.join(', ')}]}`;
  if (kind === 'text') return `{${base}, string: {maxCodePoints: ${maxLength}, pattern: '${pattern}'}}`;
  return `{${base}, min: ${min}, max: ${max}}`;
}

const head = (/** @type {string} */ id, /** @type {number} */ maxBatch) => `apiVersion: airlock/contract/v1
metadata: {id: ${id}, revision: 1}
dims: {batch: {min: 1, max: ${maxBatch}}}
signatures:
  serving_default:
    inputs:
`;

export const tabularContract = `${head('tabular-30', 1000)}${features.map((feature) => `      ${feature.name}: ${rulesOf(feature)}`).join('\n')}\n`;

/** @type {import('../../dist/tensor/index.js').Signature} */
export const imageSignature = {
  name: 'serving_default',
  methodName: 'tensorflow/serving/predict',
  inputs: [{ alias: 'image', tensorName: 'image:0', dtype: 'DT_FLOAT', shape: [-1, 224, 224, 3] }],
  outputs: [],
};

/** Everything that an image of floats can be asked for cheaply and at some cost: range, finite, signed zero, mean, spread. */
export const imageContract = `${head('image-224', 8)}      image:
        dtype: float32
        shape: [batch, 224, 224, 3]
        number: {nan: reject, infinity: reject, negativeZero: normalize}
        min: 0
        max: 1
        mean: {min: 0.01, max: 0.99}
        standardDeviation: {min: 0.001, max: 0.6}
        zeroFraction: {max: 0.9}
`;
