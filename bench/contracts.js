// A whole contract on a batch of 1,000 rows of 30 features, by Airlock, pydantic and pandera in turn; and a contract on an image of
// 224×224×3 against decoding that image. In a process of its own. Prints one JSON document.
//
// usage: node bench/contracts.js ROUNDS PYTHON WORK_FOLDER
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { compileContract, parseContract } from '../dist/contract/index.js';
import { defaultJsonLimits, PredictDecoder, warmUpDecoder } from '../dist/tensor/index.js';
import { features, imageContract, imageSignature, makeRows, tabularContract, tabularSignature } from './lib/contract-batch.js';
import { summarize, summarizeRatios } from './lib/statistics.js';

const [, , roundsText, python, work] = process.argv;
const rounds = Number(roundsText);
const runs = { airlockJson: 20, airlockTensors: 200, pydanticJson: 20, pydanticPython: 20, pandera: 10 };

/** @typedef {import('../dist/tensor/index.js').Signature} Signature */

/**
 * @param {Signature} signature
 * @param {Buffer} body
 */
function decode(signature, body) {
  const decoder = new PredictDecoder({
    limits: defaultJsonLimits,
    sizeHint: body.length,
    shapes: 'strict',
    // The contract refuses NaN and the infinities itself, as in the server.
    allowNonFinite: true,
    signature: () => signature,
    hasChoice: false,
  });
  for (let at = 0; at < body.length; at += 65_536) decoder.push(body.subarray(at, at + 65_536));
  return decoder.finish().tensors;
}

/**
 * @param {string} text
 * @param {Signature} signature
 */
function checkerOf(text, signature) {
  const compiled = compileContract(parseContract(text), [signature]).signature(signature.name);
  if (compiled === undefined) throw new Error('the contract has no such signature');
  const paths = signature.inputs.map(
    ({ alias }) =>
      (/** @type {number | undefined} */ index) =>
        `${alias}[${index}]`,
  );
  return (/** @type {readonly import('../dist/tensor/index.js').Tensor[]} */ tensors) =>
    compiled.checkInputs(tensors, paths, { draw: 0 }).findings.refused;
}

/**
 * @param {number} count
 * @param {() => void} action
 */
function time(count, action) {
  const times = [];
  for (let run = 0; run < count; run++) {
    const start = performance.now();
    action();
    times.push(performance.now() - start);
  }
  return times;
}

/** @param {string} batchFile */
async function startPython(batchFile) {
  const script = path.join(path.dirname(fileURLToPath(import.meta.url)), 'contract_python.py');
  const child = spawn(python, [script, batchFile], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => {
    const { value, done } = await lines.next();
    if (done) throw new Error('the Python side has ended');
    return JSON.parse(value);
  };
  const versions = await next();
  return {
    versions,
    /**
     * @param {string} name
     * @param {number} count
     */
    run(name, count) {
      child.stdin.write(`${name} ${count}\n`);
      return next();
    },
    end: () => child.stdin.end(),
  };
}

async function measureTabular() {
  const rows = makeRows(1000, 7);
  const bad = makeRows(1000, 7);
  bad[500].f0 = 1e9;
  const check = checkerOf(tabularContract, tabularSignature);
  const body = Buffer.from(JSON.stringify({ instances: rows }));
  const tensors = decode(tabularSignature, body);
  if (check(tensors)) throw new Error('Airlock refuses the good batch');
  if (!check(decode(tabularSignature, Buffer.from(JSON.stringify({ instances: bad })))))
    throw new Error('Airlock takes the bad batch');
  const file = path.join(work, 'contract-batch.json');
  fs.writeFileSync(file, JSON.stringify({ features, rows, bad }));
  const other = await startPython(file);
  const ours = {
    airlockJson: () => check(decode(tabularSignature, body)),
    airlockTensors: () => check(tensors),
  };
  for (const run of Object.values(ours)) time(50, run);
  /** @type {Record<string, { medians: number[], all: number[] }>} */
  const measured = {};
  /** @type {Record<string, number>} */
  const maxMemoryMiB = {};
  for (let round = 0; round < rounds; round++) {
    for (const [name, count] of Object.entries(runs)) {
      const own = ours[/** @type {keyof typeof ours} */ (name)];
      const answer = own === undefined ? await other.run(name, count) : { ms: time(count, own), maxMemoryMiB: 0 };
      measured[name] ??= { medians: [], all: [] };
      measured[name].medians.push(summarize(answer.ms).median);
      measured[name].all.push(...answer.ms);
      if (own === undefined) maxMemoryMiB.python = answer.maxMemoryMiB;
    }
  }
  maxMemoryMiB.airlock = process.resourceUsage().maxRSS / 1024;
  other.end();
  return { versions: { node: process.version, ...other.versions }, measured, maxMemoryMiB };
}

function measureImage() {
  const values = Float32Array.from({ length: 224 * 224 * 3 }, (_, index) => Math.fround(((index * 7919) % 1000) / 1000));
  const pixel = (/** @type {number} */ at) =>
    [values[at], values[at + 1], values[at + 2]].map((value) => Number(value.toFixed(6)));
  const image = Array.from({ length: 224 }, (_, y) => Array.from({ length: 224 }, (_, x) => pixel((y * 224 + x) * 3)));
  const body = Buffer.from(JSON.stringify({ instances: [image] }));
  const check = checkerOf(imageContract, imageSignature);
  const tensors = decode(imageSignature, body);
  if (check(tensors)) throw new Error('Airlock refuses the image');
  time(30, () => decode(imageSignature, body));
  time(200, () => check(tensors));
  const decodeMs = [];
  const checkMs = [];
  for (let round = 0; round < rounds; round++) {
    decodeMs.push(summarize(time(10, () => decode(imageSignature, body))).median);
    checkMs.push(summarize(time(50, () => check(tensors))).median);
  }
  return {
    bodyBytes: body.length,
    decodeMs: summarize(decodeMs),
    checkMs: summarize(checkMs),
    share: summarizeRatios(checkMs, decodeMs),
  };
}

warmUpDecoder();
const image = measureImage();
const tabular = await measureTabular();
const { measured } = tabular;
// Each by how often the time of Airlock's counterpart fits into it: tensors against objects in memory, JSON against JSON.
const ratios = {
  pydanticJson: summarizeRatios(measured.pydanticJson.medians, measured.airlockJson.medians),
  pydanticPython: summarizeRatios(measured.pydanticPython.medians, measured.airlockTensors.medians),
  pandera: summarizeRatios(measured.pandera.medians, measured.airlockTensors.medians),
};
console.log(JSON.stringify({ image, tabular, ratios }));
