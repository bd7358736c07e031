// The stacks that are compared, and how each is started for one model. All give TensorFlow one thread per op and one for ops.
import fs from 'node:fs';
import path from 'node:path';
import { checkAnswer } from './answer.js';
import { freePort, startServer } from './processes.js';

/** @typedef {import('./prepare.js').Places} Places */
/** @typedef {{ id: string, title: string, start: (places: Places, model: string, payload: string) => Promise<import('./processes.js').Server> }} Stack */

/**
 * @param {Stack['id']} id
 * @param {string} title
 * @param {(places: Places, folder: string, port: number) => { command: string, args: string[] }} commandLine
 * @returns {Stack}
 */
function stack(id, title, commandLine) {
  return {
    id,
    title,
    async start(places, model, payload) {
      const folder = path.join(places.models, model);
      const port = await freePort();
      const url = `http://127.0.0.1:${port}/v1/models/model:predict`;
      const logFile = path.join(places.work, `${id}-${model}.log`);
      const server = await startServer({
        name: title,
        ...commandLine(places, folder, port),
        url,
        logFile,
        probe: () => answers(url, folder, payload),
      });
      try {
        await checkAnswer(url, folder, payload);
      } catch (error) {
        await server.stop();
        throw new Error(`${title}: ${error instanceof Error ? error.message : error}`);
      }
      return server;
    },
  };
}

/**
 * @param {string} url
 * @param {string} folder
 * @param {string} payload
 */
async function answers(url, folder, payload) {
  const body = fs.readFileSync(path.join(folder, `${payload}.json`));
  try {
    const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    // Nobody listens yet.
    return false;
  }
}

/**
 * @param {string} id
 * @param {string[]} [more] lines of the configuration
 * @param {(places: Places) => string[]} [ofModel] lines of the model
 * @returns {(places: Places, folder: string, port: number) => { command: string, args: string[] }}
 */
function airlockCommand(id, more = [], ofModel = () => []) {
  return (places, folder, port) => {
    const file = path.join(places.work, `${id}-${path.basename(folder)}.yaml`);
    const lines = [
      `listen: { rest: 127.0.0.1:${port} }`,
      `store: ${JSON.stringify(places.store)}`,
      'models:',
      '  - name: model',
      `    path: ${JSON.stringify(folder)}`,
      '    unsafeUnsigned: true',
      ...ofModel(places).map((line) => `    ${line}`),
      ...more,
    ];
    fs.writeFileSync(file, `${lines.join('\n')}\n`);
    return { command: process.execPath, args: [path.join(places.root, 'bin/airlock.js'), 'serve', file] };
  };
}

/**
 * @param {string[]} more
 * @returns {(places: Places, folder: string, port: number) => { command: string, args: string[] }}
 */
function bareNodeCommand(more) {
  return (places, folder, port) => ({
    command: process.execPath,
    args: [
      path.join(places.bench, 'bare-node.js'),
      '--libraries',
      places.libraries,
      '--model',
      folder,
      '--port',
      `${port}`,
      ...more,
    ],
  });
}

/**
 * @param {string[]} more
 * @returns {(places: Places, folder: string, port: number) => { command: string, args: string[] }}
 */
function fastapiCommand(more) {
  return (places, folder, port) => ({
    command: places.python,
    args: [path.join(places.bench, 'fastapi_stack.py'), '--model', folder, '--port', `${port}`, ...more],
  });
}

/** A contract for the tiny model: the values of its input and output, and how many there may be. */
const tinyContract = `apiVersion: airlock/contract/v1
metadata: { id: bench, revision: 1 }
dims:
  numbers: { min: 1, max: 1000 }
signatures:
  serving_default:
    inputs:
      x: { dtype: float32, shape: [numbers], min: -1000000, max: 1000000 }
    outputs:
      y: { dtype: float32, shape: [numbers], min: -1000000, max: 1000000 }
`;

/**
 * Everything that looks at a request or holds it, on top of the defaults, with bounds that the load stays within. Signatures count when a model is loaded, not when it is asked.
 * @param {Places} places
 */
function everyProtection(places) {
  const contract = path.join(places.work, 'tiny-contract.yaml');
  fs.writeFileSync(contract, tinyContract);
  return [
    `contract: ${JSON.stringify(contract)}`,
    'rateLimits: { perClient: { unitsPerSecond: 1000000, burst: 1000000 }, perModel: { unitsPerSecond: 1000000, burst: 1000000 } }',
    'concurrency: { min: 128, max: 512 }',
    'spareWorker: true',
    'limits:',
    '  cpuMs: 1000',
    '  maxCost: 1e9',
    '  maxRequestMemoryMiB: 512',
    '  unknownCost: refuse',
    '  perClient: { maxConcurrent: 512, maxMemoryMiB: 1024, costPerSecond: 1e12 }',
    '  perModel: { maxConcurrent: 1024, maxMemoryMiB: 2048, costPerSecond: 1e12 }',
    '  ops: { AddV2: { maxMs: 100, maxMiB: 100 }, Mul: { maxMs: 100, maxMiB: 100 } }',
  ];
}

export const airlock = stack('airlock', 'Airlock', airlockCommand('airlock'));
export const airlockAll = stack('airlock', 'Airlock, every protection', airlockCommand('airlockAll', [], everyProtection));
export const airlockUnjailed = stack(
  'airlockUnjailed',
  'Airlock without its jail',
  airlockCommand('airlockUnjailed', ['sandbox: { unsafeLevel: none }']),
);
export const bareBlocking = stack('bareBlocking', 'bare Node, blocking call', bareNodeCommand([]));
export const bareThreaded = stack('bareThreaded', 'bare Node, call on a thread', bareNodeCommand(['--async']));
export const fastapi = stack('fastapi', 'FastAPI', fastapiCommand([]));
export const fastapiThreaded = stack('fastapi', 'FastAPI, call on a thread', fastapiCommand(['--threadpool']));
