// How long a worker takes from its start until TensorFlow is there (prepared), until it can answer (ready) and until it has, at each level and beside a
// plain child that loads TensorFlow and the same model; how long a restart takes with and without a spare; what a worker weighs.
//
//   npm run build && node tests/security/soak/startup.mjs [--runs 10] [--write]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { readModelContent, readSavedModel, selectMetaGraph } from '../../../dist/model/index.js';
import { defaultModelWorkerLimits, ModelWorker, Watchdog } from '../../../dist/serving/index.js';
import { JailedWorker } from '../../../dist/serving/jailed-worker.js';
import { PendingRun } from '../../../dist/serving/pending-run.js';
import { machineLine, openJailAt, pause, quantile, root, serverLevels, slot } from './shared.mjs';

const directory = path.join(root, 'examples/digits/1');
const { signatures: all } = selectMetaGraph(await readSavedModel(directory), ['serve']);
const signatures = all.filter(({ unsupported }) => unsupported === undefined);
const content = () => readModelContent(directory);
const watchdog = new Watchdog();
/** One image of nothing. */
const zeros = signatures[0].inputs.map(({ dtype }) => ({ dtype, shape: [1, 8, 8, 1], bytes: new Uint8Array(8 * 8 * 4) }));

/** MiB of a process: resident, and of that its own. */
function memoryOf(processId) {
  const status = readFileSync(`/proc/${processId}/status`, 'utf8');
  const field = (name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)[1]) / 1024;
  return { residentMiB: field('VmRSS'), ownMiB: field('RssAnon') };
}

async function startBare() {
  const script = path.join(import.meta.dirname, 'bare-start.mjs');
  const startMs = performance.now();
  const args = ['--max-old-space-size=128', script, slot.ccPath, slot.frameworkPath, directory, JSON.stringify(signatures)];
  const env = { TF_CPP_MIN_LOG_LEVEL: '2', OPENSSL_CONF: '/dev/null' };
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'ignore'] });
  const took = {};
  let printed = '';
  for await (const chunk of child.stdout) {
    printed += chunk;
    if (printed.includes('libraries')) took.preparedMs ??= performance.now() - startMs;
    if (printed.includes('model')) took.readyMs ??= performance.now() - startMs;
    if (!printed.includes('answer')) continue;
    took.answeredMs = performance.now() - startMs;
    break;
  }
  const memory = memoryOf(child.pid);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return { ...took, ...memory };
}

async function startJailed(jail) {
  const startMs = performance.now();
  const worker = new JailedWorker({
    jail,
    watchdog,
    slot,
    signatures,
    tags: ['serve'],
    limits: defaultModelWorkerLimits,
    executableMemory: 'allowed',
    onLog: () => undefined,
    onAnswer: () => undefined,
    onBroken: () => undefined,
  });
  await worker.prepare();
  const preparedMs = performance.now() - startMs;
  await worker.load(content);
  const readyMs = performance.now() - startMs;
  await new Promise((resolve, reject) => {
    const request = { signatureIndex: 0, inputs: zeros, deadlineAtMs: performance.now() + 10_000 };
    worker.process.send(new PendingRun(request, resolve, reject), 10_000);
  });
  const answeredMs = performance.now() - startMs;
  const memory = memoryOf(worker.processId);
  await worker.process.close();
  return { preparedMs, readyMs, answeredMs, ...memory };
}

/** From the end of a process until the next one can answer. */
async function timeRestarts(jail, spare, runs) {
  const worker = new ModelWorker({ jail, watchdog, slot, content, signatures, spare, backoffMs: 1, maxBackoffMs: 1 });
  await worker.start();
  const times = [];
  while (times.length < runs) {
    while (spare && worker.report.spare !== 'ready') await pause(5);
    await pause(200);
    const { processId } = worker;
    const startMs = performance.now();
    process.kill(processId, 'SIGKILL');
    while (worker.state !== 'ready' || worker.processId === processId) await pause(1);
    times.push(performance.now() - startMs);
  }
  await worker.close();
  return times;
}

const { values } = parseArgs({ options: { runs: { type: 'string' }, write: { type: 'boolean' } } });
const runs = Number(values.runs ?? 10);
const levels = ['none', ...(await serverLevels())];
const jails = await Promise.all(levels.map(openJailAt));
const starters = [
  { name: 'TensorFlow alone', start: startBare },
  ...jails.map((jail) => ({ name: `worker, ${jail.level}`, start: () => startJailed(jail) })),
];

// Interleaved, so that a busy moment of the machine does not count against one of them; the first round warms the page cache.
const starts = new Map(starters.map(({ name }) => [name, []]));
for (let round = -1; round < runs; round++) {
  for (const { name, start } of starters) {
    const result = await start();
    if (round >= 0) starts.get(name).push(result);
  }
}
const medianOf = (name, key) =>
  quantile(
    starts.get(name).map((result) => result[key]),
    0.5,
  );
const ratio = (name, key) => (medianOf(name, key) / medianOf('TensorFlow alone', key)).toFixed(2);
const rows = starters.map(({ name }) => {
  const median = (key) => medianOf(name, key).toFixed(0);
  return `| ${name} | ${median('preparedMs')} | ${ratio(name, 'preparedMs')} | ${median('readyMs')} | ${ratio(name, 'readyMs')} | ${median('answeredMs')} | ${ratio(name, 'answeredMs')} | ${median('residentMiB')} | ${median('ownMiB')} |`;
});
const restartRows = [];
for (const jail of jails.slice(1)) {
  const without = await timeRestarts(jail, false, runs);
  const withSpare = await timeRestarts(jail, true, runs);
  restartRows.push(`| ${jail.level} | ${quantile(without, 0.5).toFixed(0)} | ${quantile(withSpare, 0.5).toFixed(0)} |`);
}
for (const jail of jails) await jail.close();

const lines = [
  '# Start of a worker',
  '',
  `Written by \`node tests/security/soak/startup.mjs --runs ${runs} --write\`: medians of ${runs} interleaved starts with examples/digits.`,
  machineLine(),
  '',
  '| what | ms until prepared | of TensorFlow alone | ms until ready | of TensorFlow alone | ms until the first answer | of TensorFlow alone | resident MiB | own MiB |',
  '|---|--:|--:|--:|--:|--:|--:|--:|--:|',
  ...rows,
  '',
  'Prepared: the libraries are loaded, and a worker has rehearsed, is sealed and attested. Ready: it has the model, and is attested again.',
  'What TensorFlow does once in a process it does in the rehearsal, and alone in its first run: hence the first answer.',
  '',
  '| restart at level | ms without a spare | ms with a spare |',
  '|---|--:|--:|',
  ...restartRows,
  '',
];
console.log(lines.join('\n'));
if (values.write) writeFileSync(path.join(import.meta.dirname, 'startup.md'), lines.join('\n'));
