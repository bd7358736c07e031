// What batching gains for a model: rows per second of many callers with and without it, and of TensorFlow itself when it is given the same rows in one run. Typed arrays, no
// HTTP and no JSON: a worker in its jail, the queue in front of it, and callers in this process that send the next request when they have their answer.
//
// usage: node bench/batching.js [--dist DIR] [--model DIR] [--callers N] [--seconds N] [--max-rows N] [--delay MS] [--threads N] [--json FILE]
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const root = path.resolve(import.meta.dirname, '..');
const { values: flags } = parseArgs({
  options: {
    dist: { type: 'string', default: path.join(root, 'dist') },
    model: { type: 'string', default: path.join(root, 'bench/.models/mobilenet/1') },
    store: { type: 'string', default: path.join(root, '.airlock') },
    callers: { type: 'string', default: '32' },
    seconds: { type: 'string', default: '10' },
    'max-rows': { type: 'string', default: '32' },
    delay: { type: 'string', default: '2' },
    threads: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const [callers, seconds, maxRows, maxDelayMs] = [flags.callers, flags.seconds, flags['max-rows'], flags.delay].map(Number);
const timeoutMs = 60_000;

const from = (/** @type {string} */ folder) => import(path.join(path.resolve(flags.dist), folder, 'index.js'));
const { createWorkerFactory, RunScheduler } = await from('serving');
const { readSavedModel, selectMetaGraph } = await from('model');
const { defaultVersion } = await from('runtime');

const { signatures: all } = selectMetaGraph(await readSavedModel(flags.model), ['serve']);
const signatures = all.filter(({ unsupported }) => unsupported === undefined);
const signatureIndex = Math.max(
  0,
  signatures.findIndex(({ name }) => name === 'serving_default'),
);
const { inputs: specs } = signatures[signatureIndex];

/** Made up, and another for each caller. @param {number} rows @param {number} seed */
function request(rows, seed) {
  return specs.map(({ dtype, shape }) => {
    if (dtype !== 'DT_FLOAT' || shape === null)
      throw new Error('only models whose inputs are float32 of a known rank can be measured');
    const full = [rows, ...shape.slice(1).map((size) => (size === -1 ? 1 : size))];
    const values = new Float32Array(full.reduce((product, size) => product * size, 1));
    for (let i = 0; i < values.length; i++) values[i] = ((i * 31 + seed * 17) % 255) / 255;
    return { dtype, shape: full, bytes: new Uint8Array(values.buffer) };
  });
}

/** @param {number[]} sorted @param {number} share */
const quantile = (sorted, share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
const rounded = (/** @type {number} */ value) => Number(value.toPrecision(4));

const factory = await createWorkerFactory({ store: flags.store, tensorflow: defaultVersion, sandbox: { require: 'process' } });
const worker = factory.create({
  modelDirectory: flags.model,
  tags: ['serve'],
  signatures,
  shapes: 'strict',
  limits: { timeoutMs, intraOpThreads: Number(flags.threads) },
});
await worker.start();

/** TensorFlow's own: one caller, so many rows in each run. @param {number} rows */
async function alone(rows) {
  const inputs = request(rows, 1);
  for (let i = 0; i < 3; i++) await worker.run(signatureIndex, inputs);
  const endMs = performance.now() + (seconds * 1000) / 5;
  const startMs = performance.now();
  let runs = 0;
  while (performance.now() < endMs || runs < 3) {
    await worker.run(signatureIndex, inputs);
    runs++;
  }
  const ms = performance.now() - startMs;
  return { rows, runMs: rounded(ms / runs), rowsPerSecond: rounded((runs * rows * 1000) / ms) };
}

/** Callers that send one row each, again and again. @param {object | undefined} batching */
async function callersAtOnce(batching) {
  const events = [];
  const scheduler = new RunScheduler({
    signatures,
    limits: { timeoutMs, maxQueue: 1024 },
    batching,
    onEvent: (/** @type {object} */ event) => events.push(event),
    next: { run: (index, inputs, context) => worker.run(index, inputs, { deadlineMs: context.deadlineMs }) },
  });
  let isMeasured = false;
  let isOver = false;
  const times = [];
  const caller = async (/** @type {number} */ number) => {
    const inputs = request(1, number);
    while (!isOver) {
      const startMs = performance.now();
      await scheduler.run(signatureIndex, inputs, { client: `caller ${number}` });
      if (isMeasured) times.push(performance.now() - startMs);
    }
  };
  const running = Array.from({ length: callers }, (_, number) => caller(number));
  const pause = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const learnUntilMs = performance.now() + 10 * seconds * 1000;
  while (batching !== undefined && events.length === 0 && performance.now() < learnUntilMs) await pause(50);
  await pause((seconds * 1000) / 2);
  const before = scheduler.report.batchRows;
  const startMs = performance.now();
  isMeasured = true;
  await pause(seconds * 1000);
  isMeasured = false;
  const ms = performance.now() - startMs;
  const after = scheduler.report.batchRows;
  isOver = true;
  await Promise.all(running);
  times.sort((a, b) => a - b);
  const batches = [before, after].map(({ counts }) =>
    counts.reduce((/** @type {number} */ sum, /** @type {number} */ count) => sum + count, 0),
  );
  return {
    rowsPerSecond: rounded((times.length * 1000) / ms),
    p50Ms: rounded(quantile(times, 0.5)),
    p99Ms: rounded(quantile(times, 0.99)),
    rowsPerBatch: batches[1] > batches[0] ? rounded((after.total - before.total) / (batches[1] - batches[0])) : 1,
    events,
  };
}

try {
  const tensorflow = [];
  for (let rows = 1; rows <= maxRows; rows *= 2) tensorflow.push(await alone(rows));
  const unbatched = await callersAtOnce(undefined);
  const batched = await callersAtOnce({ maxRows, maxDelayMs });
  const best = tensorflow.reduce((a, b) => (b.rowsPerSecond > a.rowsPerSecond ? b : a));
  const result = {
    model: path.relative(root, path.resolve(flags.model)),
    callers,
    threads: Number(flags.threads),
    batching: { maxRows, maxDelayMs },
    tensorflow,
    unbatched,
    batched,
    gain: rounded(batched.rowsPerSecond / unbatched.rowsPerSecond),
    /** What TensorFlow gains from its best batch over single rows: there is no more to be had. */
    tensorflowGain: rounded(best.rowsPerSecond / tensorflow[0].rowsPerSecond),
    /** The delay and one run of as many rows as there are callers. */
    p99BoundMs: rounded(maxDelayMs + (tensorflow.find(({ rows }) => rows >= Math.min(callers, maxRows)) ?? best).runMs),
  };
  process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
  if (flags.json !== undefined) writeFileSync(flags.json, `${JSON.stringify(result, undefined, 2)}\n`);
} finally {
  await worker.close();
  await factory.close();
}
