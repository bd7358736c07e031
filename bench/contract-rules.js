// What a contract costs: nanoseconds per element for each rule, and the whole contract of a 224×224×3 float image and of a table of 30
// features beside decoding the same request from JSON.
//
// usage: node bench/contract-rules.js [--json FILE]      (after npm run build; a few seconds)
import fs from 'node:fs';
import { compileContract, completeTensor } from '../dist/contract/index.js';
import { defaultJsonLimits, PredictDecoder, warmUpDecoder } from '../dist/tensor/index.js';
import { summarize } from './lib/statistics.js';

const { argv } = process;
const jsonFile = argv.includes('--json') ? argv[argv.indexOf('--json') + 1] : undefined;
const pixels = 224 * 224 * 3;

/** @typedef {{ dtype: import('../src/tensor/index.ts').DType, shape: number[], bytes: Uint8Array }} NumericTensor */

/**
 * @param {Record<string, Record<string, unknown>>} inputs
 * @param {number[]} shape
 */
function compiled(inputs, shape) {
  const noMaps = { onViolation: new Map(), modes: new Map(), derivedFrom: new Map() };
  const contract = {
    apiVersion: 'airlock/contract/v1',
    metadata: { id: 'bench', revision: 1, sources: [] },
    mode: 'enforce',
    sampleFraction: 0.1,
    maxViolations: 32,
    request: {},
    dims: new Map([['batch', { min: 1, max: 4096 }]]),
    signatures: new Map([
      [
        's',
        {
          inputs: new Map(Object.entries(inputs).map(([alias, rules]) => [alias, completeTensor({ ...noMaps, ...rules })])),
          outputs: new Map(),
          relations: [],
        },
      ],
    ]),
    cost: { base: 1, perElement: 1, perByte: 0, perPixel: 0 },
  };
  const specs = Object.entries(inputs).map(([alias, { dtype }]) => ({ alias, tensorName: `${alias}:0`, dtype, shape }));
  const signature = { name: 's', methodName: 'tensorflow/serving/predict', inputs: specs, outputs: [] };
  const found = compileContract(contract, [signature]).signature('s');
  if (found === undefined) throw new Error('the contract has lost its signature');
  return { check: found, signature };
}

const path = () => 'x';

/**
 * Milliseconds of CPU per run, in blocks: what other processes take from this machine meanwhile does not count.
 * @param {() => unknown} work
 */
function timed(work, runs = 40, blocks = 9) {
  for (let i = 0; i < runs; i++) work();
  const means = [];
  for (let block = 0; block < blocks; block++) {
    const started = process.cpuUsage();
    for (let i = 0; i < runs; i++) work();
    const { user, system } = process.cpuUsage(started);
    means.push((user + system) / 1000 / runs);
  }
  return summarize(means);
}

/**
 * @param {import('../src/contract/index.ts').CompiledSignature} check
 * @param {readonly NumericTensor[]} tensors
 */
function passes(check, tensors) {
  const verdict = check.checkInputs(
    tensors,
    tensors.map(() => path),
    { draw: 0 },
  );
  if (verdict.findings.refused) throw new Error(`refused: ${JSON.stringify(verdict.findings.kept[0].violation)}`);
  return verdict;
}

/** Small numbers that differ, rise, and are no zeros, of every type. */
const arrays = {
  DT_FLOAT: () => Float32Array.from({ length: pixels }, (_, i) => (i + 1) / pixels),
  DT_DOUBLE: () => Float64Array.from({ length: pixels }, (_, i) => (i + 1) / pixels),
  DT_HALF: () => Uint16Array.from({ length: pixels }, (_, i) => 0x3000 + (i % 1024)),
  DT_BFLOAT16: () => Uint16Array.from({ length: pixels }, (_, i) => 0x3f00 + (i % 64)),
  DT_UINT8: () => Uint8Array.from({ length: pixels }, (_, i) => i % 256),
  DT_INT32: () => Int32Array.from({ length: pixels }, (_, i) => i % 30_000),
  DT_INT64: () => BigInt64Array.from({ length: pixels }, (_, i) => BigInt(i % 30_000)),
};

/** @param {keyof typeof arrays} dtype */
function tensorOf(dtype, shape = [1, 224, 224, 3]) {
  const { buffer } = arrays[dtype]();
  return { dtype, shape, bytes: new Uint8Array(buffer) };
}

