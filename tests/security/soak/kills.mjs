// Ends workers by SIGKILL at random moments while clients ask, and looks for what must not be: a lost or mixed-up answer, an orphan, a
// leaked descriptor, folder or control group. Exits with 1 when there is one.
//
//   npm run build && node tests/security/soak/kills.mjs [--kills 1000] [--level full] [--write]
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { errorSpec } from '../../../dist/core/index.js';
import { ModelWorker, Watchdog } from '../../../dist/serving/index.js';
import { content, isAnswerTo, request, signatures } from './echo-model.mjs';
import { machineLine, openJailAt, pause, quantile, serverLevels, slot } from './shared.mjs';
import { Family, foldersLeft, isAlive, openDescriptors } from './traces.mjs';

const clients = 4;
const maxLength = 50_000;
/** Each death gives two filters back to the kernel, which does so at its leisure. */
const minPauseMs = 50;
const maxPauseMs = 400;
/** Of the kills; the others come whenever they come, mostly while a worker loads. */
const shareWhileReady = 0.8;

/** One client: the next request when the last is answered or refused. Counts what comes. */
async function ask(worker, counts, isOver) {
  while (!isOver()) {
    const number = counts.sent++;
    const length = 1 + Math.floor(Math.random() * maxLength);
    try {
      const [answer] = await worker.run(0, [request(number, length)]);
      counts.answered++;
      if (!isAnswerTo(answer, number, length)) counts.mixedUp++;
    } catch (error) {
      counts.refused++;
      if (!errorSpec(error.code).retry) counts.wrongErrors.push(`${error.code} ${error.detail ?? ''}`);
      await pause(2);
    }
  }
}

/** Ends one process and waits until it is gone: how long until the server knows, and until it is gone. */
async function killOne(worker, onBroken) {
  const { processId, state } = worker;
  const startMs = performance.now();
  const known = new Promise((resolve) => onBroken(() => resolve(performance.now() - startMs)));
  process.kill(processId, 'SIGKILL');
  while (isAlive(processId)) await new Promise((resolve) => setImmediate(resolve));
  const goneMs = performance.now() - startMs;
  // One that loads is waited for by the load, not by a state.
  return { goneMs, knownMs: state === 'ready' ? await known : undefined };
}

async function untilReady(worker) {
  const endMs = performance.now() + 60_000;
  while (worker.state !== 'ready') {
    if (performance.now() > endMs) throw new Error(`no worker comes back: ${worker.report.lastCause}`);
    await pause(5);
  }
}

/** Kills at random moments, while the worker answers and while it loads. */
async function killMany(worker, kills, family, onBroken) {
  const results = [];
  while (results.length < kills) {
    if (Math.random() < shareWhileReady) await untilReady(worker);
    await pause(minPauseMs + Math.random() * (maxPauseMs - minPauseMs));
    if (worker.processId === undefined || !isAlive(worker.processId)) continue;
    family.look();
    results.push(await killOne(worker, onBroken));
    if (results.length % 100 === 0) console.error(`${results.length} kills`);
  }
  return results;
}

async function soak(level, kills) {
  const jail = await openJailAt(level);
  const family = new Family();
  const counts = { sent: 0, answered: 0, refused: 0, mixedUp: 0, wrongErrors: [] };
  let onBroken = () => undefined;
  const worker = new ModelWorker({
    jail,
    watchdog: new Watchdog(),
    slot,
    content,
    signatures,
    spare: true,
    backoffMs: 1,
    maxBackoffMs: 1,
    limits: { timeoutMs: 10_000 },
    onStateChange: (state) => {
      if (state === 'restarting') onBroken();
    },
  });
  await worker.start();
  let isOver = false;
  const asking = Array.from({ length: clients }, () => ask(worker, counts, () => isOver));
  const results = await killMany(worker, kills, family, (listener) => {
    onBroken = listener;
  });
  isOver = true;
  await Promise.all(asking);
  await worker.close();
  await jail.close();
  // A control group is removed when the kernel has let go of its processes.
  await pause(500);
  return { level, results, counts, processes: family.size, orphans: family.living.length, folders: foldersLeft().length };
}

function failuresOf({ counts, orphans, folders, leaked }) {
  const lost = counts.sent - counts.answered - counts.refused;
  const found = { 'mixed-up answers': counts.mixedUp, 'lost answers': lost, orphans, folders, descriptors: leaked };
  const failures = Object.entries(found).filter(([, count]) => count !== 0);
  return [...failures.map(([what, count]) => `${count} ${what}`), ...counts.wrongErrors];
}

function row({ level, results, counts, processes }) {
  const known = results.map(({ knownMs }) => knownMs).filter((value) => value !== undefined);
  const gone = results.map(({ goneMs }) => goneMs);
  const times = (values) => [0.5, 0.99, 1].map((share) => quantile(values, share).toFixed(1)).join(' / ');
  return `| ${level} | ${results.length} | ${known.length} | ${processes} | ${counts.answered} | ${counts.refused} | ${times(known)} | ${times(gone)} |`;
}

const { values } = parseArgs({ options: { kills: { type: 'string' }, level: { type: 'string' }, write: { type: 'boolean' } } });
const kills = Number(values.kills ?? 1000);
const levels = values.level === undefined ? await serverLevels() : [values.level];
// What Node opens for the first process and keeps is no leak.
await soak(levels[0], 1);
const rows = [];
for (const level of levels) {
  const before = openDescriptors();
  const result = await soak(level, kills);
  const failures = failuresOf({ ...result, leaked: openDescriptors() - before });
  rows.push(row(result));
  console.log(rows.at(-1));
  for (const failure of failures) console.error(`${level}: ${failure}`);
  if (failures.length > 0) process.exitCode = 1;
}

if (values.write && process.exitCode === undefined) {
  const lines = [
    '# Workers killed at random moments under load',
    '',
    `Written by \`node tests/security/soak/kills.mjs --kills ${kills} --write\`.`,
    machineLine(),
    '',
    `${clients} clients ask without a pause; each request holds its own number up to ${maxLength} times and takes no other answer. A spare worker`,
    'waits. Nothing was lost or mixed up, every refusal was one that may be retried, and no process, descriptor, folder or control group was left.',
    '',
    '| level | kills | while it answered | processes in all | answers | refusals | ms until the server knew, p50 / p99 / max | ms until gone, p50 / p99 / max |',
    '|---|--:|--:|--:|--:|--:|--:|--:|',
    ...rows,
    '',
  ];
  writeFileSync(path.join(import.meta.dirname, 'kills.md'), lines.join('\n'));
}
