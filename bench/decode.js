// Decoding alone, in a process of its own: bytes of a predict request to a typed array, by Airlock's decoder and by what one writes
// in an afternoon (JSON.parse, flatten, typed array). Prints one JSON document.
//
// usage: node bench/decode.js MODELS_FOLDER BLOCKS
// Airlock's decoder gets 64 KiB at a time, as from a socket; JSON.parse gets the whole body at once, already concatenated.
import fs from 'node:fs';
import path from 'node:path';
import { defaultJsonLimits, PredictDecoder, warmUpDecoder } from '../dist/tensor/index.js';
import { flatten } from './lib/flatten.js';
import { summarize, summarizeRatios } from './lib/statistics.js';

const [, , modelsFolder, blocksText] = process.argv;
const chunkBytes = 64 * 1024;
const runsPerBlock = 4;
const shape = [-1, 224, 224, 3];

/**
 * @param {Buffer} body
 * @param {'DT_FLOAT' | 'DT_DOUBLE'} dtype
 */
function airlockDecode(body, dtype) {
  const spec = { alias: 'image', tensorName: 'image:0', dtype, shape };
  const signature = { name: 'serving_default', methodName: 'tensorflow/serving/predict', inputs: [spec], outputs: [] };
  const decoder = new PredictDecoder({
    limits: defaultJsonLimits,
    sizeHint: body.length,
    shapes: 'strict',
    allowNonFinite: false,
    signature: () => signature,
    hasChoice: false,
  });
  for (let at = 0; at < body.length; at += chunkBytes) decoder.push(body.subarray(at, at + chunkBytes));
  const { bytes } = decoder.finish().tensors[0];
  return dtype === 'DT_FLOAT'
    ? new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
    : new Float64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
}

/**
 * @param {Buffer} body
 * @param {'DT_FLOAT' | 'DT_DOUBLE'} dtype
 */
function plainDecode(body, dtype) {
  const { instances } = JSON.parse(body.toString());
  const count = instances.length * shape[1] * shape[2] * shape[3];
  const values = dtype === 'DT_FLOAT' ? new Float32Array(count) : new Float64Array(count);
  flatten(instances, values, 0);
  return values;
}

/**
 * The two must agree to the last bit before either is timed. On a tie that the double sits on exactly, going through a double rounds
 * twice; the decoder rounds once, so float32 may differ by the last bit there, and nowhere else.
 * @param {Buffer} body
 * @param {'DT_FLOAT' | 'DT_DOUBLE'} dtype
 */
function checkAgreement(body, dtype) {
  const ours = airlockDecode(body, dtype);
  const theirs = plainDecode(body, dtype);
  if (ours.length !== theirs.length) throw new Error(`${ours.length} values instead of ${theirs.length}`);
  theirs.forEach((/** @type {number} */ value, /** @type {number} */ i) => {
    const tolerance = dtype === 'DT_FLOAT' ? Math.abs(value) * 2 ** -23 : 0;
    if (!(Math.abs(ours[i] - value) <= tolerance)) throw new Error(`value ${i} is ${ours[i]} instead of ${value}`);
  });
}

/** @param {() => unknown} work */
function blockMs(work) {
  const started = performance.now();
  for (let i = 0; i < runsPerBlock; i++) work();
  return (performance.now() - started) / runsPerBlock;
}

// As the server does at its start.
warmUpDecoder();
const results = [];
for (const payload of ['image8', 'image17']) {
  const body = fs.readFileSync(path.join(modelsFolder, 'mobilenet', `${payload}.json`));
  for (const dtype of /** @type {const} */ (['DT_FLOAT', 'DT_DOUBLE'])) {
    checkAgreement(body, dtype);
    const ours = [];
    const theirs = [];
    // Blocks alternate, so that a block pays for its own garbage and both see the same neighbours. The first pair warms up.
    for (let block = 0; block <= Number(blocksText); block++) {
      ours.push(blockMs(() => airlockDecode(body, dtype)));
      theirs.push(blockMs(() => plainDecode(body, dtype)));
    }
    ours.shift();
    theirs.shift();
    results.push({
      payload,
      dtype,
      bytes: body.length,
      airlockMs: summarize(ours),
      plainMs: summarize(theirs),
      timesFaster: summarizeRatios(theirs, ours),
    });
  }
}
process.stdout.write(`${JSON.stringify(results)}\n`);