const range = { min: 0, max: 40_000 };
const noNan = { number: { nan: 'allow', infinity: 'allow' } };
const rows = [224, 672];
/** @type {[string, keyof typeof arrays, Record<string, unknown>, number[]?][]} */
const single = [
  ['number.nan and number.infinity (on by default)', 'DT_FLOAT', {}],
  ['min, max, nan, infinity', 'DT_FLOAT', range],
  ['min, max, nan, infinity', 'DT_DOUBLE', range],
  ['min, max, nan, infinity', 'DT_HALF', range],
  ['min, max, nan, infinity', 'DT_BFLOAT16', range],
  ['min, max', 'DT_UINT8', range],
  ['min, max', 'DT_INT32', range],
  ['min, max', 'DT_INT64', range],
  [
    'all of number, min, max, softMin, softMax',
    'DT_FLOAT',
    { ...range, softMin: 0, softMax: 1, number: { subnormal: 'reject', negativeZero: 'reject' } },
  ],
  ['sum', 'DT_FLOAT', { ...noNan, sum: { min: 0 } }],
  ['mean and standardDeviation', 'DT_FLOAT', { ...noNan, mean: { min: 0 }, standardDeviation: { min: 0 } }],
  ['zeroFraction', 'DT_FLOAT', { ...noNan, zeroFraction: { max: 1 } }],
  ['rowSum, rows of 3', 'DT_FLOAT', { ...noNan, rowSum: { min: 0 } }],
  ['rowSum, rows of 672', 'DT_FLOAT', { ...noNan, rowSum: { min: 0 } }, rows],
  ['norm.l2, rows of 3', 'DT_FLOAT', { ...noNan, norm: { l2: { max: 2 } } }],
  ['norm.l2, rows of 672', 'DT_FLOAT', { ...noNan, norm: { l2: { max: 40 } } }, rows],
  ['norm.l1, rows of 672', 'DT_FLOAT', { ...noNan, norm: { l1: { max: 672 } } }, rows],
  ['norm.linf, rows of 672', 'DT_FLOAT', { ...noNan, norm: { linf: { max: 1 } } }, rows],
  ['allowed, 256 integers', 'DT_UINT8', { allowed: Array.from({ length: 256 }, (_, i) => i) }],
  ['monotone, rows of 672', 'DT_FLOAT', { ...noNan, monotone: 'increasing' }, rows],
  ['unique elements', 'DT_FLOAT', { ...noNan, unique: 'elements' }],
  ['unique rows of 672', 'DT_FLOAT', { ...noNan, unique: 'rows' }, rows],
  [
    'tokens, rows of 672',
    'DT_INT32',
    { tokens: { padId: 0, padSide: 'right', specialIds: [1, 2], maxSpecialTokens: 672, maxRepeatRun: 8 } },
    rows,
  ],
];

const perRule = single.map(([name, dtype, rules, shape]) => {
  const { check } = compiled({ x: { dtype, ...rules } }, shape ?? [-1, 224, 224, 3]);
  const tensor = tensorOf(dtype, shape);
  if (name.startsWith('tokens')) tensor.bytes = new Uint8Array(arrays.DT_INT32().map((value) => value + 1).buffer);
  passes(check, [tensor]);
  const ms = timed(() => passes(check, [tensor]), 40, 7);
  return { rule: name, dtype, nsPerElement: (ms.median * 1e6) / pixels, ms };
});

/**
 * @param {Buffer} body
 * @param {any} signature
 */
function decode(body, signature) {
  const decoder = new PredictDecoder({
    limits: defaultJsonLimits,
    sizeHint: body.length,
    shapes: 'strict',
    allowNonFinite: false,
    signature: () => signature,
    hasChoice: false,
  });
  for (let at = 0; at < body.length; at += 65_536) decoder.push(body.subarray(at, at + 65_536));
  return decoder.finish().tensors;
}

/**
 * @param {string} name
 * @param {Record<string, Record<string, unknown>>} inputs
 * @param {number[]} shape
 * @param {Buffer} body
 */
function beside(name, inputs, shape, body) {
  const { check, signature } = compiled(inputs, shape);
  const tensors = decode(body, signature);
  passes(check, tensors);
  const decodeMs = timed(() => decode(body, signature), 4, 9);
  const contractMs = timed(() => passes(check, tensors), 40, 9);
  return { name, bytes: body.length, decodeMs, contractMs, percentOfDecoding: (100 * contractMs.median) / decodeMs.median };
}

warmUpDecoder();
const fixed = (/** @type {number} */ size) => ({ kind: 'fixed', size });
const batch = { kind: 'symbol', name: 'batch', multiplier: 1, offset: 0 };
const image = Array.from({ length: 224 }, (_, y) =>
  Array.from({ length: 224 }, (_, x) => Array.from({ length: 3 }, (_, c) => ((y * 7 + x * 3 + c * 11) % 256) / 255)),
);
const imageRules = {
  dtype: 'DT_FLOAT',
  shape: [batch, fixed(224), fixed(224), fixed(3)],
  maxElements: 8 * pixels,
  maxBytes: 32 * pixels,
  min: 0,
  max: 1,
  softMin: 0,
  softMax: 1,
  norm: { l2: { max: 1.8 } },
};
const features = Array.from({ length: 30 }, (_, i) => `feature${String(i).padStart(2, '0')}`);
const featureRules = { dtype: 'DT_FLOAT', shape: [batch], maxElements: 4096, min: -1000, max: 1000, softMin: -500, softMax: 500 };
const table = Array.from({ length: 1000 }, (_, row) =>
  Object.fromEntries(features.map((name, i) => [name, ((row * 31 + i) % 997) / 8])),
);
const whole = [
  beside(
    'image 224×224×3 float32',
    { image: imageRules },
    [-1, 224, 224, 3],
    Buffer.from(JSON.stringify({ instances: [image] })),
  ),
  beside(
    'table of 30 features, 1,000 rows',
    Object.fromEntries(features.map((name) => [name, featureRules])),
    [-1],
    Buffer.from(JSON.stringify({ instances: table })),
  ),
];

for (const { rule, dtype, nsPerElement } of perRule)
  console.log(`${nsPerElement.toFixed(2).padStart(8)} ns/element  ${dtype.padEnd(12)} ${rule}`);
for (const { name, bytes, decodeMs, contractMs, percentOfDecoding } of whole) {
  console.log(
    `${name} (${(bytes / 1e6).toFixed(2)} MB of JSON): decoding ${decodeMs.median.toFixed(2)} ms, whole contract ` +
      `${contractMs.median.toFixed(3)} ms, ${percentOfDecoding.toFixed(1)} % of it`,
  );
}
if (jsonFile !== undefined) fs.writeFileSync(jsonFile, `${JSON.stringify({ perRule, whole }, undefined, 2)}\n`);
