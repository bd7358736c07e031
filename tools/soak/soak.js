// A soak with faults: a real server with several models, clients that compare every answer, and everything going wrong by chance. Ends with 1 when an answer was wrong, a
// request vanished, the counts of clients and server differ, memory grew or something was left open. Needs a build (`npm run build`) and TensorFlow.
//
//   node tools/soak/soak.js [--minutes 30 | --seconds 15] [--seed N] [--clients 4] [--json FILE] [--report FILE]
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Random } from '../fuzz/random.js';
import { mustAnswer, runClient, Tally } from './clients.js';
import { runFaults } from './faults.js';
import { failures, judgeCounts, judgeMemory } from './judge.js';
import { reportText, summary } from './report.js';
import { Requests } from './requests.js';
import { pause, SoakedServer, writeConfiguration } from './soaked-server.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    clients: { type: 'string', default: '4' },
    json: { type: 'string' },
    report: { type: 'string' },
  },
});
const seconds = values.seconds === undefined ? 60 * Number(values.minutes) : Number(values.seconds);
const seed = values.seed === undefined ? Date.now() % 2 ** 32 : Number(values.seed);
const clients = Number(values.clients);
if (!(seconds > 0) || !Number.isSafeInteger(seed) || !(clients > 0)) {
  console.error('--minutes, --seconds, --seed and --clients want numbers');
  process.exit(2);
}

const isTerminal = process.stderr.isTTY === true;
const sampleMs = Math.min(1_000, (seconds * 1_000) / 20);
const clientPauseMs = 5;
const settleMs = 3_000;
const maxStretchMs = 60_000;

/** Samples memory until it is over, and tells a terminal how it goes. */
async function watch({ server, tally, faults, samples, isOver, startMs }) {
  for (; !isOver(); await pause(sampleMs)) {
    samples.push({ minutes: (performance.now() - startMs) / 60_000, mebibytes: server.residentMiB });
    if (isTerminal) process.stderr.write(`\r${tally.sent} requests, ${faults.kills} kills, ${server.residentMiB.toFixed(0)} MiB   `);
  }
  if (isTerminal) process.stderr.write('\n');
}

async function soak(server) {
  const random = new Random(seed);
  const requests = new Requests(random);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let prepared = 0;
  await requests.prepare((request) => {
    prepared++;
    return mustAnswer(agent, server.port, request);
  });
  agent.destroy();
  const refusedBefore = await server.counts('airlock_refusals_total', 'code');
  const tally = new Tally();
  const faults = { kills: 0, cut: 0, slow: 0, large: 0, stranger: 0, diskFull: 0 };
  const samples = [];
  const descriptorsBefore = server.descriptors;
  const startMs = performance.now();
  const isOver = () => server.ended !== undefined || performance.now() - startMs > seconds * 1_000;
  const context = { server, port: server.port, requests, random, tally, faults, samples, isOver, startMs, pauseMs: clientPauseMs };
  const stretchMs = Math.min(maxStretchMs, (seconds * 1_000) / 2);
  const running = Array.from({ length: clients }, () => runClient(context));
  await Promise.all([...running, runFaults({ ...context, stretchMs }), watch(context)]);
  // Connections that were broken off are noticed, and the log is written.
  await pause(settleMs);
  const result = { seed, seconds, clients, prepared, tally, faults, samples, ended: server.ended };
  if (server.ended !== undefined) return { ...result, failures: [`the server ${server.ended}`] };
  const counted = await server.counts('airlock_refusals_total', 'code');
  for (const [code, count] of Object.entries(refusedBefore)) counted[code] -= count;
  const memory = judgeMemory(samples);
  const descriptors = { before: descriptorsBefore, after: server.descriptors };
  const differences = judgeCounts(tally, counted);
  const logLines = server.log.filter(({ msg }) => msg === 'request refused').length - Object.values(refusedBefore).reduce((sum, count) => sum + count, 0);
  const found = failures({ tally, ended: server.ended, memory, differences, descriptors, logLines, faults });
  return { ...result, counted, memory, descriptors, logLines, failures: found };
}

const folder = mkdtempSync(path.join(tmpdir(), 'airlock-soak-'));
const { file } = writeConfiguration(folder);
// A server waits until what was written has lain still for two seconds.
await pause(2_100);
const server = new SoakedServer(file, path.join(folder, 'server.log'));
// However this ends, no server stays behind.
process.once('exit', () => server.ended === undefined && process.kill(server.pid, 'SIGKILL'));
for (const name of ['SIGINT', 'SIGTERM']) process.once(name, () => process.exit(130));
try {
  await server.ready();
  const result = await soak(server);
  await server.stop();
  console.log(summary(result));
  for (const failure of result.failures) console.error(failure);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 1)}\n`);
  if (values.report !== undefined) writeFileSync(values.report, reportText(result));
  if (result.failures.length > 0) process.exitCode = 1;
} catch (error) {
  console.error(error instanceof Error ? error.stack : error);
  process.exitCode = 2;
} finally {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}
