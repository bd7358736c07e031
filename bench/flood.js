// A flood: 20 attackers send the costliest requests that are admissible and all kinds that are not, while an honest client asks 50 times a second. The same for Airlock and the
// Python stack, side by side. Ends with 1 when Airlock fails the honest client: one request lost, or a p99 of 3 times the quiet one or more.
//
//   node bench/flood.js [--seconds 20] [--rounds 3] [--only airlock|fastapi] [--built] [--max-ratio 3] [--greedy] [--write]
import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { flopsPerRow, requestBody, width, writeLayersModel } from './flood/layers-model.js';
import { floodReport } from './flood/report.js';
import { prepare } from './lib/prepare.js';
import { freePort, memoryOf, startServer } from './lib/processes.js';
import { quantile } from './lib/statistics.js';

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string' },
    /** Takes the build and the runtime that are there. */
    built: { type: 'boolean', default: false },
    'max-ratio': { type: 'string', default: '3' },
    write: { type: 'boolean', default: false },
    /** Attackers that may take as much of the processor as everybody else. */
    greedy: { type: 'boolean', default: false },
  },
});
const bench = path.dirname(fileURLToPath(import.meta.url));
const root = path.dirname(bench);
const seconds = Number(flags.seconds);
const rounds = Number(flags.rounds);
/** The most that the contract lets a request have. */
const maxRows = 32;
/** Before the flood is measured it has begun. */
const floodLeadMs = 1_000;
const settleMs = 2_000;
const run = promisify(execFile);

/** What an operator who expects strangers writes; the rest are defaults. @param {string} folder @param {string} model @param {number} port */
function airlockConfig(folder, model, port) {
  const contract = path.join(folder, 'contract.yaml');
  const rules = [
    'apiVersion: airlock/contract/v1',
    'metadata: { id: flood, revision: 1 }',
    `dims: { batch: { min: 1, max: ${maxRows} } }`,
    'signatures:',
    '  serving_default:',
    '    inputs:',
    `      x: { dtype: float32, shape: [ batch, ${width} ], min: -1000, max: 1000 }`,
    'request: { maxBytes: 1048576 }',
  ];
  fs.writeFileSync(contract, `${rules.join('\n')}\n`);
  const file = path.join(folder, 'airlock.yaml');
  const config = {
    listen: { rest: `127.0.0.1:${port}` },
    store: path.join(root, '.airlock'),
    // Slow bodies are to be given up within the flood.
    limits: { request: { maxBodyBytes: 1024 * 1024 }, http: { requestTimeoutMs: 5_000, headersTimeoutMs: 2_000 } },
    models: [
      {
        name: 'model',
        path: model,
        unsafeUnsigned: true,
        contract,
        limits: {
          timeoutMs: 2_000,
          // With attackers on the same processor the honest client's own requests pile up: its times are not what such a run is about.
          perClient: { maxConcurrent: flags.greedy ? 64 : 16, costPerSecond: 100 * flopsPerRow, costBurst: 128 * flopsPerRow },
        },
        rateLimits: { perClient: { unitsPerSecond: 2_000, burst: 20_000 } },
      },
    ],
  };
  fs.writeFileSync(file, JSON.stringify(config, null, 1));
  return file;
}

/** @param {string} url */
async function answers(url) {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: requestBody(1, 1),
    });
    return response.ok;
  } catch {
    // Nobody listens yet.
    return false;
  }
}

/** @param {string} id @param {string} folder @param {string | undefined} python */
async function start(id, folder, python) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/v1/models/model:predict`;
  const model = path.join(folder, 'model');
  const commands = {
    airlock: () => ({
      command: process.execPath,
      args: [path.join(root, 'bin/airlock.js'), 'serve', airlockConfig(folder, model, port)],
    }),
    fastapi: () => ({
      command: python ?? 'python3',
      args: [path.join(bench, 'fastapi_stack.py'), '--model', model, '--port', `${port}`],
    }),
  };
  const logFile = path.join(folder, `${id}.log`);
  const server = await startServer({
    name: id,
    ...commands[/** @type {'airlock'} */ (id)](),
    url,
    logFile,
    probe: () => answers(url),
  });
  return { ...server, port };
}

/** @param {number} port @param {number} forSeconds */
async function honest(port, forSeconds) {
  const { stdout } = await run(process.execPath, [
    path.join(bench, 'flood/honest.js'),
    '--port',
    `${port}`,
    '--seconds',
    `${forSeconds}`,
  ]);
  return JSON.parse(stdout);
}

/** Attackers come from other machines: here they must not take the processor that the server and the honest client have. @param {number} port */
async function attack(port) {
  const script = path.join(bench, 'flood/attackers.js');
  const args = [script, '--port', `${port}`, '--seconds', `${seconds + (2 * floodLeadMs) / 1000}`, '--rows', `${maxRows}`];
  const isNice = !flags.greedy && spawnSync('nice', ['true']).status === 0;
  const { stdout } = isNice ? await run('nice', ['-n', '10', process.execPath, ...args]) : await run(process.execPath, args);
  return JSON.parse(stdout);
}

/** The most resident memory of a server and its processes until `done`. @param {number} pid @param {{ isOver: boolean }} done */
async function peakMemory(pid, done) {
  let peakMiB = 0;
  for (; !done.isOver; await sleep(200)) {
    try {
      peakMiB = Math.max(peakMiB, memoryOf(pid).rssMiB);
    } catch {
      // A process of it ended just now.
    }
  }
  return peakMiB;
}

/** @param {string} id @param {string | undefined} python */
async function flood(id, python) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'airlock-flood-'));
  writeLayersModel(path.join(folder, 'model'));
  // A server waits until what was written has lain still for two seconds.
  await sleep(2_100);
  const server = await start(id, folder, python);
  try {
    await honest(server.port, Math.min(2, seconds));
    const results = [];
    for (let round = 0; round < rounds; round++) {
      const quiet = await honest(server.port, seconds);
      const done = { isOver: false };
      const memory = peakMemory(server.pid, done);
      const attacking = attack(server.port);
      await sleep(floodLeadMs);
      const flooded = await honest(server.port, seconds);
      const told = await attacking;
      done.isOver = true;
      results.push({ quiet, flooded, told, peakMiB: await memory });
      console.error(
        `${id}: quiet p99 ${quiet.p99Ms.toFixed(1)} ms, flooded p99 ${flooded.p99Ms.toFixed(1)} ms, ${flooded.failed} of ${flooded.sent} failed`,
      );
      if (server.failure() !== undefined) break;
      if (round + 1 < rounds) await sleep(settleMs);
    }
    return { id, results, ended: server.failure() };
  } finally {
    await server.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

const ids = flags.only === undefined ? ['airlock', 'fastapi'] : [flags.only];
const places =
  flags.built && !ids.includes('fastapi') ? undefined : await prepare({ needsAirlock: !flags.built, needsAutocannon: false });
const stacks = [];
for (const id of ids) stacks.push(await flood(id, places?.python));
const report = floodReport(stacks, { seconds, rounds, root });
console.log(report);
if (flags.write) fs.writeFileSync(path.join(bench, 'flood.md'), report);
const airlock = stacks.find(({ id }) => id === 'airlock');
if (airlock !== undefined) {
  const lost = airlock.results.reduce((sum, { quiet, flooded }) => sum + quiet.failed + flooded.failed, 0);
  const ratio = quantile(
    airlock.results.map(({ quiet, flooded }) => flooded.p99Ms / quiet.p99Ms),
    0.5,
  );
  if (lost > 0 || airlock.ended !== undefined || ratio >= Number(flags['max-ratio'])) {
    console.error(
      `${lost} requests lost, p99 ${ratio.toFixed(2)} times the quiet one; the server ${airlock.ended ?? 'is still there'}`,
    );
    process.exitCode = 1;
  }
}
